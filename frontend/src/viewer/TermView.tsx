// The term that the state stands for: what the next step works on is marked, and what a step changed is seen to move.
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Line, inside, lines, type Token } from "../record/layout";
import type { Term } from "../record/replay";
import type { Soft, Span } from "../record/types";
import { type Identified, identify, type Moving, moveTokens } from "./motion";
import { percent } from "./format";
import type { Player } from "./player";

/** Of a term that is longer, the lines around its redex are shown. */
const MOST_LINES = 24;
const NARROWEST = 24;

export function TermView({ player }: { player: Player }) {
  const term = player.lane.value?.term ?? null;
  const box = useRef<HTMLDivElement>(null);
  const width = useColumns(box);
  return (
    <section class="panel term" aria-labelledby="term-title">
      <header>
        <h2 id="term-title">Term</h2>
        <Confidence term={term} />
        <span class="key" aria-hidden="true">
          <i class="redex" /> next <i class="new" /> new
        </span>
      </header>
      <div class="text" ref={box} tabIndex={0} role="region" aria-label="Term">
        {player.lane.value === null && <p class="omitted">All alternatives have ended.</p>}
        {term?.omitted ? <p class="omitted">{term.omitted}</p> : <Text term={term} width={width} player={player} />}
      </div>
    </section>
  );
}

function Confidence({ term }: { term: Term | null }) {
  if (term?.confidence === undefined || term.confidence >= 0.9995) return null;
  return <span class="note">the likeliest reading, {percent(term.confidence)} of it</span>;
}

function Text({ term, width, player }: { term: Term | null; width: number; player: Player }) {
  const text = term?.text ?? "";
  const all = useMemo(() => lines(text, width), [text, width]);
  const shown = useMemo(() => around(all, term?.redex), [all, term?.redex]);
  const before = useRef<Identified>({ text: "", ids: new Map(), fresh: new Set(), origins: new Map() });
  const now = useMemo(() => {
    if (before.current.text !== text) before.current = identify(before.current, text, all);
    return before.current;
  }, [text, all]);
  const place = useRef<HTMLPreElement>(null);
  const moving = useRef<Moving>({ places: new Map(), text: "" });
  const isSlow = player.isSlow;
  useLayoutEffect(() => {
    if (isSlow) showRedex(place.current);
    moveTokens(place.current, now, moving.current, isSlow);
  }, [now, shown, isSlow]);
  return (
    <pre ref={place} data-testid="term" data-text={text}>
      {shown.before > 0 && <span class="elided">{`⋮ ${shown.before} lines\n`}</span>}
      {shown.lines.map((line, index) => (
        <LineOf key={index} line={line} term={term} now={now} />
      ))}
      {shown.after > 0 && <span class="elided">{`⋮ ${shown.after} lines`}</span>}
    </pre>
  );
}

/** One line. Tokens that follow one another inside the redex share one mark, so that it has no gaps. */
function LineOf({ line, term, now }: { line: Line; term: Term | null; now: Identified }) {
  const runs: { isRedex: boolean; tokens: Token[] }[] = [];
  for (const token of line.tokens) {
    const isRedex = inside(token, term?.redex);
    const run = runs[runs.length - 1];
    if (run?.isRedex === isRedex) run.tokens.push(token);
    else runs.push({ isRedex, tokens: [token] });
  }
  return (
    <span class="line">
      {" ".repeat(line.indent)}
      {runs.map(({ isRedex, tokens }) => {
        const words = tokens.map((token, index) => (
          <>
            {token.space > 0 && (index > 0 || !isRedex) ? " " : ""}
            <Word key={now.ids.get(token.at)} token={token} id={now.ids.get(token.at)} isNew={now.fresh.has(token.at)} soft={softOf(token, term?.soft)} />
          </>
        ));
        const space = isRedex && (tokens[0]?.space ?? 0) > 0 ? " " : "";
        return isRedex ? (
          <>
            {space}
            <mark class="redex">{words}</mark>
          </>
        ) : (
          words
        );
      })}
      {"\n"}
    </span>
  );
}

function Word({ token, id, isNew, soft }: { token: Token; id?: number; isNew: boolean; soft?: Soft }) {
  const title = soft && soft.values.map(([value, weight]) => `${value} ${percent(weight)}`).join("\n");
  return (
    <span class={`w ${token.kind}${isNew ? " fresh" : ""}${soft ? " soft" : ""}`} data-id={id} title={title}>
      {token.text}
      {soft && <Mixed soft={soft} />}
    </span>
  );
}

/** The superposition behind a word: a bar for each thing that it may be. */
function Mixed({ soft }: { soft: Soft }) {
  return (
    <span class="mixed" role="img" aria-label={soft.values.map(([value, weight]) => `${value} ${percent(weight)}`).join(", ")}>
      {soft.values.slice(0, 5).map(([value, weight]) => (
        <i key={value} style={{ flexGrow: weight }} />
      ))}
    </span>
  );
}

function softOf(token: Token, soft: Soft[] | undefined): Soft | undefined {
  return soft?.find((part) => token.at >= part.span[0] && token.at < part.span[1] && token.kind !== "close" && (token.at === part.span[0] || token.kind !== "open"));
}

/** Bring the redex into view, without moving the page. */
function showRedex(place: HTMLElement | null): void {
  const box = place?.parentElement;
  const mark = place?.querySelector<HTMLElement>("mark.redex");
  if (!box || !mark || box.scrollHeight <= box.clientHeight) return;
  const top = mark.getBoundingClientRect().top - box.getBoundingClientRect().top;
  if (top < 0 || top > box.clientHeight - 40) box.scrollTop += top - box.clientHeight / 2;
}

function around(all: Line[], redex: Span | undefined): { lines: Line[]; before: number; after: number } {
  if (all.length <= MOST_LINES) return { lines: all, before: 0, after: 0 };
  const here = Math.max(0, all.findIndex((line) => line.tokens.some((token) => inside(token, redex))));
  const from = Math.max(0, Math.min(here - MOST_LINES / 3, all.length - MOST_LINES));
  const found = all.slice(from, from + MOST_LINES);
  const margin = Math.min(...found.map((line) => line.indent));
  const shown = found.map((line) => ({ ...line, indent: line.indent - margin }));
  return { lines: shown, before: Math.floor(from), after: all.length - Math.floor(from) - shown.length };
}

/** How many letters go into a line. */
function useColumns(box: { current: HTMLElement | null }): number {
  const [columns, setColumns] = useState(72);
  useLayoutEffect(() => {
    const element = box.current as HTMLElement;
    const probe = document.createElement("span");
    probe.className = "probe";
    probe.textContent = "0".repeat(40);
    const measure = () => {
      element.append(probe);
      const letter = probe.getBoundingClientRect().width / 40;
      probe.remove();
      const inner = element.clientWidth - 34;
      if (letter > 0) setColumns(Math.max(NARROWEST, Math.min(Math.floor(inner / letter), 100)));
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return columns;
}
