// All the parts of the page that shows a run.
import { useLayoutEffect, useMemo } from "preact/hooks";
import type { TraceRecord } from "../record/types";
import { Controls } from "./Controls";
import { HeapView } from "./HeapView";
import { follow } from "./keys";
import { Lanes } from "./Lanes";
import { MemoryTable } from "./MemoryTable";
import { Outcome } from "./Outcome";
import { Player } from "./player";
import { Registers, Stores } from "./Sides";
import { StepList } from "./StepList";
import { TermView } from "./TermView";

export function Viewer({ record }: { record: TraceRecord }) {
  const player = useMemo(() => new Player(record), [record]);
  useLayoutEffect(() => {
    const stop = follow(player);
    return () => {
      player.pause();
      stop();
    };
  }, [player]);
  const hasTerms = useMemo(() => record.header.lanes.some((lane) => lane.term) || record.steps.some((step) => step.lanes?.some((lane) => lane.term)), [record]);
  return (
    <div class={player.isSlow ? "viewer" : "viewer fast"}>
      <Controls player={player} />
      {hasTerms && <TermView player={player} />}
      {record.header.input && <Input player={player} />}
      <div class="beside">
        <div class="main">
          <Lanes player={player} />
          <HeapView player={player} />
          <MemoryTable player={player} />
          <StepList player={player} />
        </div>
        <div class="side">
          <Registers player={player} />
          <Stores player={player} />
          <Outcome player={player} />
        </div>
      </div>
    </div>
  );
}

/** The symbols that an automaton reads, and how far it is. */
function Input({ player }: { player: Player }) {
  const input = player.record.header.input ?? [];
  const position = player.lane.value?.numbers["position"];
  return (
    <section class="panel" aria-labelledby="input-title">
      <h2 id="input-title">Input</h2>
      <ol class="tape" tabIndex={0} aria-label="Input">
        {input.slice(0, 2000).map((symbol, index) => (
          <li key={index} class={`${index === position ? "head" : ""}${position !== undefined && index < position ? " read" : ""}`} aria-current={index === position ? "true" : undefined}>
            {symbol}
          </li>
        ))}
      </ol>
    </section>
  );
}
