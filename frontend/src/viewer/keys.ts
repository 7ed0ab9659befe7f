// Keys and address: arrows, space, Home and End move; the step stands after the # of the address.
import { effect } from "@preact/signals";
import type { Player } from "./player";

/** Follow the keyboard and the address, until the function that is given back is called. */
export function follow(player: Player): () => void {
  const stops = [followKeys(player), followAddress(player), player.followCalmly()];
  return () => stops.forEach((stop) => stop());
}

function followKeys(player: Player): () => void {
  const moves: Record<string, () => void> = {
    ArrowLeft: () => player.move(-1),
    ArrowRight: () => player.move(1),
    PageUp: () => player.move(-10),
    PageDown: () => player.move(10),
    Home: () => player.move(-player.last),
    End: () => player.move(player.last),
    " ": () => player.toggle(),
  };
  const pressed = (event: KeyboardEvent) => {
    const move = moves[event.key];
    if (move === undefined || event.ctrlKey || event.metaKey || event.altKey || isTaken(event)) return;
    event.preventDefault();
    move();
  };
  document.addEventListener("keydown", pressed);
  return () => document.removeEventListener("keydown", pressed);
}

/** Whether what has the focus needs the key itself. */
function isTaken(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement;
  if (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return true;
  return event.key === " " && /^(BUTTON|A|SUMMARY)$/.test(target.tagName);
}

function followAddress(player: Player): () => void {
  const read = () => {
    const step = new URLSearchParams(location.hash.slice(1)).get("step");
    if (step !== null && /^\d+$/.test(step)) player.goTo(Number(step));
  };
  read();
  addEventListener("hashchange", read);
  let waiting = 0;
  const stop = effect(() => {
    const step = player.step.value;
    clearTimeout(waiting); // browsers refuse an address that changes with every frame
    waiting = window.setTimeout(() => write(step), player.isPlaying.value ? 400 : 60);
  });
  return () => {
    stop();
    clearTimeout(waiting);
    removeEventListener("hashchange", read);
  };
}

function write(step: number): void {
  if (location.protocol === "about:") return; // inside another page, as in a notebook, it has no address of its own
  const fragment = new URLSearchParams(location.hash.slice(1));
  if (step === 0) fragment.delete("step");
  else fragment.set("step", String(step));
  const text = fragment.toString();
  history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
}
