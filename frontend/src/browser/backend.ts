// Runs programs in the browser itself: a worker with Python in it, made when it is first needed.
import type { Answer, Backend, Settings } from "../playground/backend";

type Kind = "check" | "run" | "trace";

/** An answer to the request of this number, or to all where it is 0; null: there is no more to tell. */
interface Told {
  id: number;
  answer: Answer | null;
}

/** What was asked and has not been answered to the end. */
interface Asked {
  kind: Kind;
  body: string;
  tell: (answer: Answer) => void;
  done: () => void;
}

export class InBrowser implements Backend {
  readonly waits = true;
  private worker: Worker | null = null;
  private isWanted = false;
  private count = 0;
  private readonly open = new Map<number, Asked>();

  constructor(
    private readonly base: string,
    private readonly known: Settings,
  ) {}

  async settings(): Promise<Settings> {
    return this.known;
  }

  async ask(kind: Kind, request: object, tell: (answer: Answer) => void, signal: AbortSignal): Promise<void> {
    if (kind === "check" && !this.isWanted) return; // typing alone loads nothing
    this.isWanted = true;
    const id = ++this.count;
    await new Promise<void>((resolve) => {
      const stop = () => this.restart(id);
      const done = () => {
        signal.removeEventListener("abort", stop);
        resolve();
      };
      this.open.set(id, { kind, body: JSON.stringify(request), tell, done });
      if (kind !== "check") signal.addEventListener("abort", stop, { once: true });
      this.post(id);
    });
  }

  private post(id: number): void {
    const asked = this.open.get(id);
    this.worker ??= this.start();
    if (asked) this.worker.postMessage({ base: this.base, id, kind: asked.kind, body: asked.body });
  }

  private start(): Worker {
    const worker = new Worker(new URL("worker.js", this.base), { type: "module" });
    worker.onmessage = (event: MessageEvent<Told>) => {
      const { id, answer } = event.data;
      if (id === 0 && answer !== null) for (const asked of this.open.values()) asked.tell(answer);
      else if (answer !== null) this.open.get(id)?.tell(answer);
      else this.close(id);
    };
    worker.onerror = (event) => {
      if (this.worker !== worker) return;
      this.worker = null;
      const problem = { message: `Python does not run in this browser: ${event.message || "its worker could not be loaded"}` };
      for (const [id, asked] of [...this.open]) {
        asked.tell({ kind: "problem", problem });
        this.close(id);
      }
    };
    return worker;
  }

  private close(id: number): void {
    const asked = this.open.get(id);
    this.open.delete(id);
    asked?.done();
  }

  /** End what runs: its worker ends with it, and what waits behind it is asked again of another. */
  private restart(id: number): void {
    this.worker?.terminate();
    this.worker = null;
    this.close(id);
    for (const other of this.open.keys()) this.post(other);
  }
}
