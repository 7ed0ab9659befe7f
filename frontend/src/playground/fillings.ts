// What stands for holes, as people write it: `1, 2`, with weights `1:0.3, 2:0.7`; or a list of such, `'(1,2 3 '(0,1))`.
import type { Atom, Choice, Filling } from "./backend";

export const MOST_VALUES = 64;

/** A part of what a hole stands for, that has choices: its name, and where it is. */
export interface Part {
  label: string;
  path: number[];
  choices: Choice[];
}

/** All parts; of a list, those that are uncertain, named as terms name them. */
export function partsOf(name: string, filling: Filling): Part[] {
  if (Array.isArray(filling)) return [{ label: `?${name}`, path: [], choices: filling }];
  return filling.items.flatMap((item, place) =>
    partsOf(`${name}/${place}`, item)
      .filter((part) => part.choices.length > 1)
      .map((part) => ({ ...part, path: [place, ...part.path] })),
  );
}

export function at(filling: Filling, path: number[]): Choice[] | null {
  const [first, ...rest] = path;
  if (Array.isArray(filling)) return first === undefined ? filling : null;
  const item = first === undefined ? undefined : filling.items[first];
  return item === undefined ? null : at(item, rest);
}

/** The same, with other choices at one place. */
export function changed(filling: Filling, path: number[], choices: Choice[]): Filling {
  const [first, ...rest] = path;
  if (Array.isArray(filling) || first === undefined) return choices;
  return { items: filling.items.map((item, place) => (place === first ? changed(item, rest, choices) : item)) };
}

export function textOf(filling: Filling): string {
  return Array.isArray(filling) ? filling.map(([value]) => String(value)).join(", ") : itemText(filling);
}

function itemText(filling: Filling): string {
  if (Array.isArray(filling)) return filling.map(([value]) => String(value)).join(",");
  return `'(${filling.items.map(itemText).join(" ")})`;
}

/** What a text says; null where it says nothing that can be used. What has no weight keeps the one that it had. */
export function fillingOf(text: string, before: Filling): Filling | null {
  if (text.trim().startsWith("'(")) return listOf(text, before);
  return choicesOf(text.split(/[\s,]+/).filter(Boolean), at(before, []) ?? []);
}

function listOf(text: string, before: Filling): Filling | null {
  const words = text.match(/'\(|\)|[^\s()']+/g) ?? [];
  let next = 0;
  const read = (path: number[]): Filling | null => {
    const items: Filling[] = [];
    for (;;) {
      const word = words[next++];
      if (word === undefined) return null;
      if (word === ")") return { items };
      const here = [...path, items.length];
      const item = word === "'(" ? read(here) : choicesOf(word.split(",").filter(Boolean), at(before, here) ?? []);
      if (item === null) return null;
      items.push(item);
    }
  };
  if (words[next++] !== "'(") return null;
  const found = read([]);
  return next === words.length ? found : null;
}

function choicesOf(words: string[], before: Choice[]): Choice[] | null {
  const known = new Map(before);
  const found = new Map<Atom, number>();
  const some = words.slice(0, MOST_VALUES);
  for (const word of some) {
    const [value = "", weight] = word.split(":");
    if (value === "") return null;
    const own = weight === undefined ? (known.get(atom(value)) ?? 1 / some.length) : Number(weight);
    if (!(own >= 0 && own < Infinity)) return null;
    found.set(atom(value), own);
  }
  const total = [...found.values()].reduce((sum, each) => sum + each, 0);
  return total > 0 ? [...found] : null;
}

export function atom(text: string): Atom {
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d{1,9}$/.test(text) ? Number(text) : text;
}

/** Whether what came from outside can stand for a hole. */
export function isFilling(value: unknown): value is Filling {
  if (Array.isArray(value)) return value.every((choice) => Array.isArray(choice) && typeof choice[1] === "number");
  const items = typeof value === "object" && value !== null ? (value as { items?: unknown }).items : undefined;
  return Array.isArray(items) && items.every(isFilling);
}
