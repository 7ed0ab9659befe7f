// Runs programs in the browser itself: a worker with Python in it, made when it is first needed.
import type { Answer, Backend, Settings } from "../playground/backend";

/** An answer to the request of this number; null: there is no more to tell. */
interface Told {
  id: number;
  answer: Answer | null;
}

export class InBrowser implements Backend {
  readonly waits = true;
  private worker: Worker | null = null;
  private asked = 0;

  constructor(
    private readonly base: string,
    private readonly known: Settings,
  ) {}

  async settings(): Promise<Settings> {
    return this.known;
  }

  async ask(
    kind: "check" | "run" | "trace",
    request: object,
    tell: (answer: Answer) => void,
    signal: AbortSignal,
  ): Promise<void> {
    if (kind === "check" && this.worker === null) return; // typing alone loads nothing
    const worker = (this.worker ??= new Worker(new URL("worker.js", this.base), { type: "module" }));
    const id = ++this.asked;
    await new Promise<void>((resolve) => {
      const stop = () => {
        worker.terminate();
        if (this.worker === worker) this.worker = null;
        resolve();
      };
      const take = (event: MessageEvent<Told>) => {
        if (event.data.id !== id) return;
        if (event.data.answer !== null) return tell(event.data.answer);
        worker.removeEventListener("message", take);
        signal.removeEventListener("abort", stop);
        resolve();
      };
      if (kind !== "check") signal.addEventListener("abort", stop, { once: true });
      worker.addEventListener("message", take);
      worker.postMessage({ base: this.base, id, kind, body: JSON.stringify(request) });
    });
  }
}
