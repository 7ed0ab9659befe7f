// Words that stay keep who they are from one term to the next, so that they can be seen to move; a new word comes from where
// the same word stood in what it replaces: an argument flies to each place of its parameter.
import type { Line, Token } from "../record/layout";

/** A text's words: who each is, which are new, and which word of the text before a new one is a copy of. */
export interface Identified {
  text: string;
  ids: Map<number, number>;
  fresh: Set<number>;
  origins: Map<number, number>;
  words?: Token[];
}

export interface Moving {
  places: Map<number, { x: number; y: number }>;
  text: string;
}

const MOST_WORDS = 700;
const MILLISECONDS = 320;
let newest = 0;

export function identify(before: Identified, text: string, lines: Line[]): Identified {
  const words = lines.flatMap((line) => line.tokens);
  const old = before.words ?? [];
  const most = Math.min(words.length, old.length);
  let head = 0;
  while (head < most && words[head]?.text === old[head]?.text) head++;
  let tail = 0;
  while (tail < most - head && words[words.length - 1 - tail]?.text === old[old.length - 1 - tail]?.text) tail++;

  const ids = new Map<number, number>();
  const fresh = new Set<number>();
  const origins = new Map<number, number>();
  const gone = new Map<string, number>();
  for (const word of old.slice(head, old.length - tail))
    if (word.kind !== "open" && word.kind !== "close") gone.set(word.text, before.ids.get(word.at) as number);
  words.forEach((word, index) => {
    const fromEnd = words.length - 1 - index;
    const same = index < head ? old[index] : fromEnd < tail ? old[old.length - 1 - fromEnd] : undefined;
    const id = (same && before.ids.get(same.at)) ?? ++newest;
    ids.set(word.at, id);
    if (same !== undefined) return;
    if (old.length > 0) fresh.add(word.at);
    const origin = gone.get(word.text);
    if (origin !== undefined) origins.set(id, origin);
  });
  return { text, ids, fresh, origins, words };
}

/** Let words go from where they stood to where they stand. */
export function moveTokens(place: HTMLElement | null, now: Identified, moving: Moving, isSlow: boolean): void {
  if (place === null) return;
  if (!isSlow) {
    moving.places = new Map(); // to measure every word costs more than to draw it
    moving.text = now.text;
    return;
  }
  const words = [...place.querySelectorAll<HTMLElement>(".w")];
  const isStill = words.length > MOST_WORDS || matchMedia("(prefers-reduced-motion: reduce)").matches;
  const origin = place.getBoundingClientRect();
  const before = moving.places;
  const isSame = moving.text === now.text;
  moving.places = new Map();
  moving.text = now.text;
  if (words.length > MOST_WORDS) return;
  const found = words.map((word) => {
    const box = word.getBoundingClientRect();
    const at = { x: box.x - origin.x, y: box.y - origin.y };
    const id = Number(word.dataset.id);
    moving.places.set(id, at);
    return { word, at, from: before.get(id) ?? before.get(now.origins.get(id) ?? -1) };
  });
  if (isStill || isSame || before.size === 0) return;
  for (const { word, at, from } of found) {
    const options = { duration: MILLISECONDS, easing: "cubic-bezier(.3,0,.2,1)" };
    if (from === undefined) word.animate([{ opacity: 0 }, { opacity: 1 }], options);
    else if (Math.abs(from.x - at.x) + Math.abs(from.y - at.y) > 0.5)
      word.animate([{ transform: `translate(${from.x - at.x}px, ${from.y - at.y}px)` }, { transform: "none" }], options);
  }
}
