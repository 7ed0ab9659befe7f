// Which cells are drawn, and where: each beside the first cell that leads to it.
import { hierarchy, tree } from "d3-hierarchy";
import type { Lane } from "../record/replay";
import type { Cell } from "../record/types";
import { mixtureText } from "./format";

export const NODE_WIDTH = 128;
export const NODE_HEIGHT = 28;
const GAP_X = 44;
const GAP_Y = 9;
const MOST = 60;
const LETTERS = 12;

export interface Node {
  address: string;
  label: string;
  root: string | null;
  weight: number;
  x: number;
  y: number;
}

export interface Edge {
  name: string;
  from: Node;
  to: Node;
  weight: number;
}

export interface Graph {
  nodes: Node[];
  edges: Edge[];
  roots: string[];
  width: number;
  height: number;
  left: number;
}

interface Branch {
  address: string | null;
  children: Branch[];
}

export function heapGraph(lane: Lane, memory: ReadonlyMap<string, Cell>): Graph {
  const starts = startsOf(lane, memory);
  const found = new Map<string, Node>();
  const trunk: Branch = { address: null, children: [] };
  const waiting: { address: string; weight: number; root: string | null; under: Branch }[] = starts.map((start) => ({ ...start, under: trunk }));
  let left = 0;
  // Breadth first: what is near the registers is drawn, however much there is.
  for (let next = 0; next < waiting.length; next++) {
    const { address, weight, root, under } = waiting[next] as (typeof waiting)[number];
    const cell = memory.get(address);
    if (cell === undefined || found.has(address)) continue;
    if (found.size >= MOST) {
      left++;
      continue;
    }
    found.set(address, { address, label: labelOf(cell), root, weight, x: 0, y: 0 });
    const branch: Branch = { address, children: [] };
    under.children.push(branch);
    for (const [, to, share] of pointers(cell)) waiting.push({ address: to, weight: weight * share, root: null, under: branch });
  }

  const layout = tree<Branch>().nodeSize([NODE_HEIGHT + GAP_Y, NODE_WIDTH + GAP_X]).separation(() => 1);
  const placed = layout(hierarchy(trunk)).descendants().filter((point) => point.data.address !== null);
  const top = Math.min(0, ...placed.map((point) => point.x));
  for (const point of placed) {
    const node = found.get(point.data.address as string) as Node;
    node.x = (point.depth - 1) * (NODE_WIDTH + GAP_X) + 6;
    node.y = point.x - top + 6;
  }
  const nodes = [...found.values()];
  const edges = nodes.flatMap((from) =>
    pointers(memory.get(from.address) as Cell).flatMap(([name, to, weight]) => {
      const target = found.get(to);
      return target ? [{ name, from, to: target, weight }] : [];
    }),
  );
  return {
    nodes,
    edges,
    roots: [...new Set(starts.map((start) => start.root))],
    width: Math.max(200, ...nodes.map((node) => node.x + NODE_WIDTH)) + 34,
    height: Math.max(60, ...nodes.map((node) => node.y + NODE_HEIGHT)) + 8,
    left,
  };
}

/** Where the graph begins: at what the registers hold, and what is visible. */
function startsOf(lane: Lane, memory: ReadonlyMap<string, Cell>): { address: string; weight: number; root: string }[] {
  const held = Object.entries(lane.registers).flatMap(([root, mixture]) =>
    mixture.slice(0, 4).map(([address, weight]) => ({ address, weight, root })),
  );
  const visible = lane.bindings.flatMap(({ address, weight }) => (address ? [{ address, weight, root: "environment" }] : []));
  const all = [...held, ...visible].filter((start) => memory.has(start.address));
  if (all.length > 0) return all;
  const items = Object.values(lane.stores).flatMap((store) => store.items.flatMap((item) => (item.address ? [item.address] : [])));
  const first = items.at(-1) ?? [...memory.keys()][0];
  return first ? [{ address: [...memory.keys()][0] as string, weight: 1, root: "root" }, { address: first, weight: 1, root: "stack" }] : [];
}

function pointers(cell: Cell): [string, string, number][] {
  return Object.entries(cell.pointers ?? {}).flatMap(([name, mixture]) =>
    mixture.slice(0, 4).map(([address, weight]): [string, string, number] => [name, address, weight]),
  );
}

function labelOf(cell: Cell): string {
  const parts = [mixtureText(cell.tag ?? [], 1).split(" ")[0], ...Object.values(cell.columns ?? {}).map((one) => one[0]?.[0]), cell.literal?.[0]?.[0]];
  const tag = cell.literal?.[0] && (cell.tag?.[0]?.[0] === "integer" || cell.tag?.[0]?.[0] === "boolean") ? cell.literal[0][0] : parts.filter(Boolean).join(" ");
  return tag.length > LETTERS ? `${tag.slice(0, LETTERS - 1)}…` : tag;
}
