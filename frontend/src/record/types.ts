// The record of a run, as `neurallambda/traces/schema.json` describes it.

/** What something may be, each with its weight, the heaviest first. */
export type Mixture = [string, number][];
export type Span = [number, number];

export interface TraceRecord {
  header: Header;
  steps: StepRecord[];
  end: EndRecord;
}

export interface Header {
  engine: string;
  source?: string;
  name?: string;
  input?: string[];
  holes?: Record<string, HoleRecord>;
  limits?: Record<string, unknown>;
  lanes: LaneRecord[];
  memory: Cell[];
}

/** What a hole stands for; the items, where it is a list. */
export type HoleRecord = Mixture | { items: HoleRecord[] };

export interface StepRecord {
  number: number;
  lanes?: LaneRecord[];
  closed?: number[];
  memory?: Cell[];
  freed?: string[];
  ends?: Ending[];
}

export interface EndRecord {
  steps: number;
  outcome: Outcome;
  distribution?: Ending[];
  truncated?: string;
  gradient?: Gradient;
}

export interface LaneRecord {
  id: number;
  parents?: number[];
  weight?: number;
  rules?: Mixture;
  registers?: Record<string, Mixture>;
  numbers?: Record<string, number>;
  bindings?: Binding[];
  stores?: Record<string, StoreRecord>;
  term?: TermRecord;
}

export interface Binding {
  name: string;
  address?: string;
  value?: string;
  weight: number;
}

export interface StoreRecord {
  kind?: StoreKind;
  at?: number;
  remove?: number;
  insert?: Item[];
  head?: number;
}

export type StoreKind = "stack" | "queue" | "tape";

export interface Item {
  text: string;
  address?: string;
  weight?: number;
}

export interface TermRecord {
  text?: string;
  edit?: { at: number; remove: number; insert: string };
  redex?: Span;
  soft?: Soft[];
  confidence?: number;
  omitted?: string;
}

export interface Soft {
  span: Span;
  values: Mixture;
}

export interface Cell {
  address: string;
  tag?: Mixture;
  pointers?: Record<string, Mixture>;
  columns?: Record<string, Mixture>;
  literal?: Mixture;
  bindings?: Binding[];
  numbers?: Record<string, number>;
  vector?: number[];
  confidence?: number;
  label?: string;
}

export interface Ending {
  lane?: number;
  value?: string;
  error?: string;
  verdict?: string;
  weight: number;
}

export interface Outcome {
  value?: string;
  error?: string;
  verdict?: string;
  message?: string;
  line?: number;
  column?: number;
}

export interface Gradient {
  of: string;
  cells: { address: string; size: number; parts?: Record<string, Mixture> }[];
}
