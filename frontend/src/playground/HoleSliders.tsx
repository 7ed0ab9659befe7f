// A slider for each value that a hole may have: the program runs again as they move.
import { holes, names, revalue, weigh } from "./state";

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
  const total = given.reduce((sum, [, weight]) => sum + weight, 0);
  const largest = Math.max(1, ...given.map(([, weight]) => weight));
  return (
    <fieldset class="hole">
      <legend>?{name}</legend>
      {given.map(([value, weight], index) => (
        <div class="choice" key={String(value)}>
          <label for={`hole-${name}-${index}`}>{String(value)}</label>
          <input
            id={`hole-${name}-${index}`}
            type="range"
            min="0"
            max={largest}
            step="0.01"
            value={weight}
            aria-valuetext={(weight / total).toFixed(2)}
            disabled={given.length === 1}
            onInput={(event) => {
              weigh(name, index, Number(event.currentTarget.value));
              onMove();
            }}
          />
          <output>{(weight / total).toFixed(3)}</output>
        </div>
      ))}
      <label class="values">
        values
        <input
          type="text"
          aria-label={`Values of ?${name}`}
          spellcheck={false}
          value={given.map(([value]) => String(value)).join(", ")}
          onChange={(event) => {
            if (revalue(name, event.currentTarget.value)) onMove();
            else event.currentTarget.value = given.map(([value]) => String(value)).join(", ");
          }}
        />
      </label>
    </fieldset>
  );
}

