// Who runs programs for the playground: the server that served it, or whoever else speaks the same way.
import type { TraceRecord } from "../record/types";

export interface Place {
  line: number;
  column: number;
}

export interface Problem extends Partial<Place> {
  message: string;
  limit?: string;
}

export type Atom = number | boolean | string;
export type Choice = [Atom, number];
/** What a hole stands for: choices, or a list of such. */
export type Filling = Choice[] | { items: Filling[] };
export type Holes = Record<string, Filling>;

export interface Request {
  source: string;
  engine: string;
  holes: Holes;
  max_steps?: number;
  gradient?: boolean;
}

export type Answer =
  | { kind: "progress"; seconds: number; steps?: number; share?: number }
  | { kind: "checked"; problem: Problem | null; holes: string[] }
  | { kind: "result"; steps: number; seconds: number; value?: string; error?: ProgramError; ends: [number, string][] }
  | { kind: "trace"; trace: TraceRecord; seconds: number }
  | { kind: "problem"; problem: Problem };

export interface ProgramError extends Partial<Place> {
  kind: string;
  message: string;
}

export interface Example {
  name: string;
  about: string;
  source: string;
  engine?: string;
  holes?: Holes;
  /** The engines that do not run it, each with the reason. */
  refused?: Record<string, string>;
}

export interface Settings {
  version: string;
  /** Whether a hole may be several values: some engine takes that. */
  soft: boolean;
  /** The engines whose runs can be watched step by step. */
  traced: string[];
  engines: string[];
  gallery: Example[];
  limits: { source: number; steps: number; traced: number; seconds: number };
}

export interface Backend {
  /** Whether nothing is to be run before somebody asks for it: what runs programs is large, and not there yet. */
  readonly waits?: boolean;
  settings(): Promise<Settings>;
  ask(kind: "check" | "run" | "trace", request: Request, tell: (answer: Answer) => void, signal: AbortSignal): Promise<void>;
}

/** The server that this page came from: a line of JSON for each answer. */
export const server: Backend = {
  async settings() {
    const response = await fetch("/api/settings");
    return (await response.json()) as Settings;
  },

  async ask(kind, request, tell, signal) {
    const response = await fetch(`/api/${kind}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
      signal,
    });
    if (!response.ok || response.body === null) {
      const answer = (await response.json()) as { problem: Problem };
      tell({ kind: "problem", problem: answer.problem });
      return;
    }
    for await (const line of lines(response.body)) tell(JSON.parse(line) as Answer);
  },
};

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let waiting: string[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = decoder.decode(value, { stream: true }).split("\n");
    const last = parts.pop() ?? "";
    for (const part of parts) {
      yield waiting.join("") + part;
      waiting = [];
    }
    waiting.push(last);
  }
}
