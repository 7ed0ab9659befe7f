// Where in the run the page stands, and how it moves.
import { batch, computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import { type Lane, Replay, type State } from "../record/replay";
import type { TraceRecord } from "../record/types";

export const RATES = [1, 2, 5, 10, 30, 60] as const;
/** From so many steps a second on, changes are shown without being drawn out. */
const TOO_FAST = 10;
/** What is large is then drawn again only after so many milliseconds. */
const CALM = 250;

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
  /** The state, and the lane of it, that large parts of the page show: while the run flies by, not every one. */
  readonly calm: ReadonlySignal<{ state: State; lane: Lane | null }>;
  private readonly calmStep = signal(0);
  private calmed = 0;
  private frame = 0;

  constructor(readonly record: TraceRecord) {
    this.replay = new Replay(record);
    this.last = this.replay.last;
    this.state = computed(() => this.replay.at(this.step.value));
    this.lane = computed(() => shown(this.state.value, this.chosenLane.value));
    const beside = new Replay(record);
    this.calm = computed(() => {
      const state = beside.at(this.calmStep.value);
      return { state, lane: shown(state, this.chosenLane.value) };
    });
  }

  /** Keep what is large up to date, until the function that is given back is called. */
  followCalmly(): () => void {
    return effect(() => {
      const step = this.step.value;
      const now = performance.now();
      if (!this.isSlow && now - this.calmed < CALM) return;
      this.calmed = now;
      this.calmStep.value = step;
    });
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
