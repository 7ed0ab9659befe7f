// The alternatives of a run: how they split and merge, and those that are there now, to choose one.
import { useMemo } from "preact/hooks";
import { percent } from "./format";
import { outline, river } from "./river";
import type { Player } from "./player";

const WIDTH = 1000;
const HEIGHT = 180;
const MOST = 24;
const HUES = ["#6366f1", "#0d9488", "#d97706", "#db2777", "#2563eb", "#65a30d", "#9333ea", "#dc2626"];

export function Lanes({ player }: { player: Player }) {
  const flow = useMemo(() => river(player.record), [player]);
  if (flow === null) return null;
  const state = player.state.value;
  const lanes = [...state.lanes.values()].sort((a, b) => b.weight - a.weight);
  const shown = player.lane.value?.id;
  const at = (state.step / Math.max(player.last, 1)) * WIDTH;
  return (
    <section class="panel lanes" aria-labelledby="lanes-title">
      <header>
        <h2 id="lanes-title">Alternatives</h2>
        <span class="note">{lanes.length} now, at most {flow.most} at once; the height is the weight</span>
      </header>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Alternatives over ${player.last} steps`}
        onClick={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          player.pause();
          player.goTo(((event.clientX - box.left) / box.width) * player.last);
        }}
      >
        {flow.bands.map((band, index) => (
          <path
            key={index}
            d={outline(band, WIDTH, HEIGHT, player.last)}
            fill={HUES[band.id % HUES.length]}
            class={band.id === shown ? "shown" : ""}
            onClick={() => (player.chosenLane.value = band.id)}
          />
        ))}
        <line class="now" x1={at} x2={at} y1="0" y2={HEIGHT} />
      </svg>
      <ul class="choose">
        {lanes.slice(0, MOST).map((lane) => (
          <li key={lane.id}>
            <button aria-pressed={lane.id === shown} onClick={() => (player.chosenLane.value = lane.id)}>
              <i style={{ background: HUES[lane.id % HUES.length] }} />
              <span class="code">{lane.term?.text ? cut(lane.term.text) : `alternative ${lane.id}`}</span>
              <b>{percent(lane.weight)}</b>
            </button>
          </li>
        ))}
        {lanes.length > MOST && <li class="note">and {lanes.length - MOST} more</li>}
      </ul>
    </section>
  );
}

function cut(text: string): string {
  return text.length > 42 ? `${text.slice(0, 41)}…` : text;
}
