// The slider and the buttons.
import { type Player, RATES } from "./player";

export function Controls({ player }: { player: Player }) {
  const step = player.step.value;
  const isPlaying = player.isPlaying.value;
  const rules = player.lane.value?.rules ?? [];
  return (
    <div class="controls panel" role="group" aria-label="Steps">
      <div class="buttons">
        <Button label="First step" path="M6 5v14M19 5l-10 7 10 7z" onClick={() => player.move(-player.last)} isOff={step === 0} />
        <Button label="Step back" path="M16 5l-10 7 10 7z" onClick={() => player.move(-1)} isOff={step === 0} />
        <Button
          label={isPlaying ? "Pause" : "Play"}
          path={isPlaying ? "M7 5h4v14h-4zM14 5h4v14h-4z" : "M7 4l13 8-13 8z"}
          onClick={() => player.toggle()}
          isMain
        />
        <Button label="Step forward" path="M8 5l10 7-10 7z" onClick={() => player.move(1)} isOff={step === player.last} />
        <Button label="Last step" path="M18 5v14M5 5l10 7-10 7z" onClick={() => player.move(player.last)} isOff={step === player.last} />
      </div>
      <input
        class="slider"
        type="range"
        min="0"
        max={player.last}
        value={step}
        aria-label="Step"
        aria-valuetext={`step ${step} of ${player.last}`}
        onInput={(event) => {
          player.pause();
          player.goTo(Number(event.currentTarget.value));
        }}
        onKeyDown={(event) => {
          if (event.key === " ") {
            event.preventDefault();
            player.toggle();
          }
        }}
      />
      <output class="count" data-testid="step">
        {step} <span class="of">/ {player.last}</span>
      </output>
      <label class="rate">
        <span class="hidden-visually">Steps a second</span>
        <select value={player.rate.value} onChange={(event) => (player.rate.value = Number(event.currentTarget.value))}>
          {RATES.map((rate) => (
            <option key={rate} value={rate}>{`${rate}/s`}</option>
          ))}
        </select>
      </label>
      <span class="hidden-visually" role="status">
        {isPlaying ? "" : `Step ${step} of ${player.last}${rules[0] ? `: ${rules[0][0]}` : ""}`}
      </span>
    </div>
  );
}

function Button(props: { label: string; path: string; onClick: () => void; isOff?: boolean; isMain?: boolean }) {
  return (
    <button
      class={props.isMain ? "icon primary" : "icon"}
      aria-label={props.label}
      title={props.label}
      aria-disabled={props.isOff}
      onClick={() => props.isOff || props.onClick()}
    >
      <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true" fill="currentColor" stroke="currentColor" stroke-width="2" stroke-linejoin="round" stroke-linecap="round">
        <path d={props.path} />
      </svg>
    </button>
  );
}
