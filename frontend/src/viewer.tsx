// Starts the viewer in a page that holds its record.
import "./style/theme.css";
import "./style/viewer.css";
import { render } from "preact";
import type { TraceRecord } from "./record/types";
import { Holes } from "./viewer/Holes";
import { ThemeButton } from "./viewer/ThemeButton";
import { Viewer } from "./viewer/Viewer";

const record = JSON.parse(document.getElementById("record")?.textContent ?? "null") as TraceRecord;
const place = document.getElementById("viewer") as HTMLElement;
const { engine, name, source } = record.header;

/** The last expression of a program, as far as it fits. */
function title(text: string): string {
  const last = text.trim().split("\n").at(-1) ?? "";
  return last.length > 60 ? `${last.slice(0, 59)}…` : last;
}

function Page() {
  return (
    <div class="page">
      <header class="masthead">
        <h1>{name ?? <code>{title(source ?? "A run")}</code>}</h1>
        <span class="engine">{engine}</span>
        <span class="spacer" />
        <ThemeButton />
      </header>
      {source !== undefined && (
        <details class="panel source">
          <summary>Program</summary>
          <pre>{source}</pre>
          <Holes holes={record.header.holes ?? {}} />
        </details>
      )}
      <Viewer record={record} />
    </div>
  );
}

place.replaceChildren();
render(<Page />, place);
