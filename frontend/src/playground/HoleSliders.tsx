// A slider for each value that a hole may have: the program runs again as they move. Of a list, for each uncertain item.
import { type Part, partsOf, textOf } from "./fillings";
import { holes, names, revalue, weigh } from "./state";

/** So many items of a list have sliders. */
const MOST = 12;

export function HoleSliders({ onMove }: { onMove: () => void }) {
  if (names.value.length === 0) return null;
  return (
    <section class="panel holes" aria-labelledby="holes-title">
      <h2 id="holes-title">What the holes may be</h2>
      {names.value.map((name) => (
        <Hole key={name} name={name} onMove={onMove} />
      ))}
    </section>
  );
}

function Hole({ name, onMove }: { name: string; onMove: () => void }) {
  const given = holes.value[name] ?? [];
  const parts = partsOf(name, given);
  const text = textOf(given);
  return (
    <fieldset class="hole">
      <legend>?{name}</legend>
      {parts.slice(0, MOST).map((part) => (
        <Sliders key={part.label} name={name} part={part} onMove={onMove} />
      ))}
      {parts.length > MOST && <p class="note">and {parts.length - MOST} more items</p>}
      <label class="values">
        values
        <input
          type="text"
          aria-label={`Values of ?${name}`}
          title="As in 1, 2, 3, or with weights, 1:0.3, 2:0.7; or a list of such, '(1,2 3)"
          spellcheck={false}
          value={text}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) revalue(name, event.currentTarget.value);
          }}
          onChange={(event) => {
            if (event.currentTarget.value === text) return;
            if (revalue(name, event.currentTarget.value)) onMove();
            else event.currentTarget.value = text;
          }}
        />
      </label>
    </fieldset>
  );
}

function Sliders({ name, part, onMove }: { name: string; part: Part; onMove: () => void }) {
  const { choices, path, label } = part;
  const total = choices.reduce((sum, [, weight]) => sum + weight, 0);
  const largest = Math.max(1, ...choices.map(([, weight]) => weight));
  const isItem = path.length > 0;
  return (
    <div role={isItem ? "group" : undefined} aria-label={isItem ? label : undefined}>
      {isItem && <p class="part">{label}</p>}
      {choices.map(([value, weight], index) => (
        <div class="choice" key={String(value)}>
          <label for={`hole-${label}-${index}`}>{String(value)}</label>
          <input
            id={`hole-${label}-${index}`}
            type="range"
            min="0"
            max={largest}
            step="0.01"
            value={weight}
            aria-valuetext={(weight / total).toFixed(2)}
            disabled={choices.length === 1}
            onInput={(event) => {
              weigh(name, path, index, Number(event.currentTarget.value));
              onMove();
            }}
          />
          <output>{(weight / total).toFixed(3)}</output>
        </div>
      ))}
    </div>
  );
}
