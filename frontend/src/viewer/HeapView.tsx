// Memory as a graph: what can be reached from the registers, and what points at what.
import { linkHorizontal } from "d3-shape";
import { useMemo } from "preact/hooks";
import { gradients } from "./MemoryTable";
import { type Edge, heapGraph, type Node, NODE_HEIGHT, NODE_WIDTH } from "./graph";
import type { Player } from "./player";

/** By the register that holds a cell. Said at the cell itself: where it moves too, browsers miss a rule of the style sheet. */
const COLOURS: Record<string, string> = {
  control: "var(--control)",
  environment: "var(--environment)",
  continuation: "var(--continuation)",
  stack: "var(--continuation)",
  visited: "var(--control)",
};

const curve = linkHorizontal<unknown, [number, number]>();

export function HeapView({ player }: { player: Player }) {
  const gradient = useMemo(() => gradients(player.record), [player]);
  const { state, lane } = player.calm.value;
  if (lane === null || state.memory.size === 0 || ![...state.memory.values()].some((cell) => cell.pointers)) return null;
  const graph = heapGraph(lane, state.memory);
  return (
    <section class="panel heap" aria-labelledby="heap-title">
      <header>
        <h2 id="heap-title">Heap</h2>
        <span class="key">
          {graph.roots.map((name) => (
            <span key={name} class={`root ${name}`}>{name}</span>
          ))}
        </span>
      </header>
      <div class="scroll" tabIndex={0} role="region" aria-label="Heap as a graph">
        <svg width={graph.width} height={graph.height} role="img" aria-label={description(graph.nodes, graph.edges)}>
          <g>
            {graph.edges.map((edge) => (
              <path
                key={`${edge.from.address} ${edge.name} ${edge.to.address}`}
                class="edge"
                style={{ d: `path("${pathOf(edge)}")`, opacity: 0.2 + 0.8 * edge.weight }}
                d={pathOf(edge)}
              >
                <title>{`${edge.from.address} ${edge.name} ${edge.to.address}${edge.weight < 0.9995 ? ` ${edge.weight.toFixed(3)}` : ""}`}</title>
              </path>
            ))}
          </g>
          {graph.nodes.map((node) => (
            <g
              key={node.address}
              class={`node ${node.root ?? ""}${state.written.has(node.address) ? " written" : ""}${player.chosenCell.value === node.address ? " chosen" : ""}`}
              style={{ transform: `translate(${node.x}px, ${node.y}px)`, opacity: 0.35 + 0.65 * node.weight }}
              onClick={() => (player.chosenCell.value = node.address)}
            >
              {(gradient.get(node.address) ?? 0) > 0.01 && (
                <rect class="glow" x="-4" y="-4" width={NODE_WIDTH + 8} height={NODE_HEIGHT + 8} rx="10" style={{ opacity: gradient.get(node.address) }} />
              )}
              <rect width={NODE_WIDTH} height={NODE_HEIGHT} rx="7" style={{ stroke: COLOURS[node.root ?? ""] ?? "var(--line)", strokeWidth: node.root ? 2.2 : 1.5 }} />
              <text x="9" y={NODE_HEIGHT / 2 + 4}>
                <tspan class="at">{node.address}</tspan> {node.label}
              </text>
            </g>
          ))}
        </svg>
        {graph.left > 0 && <p class="note">and {graph.left} cells farther away</p>}
      </div>
    </section>
  );
}

function pathOf({ from, to }: Edge): string {
  const isBack = to.x <= from.x;
  const start: [number, number] = [from.x + NODE_WIDTH, from.y + NODE_HEIGHT / 2];
  const end: [number, number] = [isBack ? to.x + NODE_WIDTH : to.x, to.y + NODE_HEIGHT / 2];
  if (!isBack) return curve({ source: start, target: end }) ?? "";
  const out = Math.max(start[0], end[0]) + 26;
  return `M${start[0]},${start[1]}C${out},${start[1]} ${out},${end[1]} ${end[0]},${end[1]}`;
}

function description(nodes: Node[], edges: Edge[]): string {
  const told = nodes.slice(0, 12).map((node) => {
    const to = edges.filter((edge) => edge.from === node).map((edge) => edge.to.address);
    return `${node.address} ${node.label}${to.length ? `, to ${to.join(" and ")}` : ""}`;
  });
  return `${nodes.length} cells. ${told.join("; ")}`;
}
