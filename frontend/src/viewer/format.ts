// Numbers and mixtures as people read them.
import type { Ending, Mixture } from "../record/types";

export function percent(weight: number): string {
  if (weight >= 0.9995) return "100 %";
  return weight < 0.001 ? `${(weight * 100).toPrecision(1)} %` : `${(weight * 100).toFixed(1)} %`;
}

export function weightText(weight: number): string {
  return weight >= 0.99995 ? "1" : weight.toFixed(weight < 0.001 ? 6 : 4);
}

/** A mixture in a few words: what is certain by its name alone. */
export function mixtureText(mixture: Mixture, most = 3): string {
  const [first] = mixture;
  if (first === undefined) return "";
  if (mixture.length === 1 && first[1] >= 0.9995) return first[0];
  const some = mixture.slice(0, most).map(([name, weight]) => `${name} ${weight.toFixed(2)}`);
  return some.join(" · ") + (mixture.length > most ? " · …" : "");
}

export function endText(end: Ending): string {
  return end.value ?? end.verdict ?? `error ${end.error ?? ""}`;
}

/** The number of an address as `A12`; null where it has none. */
export function placeOf(address: string): number | null {
  const digits = /(\d+)$/.exec(address);
  return digits ? Number(digits[1]) : null;
}

/** A colour between two, by how much of the second there is. */
export function shade(weight: number, colour = "var(--accent-fill)"): string {
  return `color-mix(in oklab, ${colour} ${Math.round(Math.min(Math.max(weight, 0), 1) * 100)}%, transparent)`;
}
