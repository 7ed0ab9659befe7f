// How the run ends: the likeliest end, all others, and why a record may stop before its run.
import { endText } from "./format";
import type { Player } from "./player";

const MOST = 16;

export function Outcome({ player }: { player: Player }) {
  const { outcome, distribution = [], truncated } = player.record.end;
  return (
    <section class="panel outcome" aria-labelledby="outcome-title">
      <h2 id="outcome-title">Ends in</h2>
      <p class={outcome.error ? "value wrong" : "value"} data-testid="outcome">
        {outcome.value ?? outcome.verdict ?? `error ${outcome.error}`}
      </p>
      {outcome.message && <p class="message code">{outcome.line ? `line ${outcome.line}, column ${outcome.column}: ` : ""}{outcome.message}</p>}
      {distribution.length > 1 && (
        <dl class="ends">
          {distribution.slice(0, MOST).map((end) => (
            <>
              <dt>{endText(end)}</dt>
              <dd class="meter" aria-hidden="true"><i style={{ transform: `scaleX(${Math.min(end.weight, 1)})` }} /></dd>
              <dd class="number">{end.weight.toFixed(4)}</dd>
            </>
          ))}
        </dl>
      )}
      {distribution.length > MOST && <p class="note">and {distribution.length - MOST} more</p>}
      {truncated && <p class="note">The record stops before the run does: {truncated}</p>}
    </section>
  );
}
