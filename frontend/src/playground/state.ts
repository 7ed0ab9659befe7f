// What the playground holds, and what can be done with it. The parts of the page read these signals.
import { batch, computed, effect, signal } from "@preact/signals";
import type { TraceRecord } from "../record/types";
import type { Answer, Atom, Backend, Choice, Example, Holes, Problem, Settings } from "./backend";
import { ofFragment, toFragment } from "./share";

export const settings = signal<Settings | null>(null);
export const source = signal("");
export const engine = signal("machine");
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

/** What the holes of this program stand for; one that nobody has touched is one of two numbers. */
export const holes = computed<Holes>(() =>
  Object.fromEntries(names.value.map((name) => [name, choices.value[name] ?? EVEN])),
);

/** Whether a run that is watched says which cells its end depends on. */
export const gradient = signal(false);
export const hasGradient = computed(() => engine.value === "machine" && canWatch.value);

export const canWatch = computed(() => settings.value?.traced.includes(engine.value) ?? false);

export class Actions {
  private running: AbortController | null = null;
  private checking: AbortController | null = null;
  private waits = false;

  constructor(
    private readonly backend: Backend,
    private readonly showText: (text: string) => void,
  ) {}

  async start(): Promise<void> {
    const found = await this.backend.settings();
    settings.value = found;
    const shared = ofFragment(new URLSearchParams(location.hash.slice(1)).get("program") ?? "");
    if (shared === null) this.open(found.gallery[0]);
    else this.show(shared.source, shared.engine, shared.holes);
    effect(() => this.remember());
    await this.check();
    if (!this.backend.waits) await this.watch();
  }

  /** Put a program of the gallery into the editor. */
  open(example: Example | undefined): void {
    if (example === undefined) return;
    this.show(example.source, example.engine ?? "machine", example.holes ?? {});
    chosen.value = example;
  }

  private show(text: string, by: string, filled: Holes): void {
    this.stop();
    batch(() => {
      const known = settings.value?.engines ?? [];
      engine.value = known.includes(by) ? by : (known[0] ?? by);
      choices.value = filled;
      names.value = Object.keys(filled);
      [problem.value, result.value, trace.value, chosen.value] = [null, null, null, null];
      source.value = text;
    });
    this.showText(text);
  }

  /** Ask whether the text is a program, and which holes it has. */
  async check(): Promise<void> {
    this.checking?.abort();
    const asked = (this.checking = new AbortController());
    await this.ask("check", asked, (answer) => {
      if (answer.kind === "checked") [problem.value, names.value] = [answer.problem, answer.holes];
    });
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
    await this.ask(kind, asked, (answer) => this.take(answer));
    if (this.running === asked) busy.value = null;
  }

  private take(answer: Answer): void {
    fetched.value = answer.kind === "progress" && (answer.share ?? 1) < 1 ? (answer.share ?? null) : null;
    if (answer.kind === "progress") {
      const steps = answer.steps === undefined ? "" : `${answer.steps.toLocaleString("en")} steps, `;
      progress.value = `${steps}${answer.seconds.toFixed(1)} s`;
    } else if (answer.kind === "problem") problem.value = answer.problem;
    else if (answer.kind === "result") [result.value, problem.value] = [answer, null];
    else if (answer.kind === "trace") trace.value = answer.trace;
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

/** The weights of a hole, one of them changed. */
export function weigh(name: string, index: number, weight: number): void {
  const changed = (holes.value[name] ?? EVEN).map(([atom, was], at): Choice => [atom, at === index ? weight : was]);
  const total = changed.reduce((sum, [, each]) => sum + each, 0);
  if (total > 0) choices.value = { ...choices.value, [name]: changed };
}

/** Other values for a hole, as somebody typed them; a value that was there keeps its weight. */
export function revalue(name: string, text: string): boolean {
  const atoms = [...new Set(text.split(/[\s,]+/).filter(Boolean))].slice(0, 64).map(atom);
  if (atoms.length === 0) return false;
  const before = new Map(holes.value[name] ?? EVEN);
  choices.value = { ...choices.value, [name]: atoms.map((each): Choice => [each, before.get(each) ?? 1 / atoms.length]) };
  return true;
}

export function atom(text: string): Atom {
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d{1,9}$/.test(text) ? Number(text) : text;
}

function gone(error: unknown): string {
  return `the playground does not answer (${error instanceof Error ? error.message : String(error)}); is it still running?`;
}
