// How the language looks in the editor: which letters make a word, and what kind of word it is.
import { HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { tags } from "@lezer/highlight";

const FORMS = new Set(
  ["fn", "if", "let", "letrec", "and", "or", "cond", "else", "defn", "def", "sample", "flip", "observe"],
);
const WORD = /^[A-Za-z_][\w\-?!*<>=+/]*/;

export const lisp = StreamLanguage.define({
  name: "lisp",
  languageData: { commentTokens: { line: ";" } },
  token(stream) {
    if (stream.eatSpace()) return null;
    if (stream.match(/^;.*/)) return "comment";
    if (stream.match(/^-?\d+/)) return "number";
    if (stream.match(/^\?[\w\-?!*<>=+/]+/)) return "labelName";
    if (stream.match(/^[()[\]']/)) return "bracket";
    const word = stream.match(WORD) as RegExpMatchArray | null;
    if (word === null) {
      stream.next();
      return "operator";
    }
    if (word[0] === "true" || word[0] === "false") return "bool";
    return FORMS.has(word[0]) ? "keyword" : "variableName";
  },
});

export const colours = syntaxHighlighting(
  HighlightStyle.define([
    { tag: tags.comment, color: "var(--quiet)", fontStyle: "italic" },
    { tag: [tags.number, tags.bool], color: "var(--number)" },
    { tag: [tags.keyword, tags.operator], color: "var(--word)" },
    { tag: tags.labelName, color: "var(--hole)", fontWeight: "600" },
    { tag: tags.bracket, color: "var(--quiet)" },
  ]),
);
