// The alternatives of a run as a river: where one splits, and where several become one. What is drawn is found once for a run.
import { area, curveBumpX } from "d3-shape";
import type { StepRecord, TraceRecord } from "../record/types";

/** Where a band lies from one step on, as shares of the whole. */
interface Point {
  step: number;
  from: number;
  to: number;
}

/** A piece of the river: an alternative while it lasts, or the way from one to another. */
export interface Band {
  id: number;
  points: Point[];
}

export interface River {
  bands: Band[];
  most: number;
}

export function river(record: TraceRecord): River | null {
  const flow = new Flow();
  for (const lane of record.header.lanes) flow.begin(lane.id, lane.weight ?? 1, []);
  flow.place(0);
  record.steps.forEach((step, index) => flow.take(step, index + 1));
  flow.end(record.steps.length);
  return flow.lasting.size > 1 ? { bands: [...flow.ways, ...flow.lasting.values()], most: flow.most } : null;
}

class Flow {
  readonly lasting = new Map<number, Band>();
  readonly ways: Band[] = [];
  most = 0;
  private readonly weights = new Map<number, number>();
  private order: number[] = [];

  begin(id: number, weight: number, parents: readonly number[]): void {
    this.weights.set(id, weight);
    this.lasting.set(id, { id, points: [] });
    const places = parents.map((parent) => this.order.indexOf(parent)).filter((place) => place >= 0);
    this.order.splice(places.length ? Math.max(...places) + 1 : this.order.length, 0, id);
  }

  take(step: StepRecord, number: number): void {
    const told = step.lanes ?? [];
    const fresh = told.filter((lane) => !this.weights.has(lane.id));
    for (const lane of told) if (this.weights.has(lane.id) && lane.weight !== undefined) this.weights.set(lane.id, lane.weight);
    const before = new Map([...this.lasting].map(([id, band]) => [id, band.points.at(-1)]));
    // The last of several children is put in first, right behind its parent: so they keep their order.
    for (const lane of [...fresh].reverse()) {
      const first = this.weights.get(lane.parents?.[0] ?? -1) ?? 1;
      this.begin(lane.id, lane.weight ?? first, lane.parents ?? []);
    }
    const closed = new Set(step.closed);
    for (const id of closed) this.reach(id, number - 1);
    this.order = this.order.filter((id) => !closed.has(id));
    if (told.some((lane) => lane.weight !== undefined) || fresh.length || closed.size) this.place(number);
    const used = new Map<number, number>();
    for (const lane of fresh) this.join(lane.id, lane.parents ?? [], number, before, used);
  }

  end(number: number): void {
    for (const id of this.order) this.reach(id, number);
  }

  /** Say where each alternative lies from a step on. */
  place(step: number): void {
    let top = 0;
    for (const id of this.order) {
      const weight = this.weights.get(id) ?? 0;
      const points = (this.lasting.get(id) as Band).points;
      const last = points.at(-1);
      if (last === undefined || last.from !== top || last.to !== top + weight) {
        this.reach(id, step - 1);
        points.push({ step, from: top, to: top + weight });
      }
      top += weight;
    }
    this.most = Math.max(this.most, this.order.length);
  }

  private reach(id: number, step: number): void {
    const points = this.lasting.get(id)?.points;
    const last = points?.at(-1);
    if (points && last && last.step < step) points.push({ ...last, step });
  }

  /** The ways from the parents of an alternative to it, each as wide as what flows there. */
  private join(id: number, parents: readonly number[], step: number, before: Map<number, Point | undefined>, used: Map<number, number>): void {
    const to = this.lasting.get(id)?.points.at(-1);
    if (to === undefined) return;
    let top = to.from;
    for (const parent of parents) {
      const from = before.get(parent);
      if (from === undefined) continue;
      const width = parents.length === 1 ? to.to - to.from : Math.min(from.to - from.from, to.to - top);
      const start = from.from + (used.get(parent) ?? 0);
      used.set(parent, (used.get(parent) ?? 0) + width);
      this.ways.push({ id, points: [{ step: step - 1, from: start, to: start + width }, { step, from: top, to: top + width }] });
      top += width;
    }
  }
}

/** The outline of a band. */
export function outline(band: Band, width: number, height: number, last: number): string {
  const x = (step: number) => (step / Math.max(last, 1)) * width;
  const shape = area<Point>()
    .curve(curveBumpX)
    .x((point) => x(point.step))
    .y0((point) => point.from * height)
    .y1((point) => Math.max(point.to * height - 1, point.from * height + 0.6));
  return shape(band.points) ?? "";
}
