// Where in the run the page stands, and how it moves.
import { batch, computed, type ReadonlySignal, signal } from "@preact/signals";
import { type Lane, Replay, type State } from "../record/replay";
import type { TraceRecord } from "../record/types";

export const RATES = [1, 2, 5, 10, 30, 60] as const;
/** From so many steps a second on, changes are shown without being drawn out. */
const TOO_FAST = 10;

export class Player {
  readonly replay: Replay;
  readonly last: number;
  readonly step = signal(0);
  readonly isPlaying = signal(false);
  readonly rate = signal<number>(5);
  readonly chosenLane = signal<number | null>(null);
  readonly chosenCell = signal<string | null>(null);
  readonly state: ReadonlySignal<State>;
  readonly lane: ReadonlySignal<Lane | null>;
  private frame = 0;

  constructor(readonly record: TraceRecord) {
    this.replay = new Replay(record);
    this.last = this.replay.last;
    this.state = computed(() => this.replay.at(this.step.value));
    this.lane = computed(() => shown(this.state.value, this.chosenLane.value));
  }

  get isSlow(): boolean {
    return !this.isPlaying.value || this.rate.value <= TOO_FAST;
  }

  goTo(step: number): void {
    this.step.value = Math.min(Math.max(Math.round(step), 0), this.last);
  }

  move(by: number): void {
    this.pause();
    this.goTo(this.step.value + by);
  }

  toggle(): void {
    if (this.isPlaying.value) this.pause();
    else this.play();
  }

  play(): void {
    batch(() => {
      if (this.step.value >= this.last) this.goTo(0);
      this.isPlaying.value = true;
    });
    let before = performance.now();
    let due = 0;
    const tick = (now: number) => {
      due += ((now - before) / 1000) * this.rate.value;
      before = now;
      const whole = Math.floor(due);
      due -= whole;
      if (whole > 0) this.goTo(this.step.value + Math.min(whole, 10)); // after a pause of the browser it does not leap
      if (this.step.value >= this.last) this.pause();
      else this.frame = requestAnimationFrame(tick);
    };
    this.frame = requestAnimationFrame(tick);
  }

  pause(): void {
    cancelAnimationFrame(this.frame);
    this.isPlaying.value = false;
  }
}

/** The lane that somebody chose, or what became of it; else the heaviest. */
function shown(state: State, chosen: number | null): Lane | null {
  const lanes = [...state.lanes.values()];
  const heaviest = (some: Lane[]) => some.reduce<Lane | null>((best, lane) => (best && best.weight >= lane.weight ? best : lane), null);
  if (chosen === null) return heaviest(lanes);
  return state.lanes.get(chosen) ?? heaviest(lanes.filter((lane) => lane.parents.includes(chosen))) ?? heaviest(lanes);
}
