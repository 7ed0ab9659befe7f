// The state after any step, rebuilt from what each step says became other.
import type { Binding, Cell, Ending, Item, LaneRecord, Mixture, StepRecord, StoreKind, StoreRecord, TermRecord, TraceRecord } from "./types";

export interface Store {
  kind: StoreKind;
  items: readonly Item[];
  head?: number;
}

export interface Term extends Omit<TermRecord, "edit"> {
  text: string;
}

export interface Lane {
  id: number;
  parents: readonly number[];
  weight: number;
  rules: Mixture;
  registers: Readonly<Record<string, Mixture>>;
  numbers: Readonly<Record<string, number>>;
  bindings: readonly Binding[];
  stores: Readonly<Record<string, Store>>;
  term: Term | null;
}

/** Where a run stands. `memory` is lent: it holds until the next state is asked for. */
export interface State {
  step: number;
  lanes: ReadonlyMap<number, Lane>;
  memory: ReadonlyMap<string, Cell>;
  written: ReadonlySet<string>;
  ends: readonly Ending[];
}

interface Snapshot {
  lanes: Map<number, Lane>;
  memory: Map<string, Cell>;
}

const BETWEEN_SNAPSHOTS = 50;

const NEW: Omit<Lane, "id"> = {
  parents: [],
  weight: 1,
  rules: [],
  registers: {},
  numbers: {},
  bindings: [],
  stores: {},
  term: null,
};

/** Goes through a run. A step forward costs what the step changed; a jump, at most the steps since the snapshot before it. */
export class Replay {
  readonly last: number;
  private readonly snapshots = new Map<number, Snapshot>();
  private lanes: Map<number, Lane>;
  private memory: Map<string, Cell>;
  private step = 0;

  constructor(private readonly record: TraceRecord) {
    this.last = record.steps.length;
    this.lanes = new Map();
    this.memory = new Map(record.header.memory.map((cell) => [cell.address, cell]));
    takeLanes(this.lanes, record.header.lanes);
    this.keep();
  }

  at(step: number): State {
    const wanted = Math.min(Math.max(step, 0), this.last);
    if (wanted < this.step || wanted >= this.step + BETWEEN_SNAPSHOTS) this.jump(wanted);
    while (this.step < wanted) this.forward();
    const taken = wanted === 0 ? undefined : this.record.steps[wanted - 1];
    return {
      step: wanted,
      lanes: new Map(this.lanes),
      memory: this.memory,
      written: new Set(taken?.memory?.map((cell) => cell.address)),
      ends: taken?.ends ?? [],
    };
  }

  /** Go to the last snapshot that is not after a step. */
  private jump(wanted: number): void {
    let from = wanted - (wanted % BETWEEN_SNAPSHOTS);
    while (!this.snapshots.has(from)) from -= BETWEEN_SNAPSHOTS;
    if (this.step <= wanted && this.step >= from) return;
    const snapshot = this.snapshots.get(from) as Snapshot;
    this.step = from;
    this.lanes = new Map(snapshot.lanes);
    this.memory = new Map(snapshot.memory);
  }

  private forward(): void {
    apply(this.record.steps[this.step] as StepRecord, this.lanes, this.memory);
    this.step += 1;
    if (this.step % BETWEEN_SNAPSHOTS === 0) this.keep();
  }

  private keep(): void {
    if (!this.snapshots.has(this.step))
      this.snapshots.set(this.step, { lanes: new Map(this.lanes), memory: new Map(this.memory) });
  }
}

function apply(step: StepRecord, lanes: Map<number, Lane>, memory: Map<string, Cell>): void {
  for (const cell of step.memory ?? []) memory.set(cell.address, cell);
  for (const address of step.freed ?? []) memory.delete(address);
  takeLanes(lanes, step.lanes ?? []);
  for (const id of step.closed ?? []) lanes.delete(id);
}

/** What a step says of its lanes; a lane that is new starts as its first parent was before the step. */
function takeLanes(lanes: Map<number, Lane>, told: readonly LaneRecord[]): void {
  const before = new Map(lanes);
  const spoken = new Set(told.map((lane) => lane.id));
  for (const [id, lane] of before) if (!spoken.has(id) && lane.rules.length > 0) lanes.set(id, { ...lane, rules: [] });
  for (const lane of told) {
    const known = before.get(lane.id);
    const origin = known ?? before.get(lane.parents?.[0] ?? -1) ?? NEW;
    lanes.set(lane.id, {
      id: lane.id,
      parents: known ? known.parents : (lane.parents ?? []),
      weight: lane.weight ?? origin.weight,
      rules: lane.rules ?? [],
      registers: lane.registers ? { ...origin.registers, ...lane.registers } : origin.registers,
      numbers: lane.numbers ? { ...origin.numbers, ...lane.numbers } : origin.numbers,
      bindings: lane.bindings ?? origin.bindings,
      stores: lane.stores ? takeStores(origin.stores, lane.stores) : origin.stores,
      term: lane.term ? takeTerm(origin.term, lane.term) : origin.term,
    });
  }
}

function takeStores(before: Lane["stores"], told: Record<string, StoreRecord>): Lane["stores"] {
  const after = { ...before };
  for (const [name, { kind, at = 0, remove = 0, insert = [], head }] of Object.entries(told)) {
    const store = before[name];
    const items = [...(store?.items ?? [])];
    items.splice(at, remove, ...insert);
    after[name] = { kind: kind ?? store?.kind ?? "stack", items, head: head ?? store?.head };
  }
  return after;
}

function takeTerm(before: Term | null, told: TermRecord): Term {
  const { edit, text, ...rest } = told;
  if (text !== undefined) return { ...rest, text };
  if (edit === undefined) return { ...rest, text: "" };
  const old = before?.text ?? "";
  return { ...rest, text: slice(old, 0, edit.at) + edit.insert + slice(old, edit.at + edit.remove) };
}

/** A part of a text, counted in characters, where JavaScript counts halves of some. */
export function slice(text: string, from: number, to?: number): string {
  return isPlain(text) ? text.slice(from, to) : [...text].slice(from, to).join("");
}

export function isPlain(text: string): boolean {
  return !/[\ud800-\udfff]/.test(text);
}
