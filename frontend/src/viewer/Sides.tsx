// What stands beside the term: the rules of the step, the registers, what is visible, what waits.
import type { Store } from "../record/replay";
import type { Mixture } from "../record/types";
import { endText, percent, shade, weightText } from "./format";
import type { Player } from "./player";

const MOST_ITEMS = 40;

export function Registers({ player }: { player: Player }) {
  const lane = player.lane.value;
  const state = player.state.value;
  if (lane === null && state.ends.length === 0) return null;
  return (
    <section class="panel registers" aria-labelledby="registers-title">
      <h2 id="registers-title">Step {state.step}</h2>
      <dl class="facts">
        <dt>rule</dt>
        <dd>
          {lane && lane.rules.length > 0 ? <Chips mixture={lane.rules} colour="var(--redex-edge)" /> : <span class="note">{state.step === 0 ? "before the first" : "none"}</span>}
        </dd>
        {Object.entries(lane?.registers ?? {}).map(([name, mixture]) => (
          <>
            <dt class={`root ${name}`}>{name}</dt>
            <dd>
              <Chips mixture={mixture} player={player} />
            </dd>
          </>
        ))}
        {Object.entries(lane?.numbers ?? {}).map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd class="code">{Number.isInteger(value) ? value : value.toFixed(4)}</dd>
          </>
        ))}
        {lane && lane.weight < 0.9995 && (
          <>
            <dt>weight</dt>
            <dd class="code">{weightText(lane.weight)}</dd>
          </>
        )}
        {lane && lane.bindings.length > 0 && (
          <>
            <dt class="root environment">visible</dt>
            <dd class="bindings">
              {lane.bindings.slice(-MOST_ITEMS).map((one, index) => (
                <span class="chip code" key={index} title={one.weight < 0.9995 ? weightText(one.weight) : undefined} style={{ opacity: 0.4 + 0.6 * one.weight }}>
                  {one.name} <b>{one.value ?? (one.address && short(player, one.address))}</b>
                </span>
              ))}
            </dd>
          </>
        )}
        {state.ends.length > 0 && (
          <>
            <dt>ends</dt>
            <dd>
              {state.ends.slice(0, 6).map((end, index) => (
                <span key={index} class={`chip code ${end.error ? "wrong" : "good"}`}>
                  {endText(end)} {end.weight < 0.9995 && <small>{percent(end.weight)}</small>}
                </span>
              ))}
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

/** A cell in a word: its literal, or its label, or its address. */
function short(player: Player, address: string): string {
  const cell = player.state.value.memory.get(address);
  const text = cell?.literal?.[0]?.[0] ?? cell?.label ?? address;
  return text.length > 26 ? `${text.slice(0, 25)}…` : text;
}

export function Chips({ mixture, colour, player }: { mixture: Mixture; colour?: string; player?: Player }) {
  return (
    <>
      {mixture.slice(0, 6).map(([name, weight]) => (
        <span
          key={name}
          class="chip code"
          style={{ background: shade(0.08 + weight * 0.27, colour) }}
          onClick={player && (() => (player.chosenCell.value = name))}
        >
          {name}
          {weight < 0.9995 && <small> {weight.toFixed(3)}</small>}
        </span>
      ))}
      {mixture.length > 6 && <small> and {mixture.length - 6} more</small>}
    </>
  );
}

/** The stores of a lane: the continuation of a program; stack, queue and tapes of an automaton. */
export function Stores({ player }: { player: Player }) {
  const stores = Object.entries(player.lane.value?.stores ?? {});
  return (
    <>
      {stores.map(([name, store]) => (
        <section class="panel store" key={name} aria-labelledby={`store-${name}`}>
          <header>
            <h2 id={`store-${name}`}>{name}</h2>
            <span class="note">{store.items.length === 0 ? "empty" : `${store.items.length} ${store.kind === "stack" ? "deep" : "long"}`}</span>
          </header>
          {store.kind === "stack" ? <Stack store={store} label={name} /> : <Tape store={store} label={name} />}
        </section>
      ))}
    </>
  );
}

function Stack({ store, label }: { store: Store; label: string }) {
  const top = store.items.slice(-MOST_ITEMS).map((item, index) => ({ item, depth: Math.max(0, store.items.length - MOST_ITEMS) + index }));
  return (
    <ol class="stack" tabIndex={0} aria-label={`${label}, the top first`}>
      {top.reverse().map(({ item, depth }) => (
        <li key={`${depth} ${item.address ?? item.text}`} style={{ opacity: 0.35 + 0.65 * (item.weight ?? 1) }}>
          <span class="code">{awaited(item.text)}</span>
          {item.weight !== undefined && item.weight < 0.9995 && <small>{weightText(item.weight)}</small>}
        </li>
      ))}
      {store.items.length > MOST_ITEMS && <li class="more">{store.items.length - MOST_ITEMS} more below</li>}
    </ol>
  );
}

/** A frame's text, with the place of the value that it waits for made visible. */
function awaited(text: string) {
  const parts = text.split(/(?<![\w?!])_(?![\w?!])/);
  return parts.map((part, index) => (
    <>
      {index > 0 && (
        <b class="awaited" role="img" aria-label="the awaited value">
          {" "}
        </b>
      )}
      {part}
    </>
  ));
}

function Tape({ store, label }: { store: Store; label: string }) {
  const head = store.head;
  const from = Math.max(0, (head ?? 0) - 200);
  return (
    <ol class="tape" tabIndex={0} aria-label={label}>
      {store.items.slice(from, from + 400).map((item, index) => (
        <li key={from + index} class={from + index === head ? "head" : ""} aria-current={from + index === head ? "true" : undefined} style={{ opacity: 0.3 + 0.7 * (item.weight ?? 1) }}>
          {item.text}
        </li>
      ))}
    </ol>
  );
}
