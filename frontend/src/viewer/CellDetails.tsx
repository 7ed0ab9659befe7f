// All the numbers of one cell.
import type { Cell, Mixture } from "../record/types";
import { weightText } from "./format";
import type { Player } from "./player";

const MOST = 12;

export function CellDetails({ player }: { player: Player }) {
  const address = player.chosenCell.value;
  const cell = address === null ? undefined : player.calm.value.state.memory.get(address);
  if (cell === undefined) return <p class="details note">Point at a cell, or move the focus to it, to see its numbers.</p>;
  const slopes = player.record.end.gradient?.cells.find((one) => one.address === address);
  return (
    <div class="details" data-testid="details">
      <strong class="code">{cell.address}</strong> {cell.label && <span class="code">{cell.label}</span>}
      <dl>
        {parts(cell).map(([name, mixture]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <Numbers mixture={mixture} />
            </dd>
          </div>
        ))}
        {Object.entries(cell.numbers ?? {}).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="code">{weightText(value)}</dd>
          </div>
        ))}
        {cell.vector && (
          <div>
            <dt>vector</dt>
            <dd class="code">{cell.vector.map((value) => value.toFixed(3)).join("  ")}</dd>
          </div>
        )}
        {cell.bindings && cell.bindings.length > 0 && (
          <div>
            <dt>visible</dt>
            <dd class="code">
              {cell.bindings.map((one) => `${one.name} ${one.address ?? one.value ?? ""}${one.weight < 0.9995 ? ` ${weightText(one.weight)}` : ""}`).join(", ")}
            </dd>
          </div>
        )}
        {slopes && (
          <div>
            <dt>gradient of {player.record.end.gradient?.of}</dt>
            <dd class="code">
              {slopes.size.toPrecision(3)}
              {Object.entries(slopes.parts ?? {}).map(([name, some]) => `; ${name}: ${some.map(([symbol, slope]) => `${symbol} ${slope.toPrecision(3)}`).join(", ")}`)}
            </dd>
          </div>
        )}
      </dl>
    </div>
  );
}

function Numbers({ mixture }: { mixture: Mixture }) {
  return (
    <span class="code">
      {mixture.slice(0, MOST).map(([name, weight]) => (
        <span class="pair" key={name}>
          {name} <b>{weightText(weight)}</b>
        </span>
      ))}
      {mixture.length > MOST && ` and ${mixture.length - MOST} more`}
    </span>
  );
}

function parts(cell: Cell): [string, Mixture][] {
  return [
    ...(cell.tag ? [["tag", cell.tag] as [string, Mixture]] : []),
    ...Object.entries(cell.pointers ?? {}),
    ...Object.entries(cell.columns ?? {}),
    ...(cell.literal ? [["literal", cell.literal] as [string, Mixture]] : []),
  ].filter(([, mixture]) => mixture.length > 0);
}
