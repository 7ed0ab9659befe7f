// What the playground holds, and what can be done with it. The parts of the page read these signals.
import { batch, computed, effect, signal } from "@preact/signals";
import type { TraceRecord } from "../record/types";
import type { Answer, Backend, Choice, Example, Filling, Holes, Problem, Settings } from "./backend";
import { at, changed, fillingOf } from "./fillings";
import { ofFragment, type Shared, toFragment } from "./share";

export const settings = signal<Settings | null>(null);
export const source = signal("");
export const engine = signal("machine");
/** What there is to say of the engine, where it is another than somebody wanted. */
export const notice = signal("");
export const chosen = signal<Example | null>(null);
export const problem = signal<Problem | null>(null);
export const names = signal<string[]>([]);
export const choices = signal<Holes>({});
export const result = signal<Extract<Answer, { kind: "result" }> | null>(null);
export const trace = signal<TraceRecord | null>(null);
export const busy = signal<"run" | "trace" | null>(null);
export const progress = signal("");
/** How much of what runs programs has been fetched; null where nothing is fetched. */
export const fetched = signal<number | null>(null);

const EVEN: Choice[] = [[1, 0.5], [2, 0.5]];
const ONE: Choice[] = [[1, 1]];

/** What the holes of this program stand for; one that nobody has touched is one of two numbers, or one where engines take one. */
export const holes = computed<Holes>(() => {
  const untouched = settings.value?.soft === false ? ONE : EVEN;
  return Object.fromEntries(names.value.map((name) => [name, choices.value[name] ?? untouched]));
});

/** Whether a run that is watched says which cells its end depends on. */
export const gradient = signal(false);
export const hasGradient = computed(() => engine.value === "machine" && canWatch.value);

export const canWatch = computed(() => settings.value?.traced.includes(engine.value) ?? false);

export class Actions {
  private running: AbortController | null = null;
  private checking: AbortController | null = null;
  private waits = false;
  /** The engine that somebody chose; it stays, whatever is opened, where it runs that. */
  private wanted: string | null = null;

  constructor(
    private readonly backend: Backend,
    private readonly showText: (text: string) => void,
  ) {}

  async start(): Promise<void> {
    const found = await this.backend.settings();
    settings.value = found;
    const shared = ofFragment(new URLSearchParams(location.hash.slice(1)).get("program") ?? "");
    if (shared === null) this.open(found.gallery[0]);
    else this.openShared(shared, found);
    effect(() => this.remember());
    await this.check();
    if (!this.backend.waits) await this.watch();
  }

  /** Put a program of the gallery into the editor. */
  open(example: Example | undefined): void {
    if (example === undefined) return;
    const reason = this.wanted === null ? undefined : example.refused?.[this.wanted];
    const by = this.wanted !== null && reason === undefined ? this.wanted : (example.engine ?? this.first);
    this.show(example.source, by, example.holes ?? {});
    chosen.value = example;
    if (reason !== undefined) notice.value = `${this.wanted} does not run this program: ${reason}. It runs on ${engine.value}.`;
  }

  /** Run by this engine from now on. */
  choose(name: string): void {
    this.wanted = engine.value = name;
    notice.value = "";
  }

  /** The engine that runs what names none. */
  private get first(): string {
    return settings.value?.engines[0] ?? "machine";
  }

  /** Show what an address holds. Its engine is a choice, unless it is the one that the program would get anyway. */
  private openShared(shared: Shared, known: Settings): void {
    const example = known.gallery.find((one) => one.source === shared.source);
    this.show(shared.source, shared.engine, shared.holes);
    chosen.value = example ?? null;
    if (!known.engines.includes(shared.engine))
      notice.value = `There is no engine ${shared.engine} here. The program runs on ${engine.value}.`;
    else if (shared.engine !== (example?.engine ?? this.first)) this.wanted = shared.engine;
  }

  private show(text: string, by: string, filled: Holes): void {
    this.stop();
    batch(() => {
      engine.value = settings.value?.engines.includes(by) ? by : this.first;
      notice.value = "";
      choices.value = filled;
      names.value = Object.keys(filled);
      [problem.value, result.value, trace.value, chosen.value] = [null, null, null, null];
      source.value = text;
    });
    this.showText(text);
  }

  /** Ask whether the text is a program, and which holes it has; tells whether nobody has asked again meanwhile. */
  async check(): Promise<boolean> {
    this.checking?.abort();
    const asked = (this.checking = new AbortController());
    await this.ask("check", asked, (answer) => {
      if (answer.kind === "checked") [problem.value, names.value] = [answer.problem, answer.holes];
    });
    return !asked.signal.aborted;
  }

  async run(): Promise<void> {
    await this.perform("run");
  }

  async watch(): Promise<void> {
    await this.perform(canWatch.value ? "trace" : "run");
  }

  /** Run again for holes that moved: one run at a time, and the last position counts. */
  async follow(): Promise<void> {
    trace.value = null;
    if (this.waits) return;
    if (busy.value !== null) {
      this.waits = true;
      while (busy.value !== null) await new Promise((resume) => setTimeout(resume, 15));
      this.waits = false;
    }
    await this.perform("run", true);
  }

  stop(): void {
    this.running?.abort();
    this.running = null;
    busy.value = null;
  }

  private async perform(kind: "run" | "trace", quietly = false): Promise<void> {
    this.stop();
    const asked = (this.running = new AbortController());
    batch(() => {
      busy.value = kind;
      progress.value = "";
      if (!quietly) [problem.value, result.value, trace.value] = [null, null, null];
    });
    const text = source.value;
    await this.ask(kind, asked, (answer) => this.take(answer, source.value === text));
    if (this.running === asked) busy.value = null;
  }

  /** Take an answer. What it says is wrong with a text is of no use where the text is another by now: that is checked by itself. */
  private take(answer: Answer, isOfThisText: boolean): void {
    fetched.value = answer.kind === "progress" && (answer.share ?? 1) < 1 ? (answer.share ?? null) : null;
    if (answer.kind === "progress") {
      const steps = answer.steps === undefined ? "" : `${answer.steps.toLocaleString("en")} steps, `;
      progress.value = `${steps}${answer.seconds.toFixed(1)} s`;
    } else if (answer.kind === "problem") {
      if (isOfThisText || answer.problem.line === undefined) problem.value = answer.problem;
    } else if (answer.kind === "result") {
      result.value = answer;
      if (isOfThisText) problem.value = null;
    } else if (answer.kind === "trace") trace.value = answer.trace;
  }

  private async ask(
    kind: "check" | "run" | "trace",
    asked: AbortController,
    tell: (answer: Answer) => void,
  ): Promise<void> {
    const request = {
      source: source.value,
      engine: engine.value,
      holes: kind === "check" ? {} : holes.value,
      ...(kind === "trace" && gradient.value && hasGradient.value ? { gradient: true } : {}),
    };
    const told = (answer: Answer) => {
      if (!asked.signal.aborted) batch(() => tell(answer));
    };
    try {
      await this.backend.ask(kind, request, told, asked.signal);
    } catch (error) {
      if (!asked.signal.aborted) told({ kind: "problem", problem: { message: gone(error) } });
    }
  }

  /** Keep the address up to date: whoever is given it sees the same program. */
  private remember(): void {
    const fragment = new URLSearchParams(location.hash.slice(1));
    fragment.set("program", toFragment({ source: source.value, engine: engine.value, holes: holes.value }));
    history.replaceState(null, "", `#${fragment}`);
  }
}

/** The weights of a hole, or of a part of it, one of them changed. */
export function weigh(name: string, path: number[], index: number, weight: number): void {
  const hole: Filling = holes.value[name] ?? EVEN;
  const now = (at(hole, path) ?? []).map(([atom, was], place): Choice => [atom, place === index ? weight : was]);
  const total = now.reduce((sum, [, each]) => sum + each, 0);
  if (total > 0) choices.value = { ...choices.value, [name]: changed(hole, path, now) };
}

/** Other values for a hole, as somebody typed them; a value that was there keeps its weight. */
export function revalue(name: string, text: string): boolean {
  const found = fillingOf(text, holes.value[name] ?? EVEN);
  if (found === null) return false;
  choices.value = { ...choices.value, [name]: found };
  return true;
}

function gone(error: unknown): string {
  return `the playground does not answer (${error instanceof Error ? error.message : String(error)}); is it still running?`;
}
