// A program in the address: what stands after the # never leaves the browser.
import type { Holes } from "./backend";
import { isFilling } from "./fillings";

export interface Shared {
  source: string;
  engine: string;
  holes: Holes;
}

export function toFragment(shared: Shared): string {
  const bytes = new TextEncoder().encode(JSON.stringify([shared.source, shared.engine, shared.holes]));
  return btoa(String.fromCodePoint(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** What an address holds; null where it holds nothing that can be used. */
export function ofFragment(text: string): Shared | null {
  try {
    const letters = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(letters, (letter) => letter.codePointAt(0) ?? 0);
    const [source, engine, holes] = JSON.parse(new TextDecoder().decode(bytes)) as [unknown, unknown, unknown];
    if (typeof source !== "string" || typeof engine !== "string") return null;
    return { source, engine, holes: readHoles(holes) };
  } catch {
    return null;
  }
}

function readHoles(value: unknown): Holes {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter(([, filling]) => isFilling(filling))) as Holes;
}
