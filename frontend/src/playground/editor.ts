// The editor: CodeMirror with brackets that match and a wavy line under the place of a mistake.
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, matchBrackets } from "@codemirror/language";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, drawSelection, EditorView, keymap, lineNumbers } from "@codemirror/view";
import type { Place } from "./backend";
import { colours, lisp } from "./lisp";

const setPlace = StateEffect.define<Place | null>();

const problems = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    let shown = transaction.docChanged ? marks.map(transaction.changes) : marks;
    for (const effect of transaction.effects)
      if (effect.is(setPlace)) shown = effect.value === null ? Decoration.none : underline(transaction.state, effect.value);
    return shown;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** A wavy line under the word, or what is in brackets, at a place; past the end of a line there is room made for it. */
function underline(state: EditorState, place: Place): DecorationSet {
  const line = state.doc.line(Math.min(Math.max(place.line, 1), state.doc.lines));
  const from = Math.min(line.from + codeUnits(line.text, place.column - 1), line.to);
  const word = /^(?:[^\s()[\]';]+|.)/u.exec(state.sliceDoc(from, line.to))?.[0] ?? "";
  if (word === "") return Decoration.set([Decoration.line({ class: "cm-problem-end" }).range(line.from)]);
  const match = /^[([]/.test(word) ? matchBrackets(state, from, 1)?.end : undefined;
  const to = match && match.to <= line.to ? match.to : from + word.length;
  return Decoration.set([Decoration.mark({ class: "cm-problem" }).range(from, to)]);
}

/** Where a column is that counts characters, in a text that counts halves of some of them. */
function codeUnits(text: string, characters: number): number {
  return [...text].slice(0, Math.max(characters, 0)).join("").length;
}

const look = EditorView.theme({
  "&": { backgroundColor: "transparent", color: "var(--ink)" },
  ".cm-content": { caretColor: "var(--ink)", padding: "10px 0" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--quiet)", border: "none" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "color-mix(in oklab, var(--accent-fill) 25%, transparent)",
  },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--new)", outline: "1px solid var(--new-edge)" },
  "&.cm-focused .cm-nonmatchingBracket": { backgroundColor: "var(--wrong-fill)", outline: "1px solid var(--wrong)" },
});

export interface Editor {
  text(): string;
  setText(text: string): void;
  mark(place: Place | null): void;
  focus(): void;
}

export function makeEditor(
  parent: HTMLElement,
  options: { text: string; nonce: string; onChange: (text: string) => void; onRun: () => void },
): Editor {
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        lineNumbers(),
        history(),
        drawSelection(),
        bracketMatching(),
        lisp,
        colours,
        look,
        problems,
        EditorView.cspNonce.of(options.nonce),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": "Program", spellcheck: "false" }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) options.onChange(update.state.doc.toString());
        }),
        keymap.of([
          { key: "Mod-Enter", run: () => (options.onRun(), true) },
          ...defaultKeymap.filter((binding) => binding.key !== "Mod-Enter"),
          ...historyKeymap,
        ]),
      ],
    }),
  });
  return {
    text: () => view.state.doc.toString(),
    setText: (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    mark: (place) => {
      if (place !== null || view.state.field(problems).size > 0) view.dispatch({ effects: setPlace.of(place) });
    },
    focus: () => view.focus(),
  };
}
