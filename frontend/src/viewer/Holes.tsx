// What stands for the holes of a program: a value, or each value with its probability; of a list, item by item.
import type { HoleRecord, Mixture } from "../record/types";
import { percent } from "./format";

/** So many rows are shown. */
const MOST = 40;

export function Holes({ holes }: { holes: Record<string, HoleRecord> }) {
  const rows = Object.entries(holes).flatMap(([name, hole]) => rowsOf(`?${name}`, hole));
  if (rows.length === 0) return null;
  return (
    <dl class="given">
      {rows.slice(0, MOST).map(([name, mixture]) => (
        <>
          <dt>{name}</dt>
          <dd>{mixture.length === 0 ? "'()" : mixture.map(([value, weight]) => text(value, weight)).join(" · ")}</dd>
        </>
      ))}
      {rows.length > MOST && <dd>and {rows.length - MOST} more items</dd>}
    </dl>
  );
}

function rowsOf(name: string, hole: HoleRecord): [string, Mixture][] {
  if (Array.isArray(hole)) return [[name, hole]];
  if (hole.items.length === 0) return [[name, []]];
  return hole.items.flatMap((item, place) => rowsOf(`${name}/${place}`, item));
}

function text(value: string, weight: number): string {
  return weight >= 0.99995 ? value : `${value} ${percent(weight)}`;
}
