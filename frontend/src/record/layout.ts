// A term broken into lines: what fits stays on one line, what does not puts its parts below one another.
import type { Span } from "./types";

export type TokenKind = "open" | "close" | "number" | "keyword" | "hole" | "name" | "sign";

export interface Token {
  text: string;
  kind: TokenKind;
  /** Where it starts in the text, in characters. */
  at: number;
  /** The blanks before it. */
  space: number;
}

export interface Line {
  indent: number;
  tokens: Token[];
}

interface Group {
  open: Token;
  parts: Part[];
  close: Token | null;
  width: number;
}
type Part = Token | Group;

const KEYWORDS = new Set("fn if let letrec and or cond else defn def sample flip observe".split(" "));
const WORDS = /\s+|'?[([]|[)\]]|;[^\n]*|[^\s()[\]']+|./gu;

export function tokens(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  let space = 0;
  for (const [word] of text.matchAll(WORDS)) {
    const length = [...word].length;
    if (/^\s/.test(word)) space = 1;
    else {
      found.push({ text: word, kind: kindOf(word), at, space });
      space = 0;
    }
    at += length;
  }
  return found;
}

function kindOf(word: string): TokenKind {
  if (/^'?[([]$/.test(word)) return "open";
  if (word === ")" || word === "]") return "close";
  if (/^-?\d+$/.test(word) || word === "true" || word === "false") return "number";
  if (word.startsWith("?")) return "hole";
  if (KEYWORDS.has(word)) return "keyword";
  return /^[A-Za-z_]/.test(word) ? "name" : "sign";
}

/** The lines of a text, none wider than `width` where that can be. */
export function lines(text: string, width: number): Line[] {
  const found: Line[] = [{ indent: 0, tokens: [] }];
  const last = () => found[found.length - 1] as Line;
  const used = () => last().indent + last().tokens.reduce((sum, token) => sum + token.space + token.text.length, 0);
  const put = (token: Token, isFirst: boolean): void => void last().tokens.push(isFirst ? { ...token, space: 0 } : token);
  const flat = (part: Part, isFirst: boolean): void => {
    if (!("parts" in part)) return put(part, isFirst);
    put(part.open, isFirst);
    for (const inner of part.parts) flat(inner, false);
    if (part.close) put(part.close, false);
  };

  // Depth first with a stack of its own: terms may be nested deeper than JavaScript can call.
  type Task = { part: Part; below: number | null } | { close: Token };
  const tasks: Task[] = groups(tokens(text)).reverse().map((part, index, all) => ({ part, below: index === all.length - 1 ? null : 0 }));
  while (tasks.length > 0) {
    const task = tasks.pop() as Task;
    if ("close" in task) {
      put(task.close, false);
      continue;
    }
    const { part, below } = task;
    if (below !== null) found.push({ indent: below, tokens: [] });
    const isFirst = last().tokens.length === 0;
    if (!("parts" in part) || used() + part.width <= width || part.parts.length === 0) {
      flat(part, isFirst);
      continue;
    }
    put(part.open, isFirst);
    const indent = Math.min(used() - part.open.text.length + (part.open.text === "'(" ? 2 : part.open.text === "[" ? 1 : 2), Math.floor(width * 0.6));
    const beside = keptBeside(part);
    if (part.close) tasks.push({ close: part.close });
    for (let index = part.parts.length - 1; index >= 0; index--)
      tasks.push({ part: part.parts[index] as Part, below: index < beside ? null : indent });
  }
  return found;
}

/** How many parts of a group stay on its first line: the head, what says what a form is about, and short words after it. */
function keptBeside(group: Group): number {
  const head = group.parts[0];
  if (head === undefined || "parts" in head || group.open.text !== "(") return 1;
  if (head.text === "defn") return 3;
  if (head.kind === "keyword") return 2;
  const firstGroup = group.parts.findIndex((part) => "parts" in part);
  return Math.max(1, Math.min(firstGroup < 0 ? 1 : firstGroup, 3));
}

function groups(all: Token[]): Part[] {
  const top: Part[] = [];
  const open: Group[] = [];
  const add = (part: Part) => (open[open.length - 1]?.parts ?? top).push(part);
  for (const token of all) {
    if (token.kind === "open") open.push({ open: token, parts: [], close: null, width: 0 });
    else if (token.kind === "close" && open.length > 0) {
      const group = open.pop() as Group;
      group.close = token;
      add(measured(group));
    } else add(token);
  }
  while (open.length > 0) add(measured(open.pop() as Group));
  return top;
}

function measured(group: Group): Group {
  const wide = (part: Part) => ("parts" in part ? part.width + part.open.space : part.text.length + part.space);
  group.width = group.open.text.length + (group.close ? 1 : 0) + group.parts.reduce((sum, part) => sum + wide(part), 0);
  return group;
}

/** Whether a token lies in a span of its text. */
export function inside(token: Token, span: Span | undefined): boolean {
  return span !== undefined && token.at >= span[0] && token.at + token.text.length <= span[1];
}
