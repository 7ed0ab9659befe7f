// All steps below one another: an automaton's states, tape and stack over time; what a structure holds; what a program did.
import { useMemo } from "preact/hooks";
import { type Lane, Replay, type State, type Store } from "../record/replay";
import { isPlain, slice } from "../record/replay";
import type { Cell } from "../record/types";
import { mixtureText, shade } from "./format";
import type { Player } from "./player";
import { Rows } from "./Rows";

const HEIGHT = 30;
const AROUND = 14;

export function StepList({ player }: { player: Player }) {
  const replay = useMemo(() => new Replay(player.record), [player]);
  const engine = player.record.header.engine;
  const scale = useMemo(() => largest(player.record.header.memory, player.record.steps), [player]);
  const at = player.calm.value.state.step;
  const isStructure = engine === "structure";
  return (
    <section class="panel steps" aria-labelledby="steps-title">
      <header>
        <h2 id="steps-title">{isStructure ? "Over time" : "Steps"}</h2>
      </header>
      <Rows
        label="All steps"
        count={player.last + 1}
        height={HEIGHT}
        most={engine === "automaton" || isStructure || engine === "cellular" ? 480 : 300}
        follow={at}
        row={(index) => {
          const state = replay.at(index);
          const lane = heaviest(state, player.chosenLane.value);
          return (
            <div
              key={index}
              role="row"
              aria-rowindex={index + 2}
              class={`row step-row${index === at ? " chosen" : ""}`}
              style={{ top: `${index * HEIGHT}px`, height: `${HEIGHT}px` }}
              onClick={() => {
                player.pause();
                player.goTo(index);
              }}
            >
              <span role="cell" class="number">{index}</span>
              <span role="cell" class="rule">{lane ? mixtureText(lane.rules, 2) : ""}</span>
              <span role="cell" class="what">{isStructure && state.memory.size > 0 ? <Held cells={[...state.memory.values()]} lane={lane} scale={scale} /> : <What lane={lane} player={player} />}</span>
            </div>
          );
        }}
      />
    </section>
  );
}

function heaviest(state: State, chosen: number | null): Lane | null {
  const own = chosen === null ? undefined : state.lanes.get(chosen);
  return own ?? [...state.lanes.values()].reduce<Lane | null>((best, lane) => (best && best.weight >= lane.weight ? best : lane), null);
}

/** Of a program, what is worked on next; of an automaton, its state and what its memories hold. */
function What({ lane, player }: { lane: Lane | null; player: Player }) {
  if (lane === null) return null;
  if (lane.term?.redex) {
    const { text, redex: [from, to] } = lane.term;
    return (
      <span class="code">
        {slice(text, Math.max(0, from - AROUND), from)}
        <mark class="redex">{slice(text, from, to)}</mark>
        {slice(text, to, to + AROUND)}
      </span>
    );
  }
  if (lane.term?.text) return <span class="code">{isPlain(lane.term.text) ? lane.term.text.slice(0, 120) : lane.term.text}</span>;
  const state = lane.registers["state"];
  const position = lane.numbers["position"];
  const input = player.record.header.input;
  return (
    <span class="configuration">
      {state && <span class="chip code">{mixtureText(state, 2)}</span>}
      {input && position !== undefined && (
        <span class="code input">
          <s>{input.slice(Math.max(0, position - AROUND), position).join(" ")}</s> <b>{input[position] ?? ""}</b> {input.slice(position + 1, position + AROUND).join(" ")}
        </span>
      )}
      {Object.entries(lane.stores).map(([name, store]) => (
        <Small key={name} name={name} store={store} />
      ))}
    </span>
  );
}

function Small({ name, store }: { name: string; store: Store }) {
  const head = store.head ?? -1;
  const from = store.kind === "stack" ? Math.max(0, store.items.length - 40) : Math.max(0, head - 40);
  return (
    <span class="small-store">
      <small>{name}</small>
      {store.items.slice(from, from + 80).map((item, index) => (
        <i key={index} class={from + index === head ? "head" : ""} style={{ opacity: 0.3 + 0.7 * (item.weight ?? 1) }}>
          {item.text}
        </i>
      ))}
    </span>
  );
}

/** What a structure holds: a square for each cell, by what lies there. */
function Held({ cells, lane, scale }: { cells: readonly Cell[]; lane: Lane | null; scale: number }) {
  return (
    <span class="configuration">
      {["action", "read"].map((name) => {
        const mixture = lane?.registers[name];
        return mixture && <span class="chip code" key={name}>{name} {mixtureText(mixture, 1)}</span>;
      })}
      <span class="vector" role="img" aria-label={cells.slice(0, 16).map((cell) => mixtureText(cell.literal ?? [], 1)).join(" ")}>
        {cells.slice(0, 48).map((cell) => <Square key={cell.address} cell={cell} scale={scale} />)}
      </span>
    </span>
  );
}

function Square({ cell, scale }: { cell: Cell; scale: number }) {
  if (cell.vector) {
    const size = Math.hypot(...cell.vector) / scale;
    return <i title={cell.vector.map((value) => value.toFixed(2)).join(" ")} style={{ background: shade(size) }} />;
  }
  const [name, weight] = cell.literal?.[0] ?? ["", 0];
  return (
    <i class="lettered" title={mixtureText(cell.literal ?? [])} style={{ background: shade(weight * 0.5) }}>
      {name.slice(0, 3)}
    </i>
  );
}

function largest(first: Cell[], steps: { memory?: Cell[] }[]): number {
  let most = 1e-9;
  for (const cell of [...first, ...steps.flatMap((step) => step.memory ?? [])]) if (cell.vector) most = Math.max(most, Math.hypot(...cell.vector));
  return most;
}
