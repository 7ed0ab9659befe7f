// Memory as a table of distributions: in each field, where its weight lies; the numbers of the cell that is looked at beside it.
import { useMemo } from "preact/hooks";
import type { Cell, Mixture, TraceRecord } from "../record/types";
import { CellDetails } from "./CellDetails";
import { mixtureText, placeOf, shade } from "./format";
import type { Player } from "./player";
import { Rows } from "./Rows";

const HEIGHT = 30;

/** A column of the table: a part that cells have. */
interface Column {
  name: string;
  isPointer: boolean;
  width: number;
  of: (cell: Cell) => Mixture | undefined;
}

export function MemoryTable({ player }: { player: Player }) {
  const columns = useMemo(() => columnsOf(player.record), [player]);
  const size = useMemo(() => sizeOf(player.record), [player]);
  const gradient = useMemo(() => gradients(player.record), [player]);
  const { state } = player.calm.value;
  const cells = [...state.memory.values()];
  const written = cells.findIndex((cell) => state.written.has(cell.address));
  const last = state.written.size ? cells.findLastIndex((cell) => state.written.has(cell.address)) : -1;
  const template = `52px 132px ${columns.map((column) => `minmax(${column.width}px, 1fr)`).join(" ")}${gradient.size ? " 90px" : ""}`;
  const chosen = player.chosenCell.value;
  const look = (index: number, move: boolean) => {
    const cell = cells[index];
    if (cell === undefined) return;
    player.chosenCell.value = cell.address;
    if (move) requestAnimationFrame(() => document.getElementById(`cell-${cell.address}`)?.focus());
  };
  if (cells.length === 0 && player.last > 0 && player.record.steps.every((step) => !step.memory)) return null;
  return (
    <section class="panel memory" aria-labelledby="memory-title">
      <header>
        <h2 id="memory-title">Memory</h2>
        <span class="note">{cells.length} cells; each field shows where its weight lies</span>
      </header>
      <Rows
        label="Memory"
        count={cells.length}
        height={HEIGHT}
        most={360}
        follow={written >= 0 ? last : undefined}
        width={184 + 28 + 8 * (columns.length + 2) + columns.reduce((sum, column) => sum + column.width, 0) + (gradient.size ? 90 : 0)}
        head={
          <div class="grid" style={{ gridTemplateColumns: template }}>
            <span role="columnheader">address</span>
            <span role="columnheader">tag</span>
            {columns.map((column) => (
              <span role="columnheader" key={column.name}>{column.name}</span>
            ))}
            {gradient.size > 0 && <span role="columnheader">gradient</span>}
          </div>
        }
        row={(index) => {
          const cell = cells[index] as Cell;
          return (
            <div
              key={cell.address}
              id={`cell-${cell.address}`}
              role="row"
              aria-rowindex={index + 2}
              class={`row${state.written.has(cell.address) ? " written" : ""}${chosen === cell.address ? " chosen" : ""}`}
              style={{ top: `${index * HEIGHT}px`, height: `${HEIGHT}px`, gridTemplateColumns: template }}
              tabIndex={chosen === cell.address || (chosen === null && index === 0) ? 0 : -1}
              onMouseEnter={() => look(index, false)}
              onFocus={() => look(index, false)}
              onClick={() => look(index, false)}
              onKeyDown={(event) => {
                if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
                event.preventDefault();
                look(index + (event.key === "ArrowDown" ? 1 : -1), true);
              }}
            >
              <span role="cell" class="address">{cell.address}</span>
              <span role="cell" class="tag">
                <Tags mixture={cell.tag ?? []} />
              </span>
              {columns.map((column) => (
                <span role="cell" key={column.name} class="field">
                  <Field cell={cell} column={column} size={size} />
                </span>
              ))}
              {gradient.size > 0 && (
                <span role="cell" class="field">
                  <Bar share={gradient.get(cell.address) ?? 0} />
                </span>
              )}
            </div>
          );
        }}
      />
      <CellDetails player={player} />
    </section>
  );
}

function Tags({ mixture }: { mixture: Mixture }) {
  return (
    <>
      {mixture.slice(0, 3).map(([name, weight]) => (
        <span class="chip" key={name} style={{ background: shade(weight * 0.3) }}>
          {name}
          {weight < 0.9995 && <small> {weight.toFixed(2)}</small>}
        </span>
      ))}
    </>
  );
}

/** Where the weight of a field lies: for addresses, along all of memory; for symbols, shaded by how much. */
function Field({ cell, column, size }: { cell: Cell; column: Column; size: number }) {
  if (column.name === "vector") return <Vector values={cell.vector ?? []} />;
  const mixture = column.of(cell);
  if (mixture === undefined || mixture.length === 0) return null;
  const text = mixtureText(mixture, 2);
  if (!column.isPointer) {
    const [first] = mixture as [[string, number]];
    return (
      <span class="chip" style={{ background: shade(first[1] * 0.35, "var(--number)") }}>
        {text}
      </span>
    );
  }
  return (
    <>
      <span class="words">{text}</span>
      <span class="strip" aria-hidden="true">
        {mixture.map(([name, weight]) => (
          <i key={name} style={{ left: `${((placeOf(name) ?? 0) / size) * 100}%`, width: `max(3px, ${100 / size}%)`, opacity: 0.15 + 0.85 * weight }} />
        ))}
      </span>
    </>
  );
}

function Vector({ values }: { values: number[] }) {
  const largest = Math.max(1e-9, ...values.map(Math.abs));
  return (
    <span class="vector" role="img" aria-label={values.map((value) => value.toFixed(2)).join(" ")}>
      {values.slice(0, 64).map((value, index) => (
        <i key={index} style={{ background: shade(Math.abs(value) / largest, value < 0 ? "var(--wrong)" : "var(--accent-fill)") }} />
      ))}
    </span>
  );
}

function Bar({ share }: { share: number }) {
  return (
    <span class="bar-of" aria-hidden="true">
      <i style={{ transform: `scaleX(${share})` }} />
    </span>
  );
}

/** All parts that cells of a run have: what they say first, then where they point. */
function columnsOf(record: TraceRecord): Column[] {
  const found = new Map<string, Column>();
  let hasLiteral = false;
  let hasVector = false;
  for (const cell of allCells(record)) {
    for (const name of Object.keys(cell.pointers ?? {}))
      if (!found.has(name)) found.set(name, { name, isPointer: true, width: 76, of: (one) => one.pointers?.[name] ?? one.columns?.[name] });
    for (const name of Object.keys(cell.columns ?? {}))
      if (!found.has(name)) found.set(name, { name, isPointer: false, width: 78, of: (one) => one.columns?.[name] ?? one.pointers?.[name] });
    hasLiteral ||= cell.literal !== undefined;
    hasVector ||= cell.vector !== undefined;
  }
  const all = [...found.values()].sort((a, b) => Number(a.isPointer) - Number(b.isPointer));
  if (hasLiteral) all.unshift({ name: "literal", isPointer: false, width: 84, of: (one) => one.literal });
  if (hasVector) all.push({ name: "vector", isPointer: false, width: 180, of: () => undefined });
  return all;
}

function* allCells(record: TraceRecord): Generator<Cell> {
  yield* record.header.memory;
  for (const step of record.steps) yield* step.memory ?? [];
}

/** How many addresses there are in all. */
function sizeOf(record: TraceRecord): number {
  let most = 1;
  for (const cell of allCells(record)) most = Math.max(most, (placeOf(cell.address) ?? 0) + 1);
  return most;
}

/** How much the end depends on each cell, the most being one. */
export function gradients(record: TraceRecord): Map<string, number> {
  const cells = record.end.gradient?.cells ?? [];
  const most = Math.max(1e-12, ...cells.map((cell) => cell.size));
  return new Map(cells.map((cell) => [cell.address, cell.size / most]));
}
