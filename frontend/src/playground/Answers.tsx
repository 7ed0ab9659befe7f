// How the program ended: its value or its error, and all ends with their probabilities.
import { busy, progress, result } from "./state";

export function Answers() {
  const found = result.value;
  return (
    <section class="panel answer" aria-labelledby="answer-title" aria-live="polite" aria-busy={busy.value !== null}>
      <h2 id="answer-title">Result</h2>
      {found === null ? (
        <p class="note">{busy.value === null ? "Run the program to see what it comes to." : `Running… ${progress.value}`}</p>
      ) : (
        <>
          {found.error ? (
            <p class="error" data-testid="error">{found.error.message}</p>
          ) : (
            <p class="value" data-testid="value">{found.value}</p>
          )}
          {found.ends.length > 1 && <Ends ends={found.ends} />}
          <p class="note">
            {found.steps.toLocaleString("en")} steps · {(found.seconds * 1000).toFixed(found.seconds < 0.01 ? 1 : 0)} ms
          </p>
        </>
      )}
    </section>
  );
}

/** All ends, always in the same order: a bar moves, and stays in its place. */
function Ends({ ends }: { ends: [number, string][] }) {
  const shown = [...ends].slice(0, 24).sort(([, a], [, b]) => a.localeCompare(b, "en", { numeric: true }));
  return (
    <dl class="ends" data-testid="ends">
      {shown.map(([chance, text]) => (
        <Meter key={text} chance={chance} text={text} />
      ))}
    </dl>
  );
}

function Meter({ chance, text }: { chance: number; text: string }) {
  return (
    <>
      <dt>{text}</dt>
      <dd class="meter" aria-hidden="true">
        <i style={{ transform: `scaleX(${chance})` }} />
      </dd>
      <dd class="number">{chance.toFixed(4)}</dd>
    </>
  );
}
