// The page of the playground: gallery, editor, result, holes, and the viewer below.
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { ThemeButton } from "../viewer/ThemeButton";
import { Viewer } from "../viewer/Viewer";
import { Answers } from "./Answers";
import type { Backend } from "./backend";
import { type Editor, makeEditor } from "./editor";
import { HoleSliders } from "./HoleSliders";
import { Actions, busy, canWatch, chosen, engine, gradient, hasGradient, notice, problem, progress, result, settings, source, trace } from "./state";

export function Playground({ backend, nonce, icon }: { backend: Backend; nonce: string; icon: string }) {
  const place = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor | null>(null);
  const actions = useRef<Actions>(new Actions(backend, (text) => editor.current?.setText(text))).current;

  useEffect(() => {
    let waiting = 0;
    editor.current = makeEditor(place.current as HTMLDivElement, {
      text: source.value,
      nonce,
      onRun: () => void actions.watch(),
      onChange(text) {
        if (text === source.value) return;
        source.value = text;
        chosen.value = null;
        notice.value = "";
        clearTimeout(waiting);
        waiting = window.setTimeout(() => void actions.check(), 250);
      },
    });
    void actions.start();
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.defaultPrevented) return;
      event.preventDefault(); // a button that has the focus is not pressed as well
      if (!event.repeat) void actions.watch();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);

  const mistake = problem.value ?? result.value?.error ?? null;
  // At once with the rest: whoever sees the mistake and types sees nothing in the editor change under the cursor.
  useLayoutEffect(() => {
    editor.current?.mark(mistake?.line && mistake.column ? { line: mistake.line, column: mistake.column } : null);
  }, [mistake]);

  return (
    <div class="playground">
      <header class="masthead">
        <h1>
          <img src={icon} alt="" />
          neurallambda playground
        </h1>
        <span class="spacer" />
        <ShareButton />
        <ThemeButton />
      </header>
      <Gallery onOpen={(index) => void openAndWatch(actions, index)} />
      <div class="bench">
        <section class="panel editor" aria-label="Editor">
          <div ref={place} />
          {problem.value && (
            <p class="complaint" role="alert" data-testid="problem">
              {problem.value.message}
            </p>
          )}
          <div class="bar">
            <button class="primary" onClick={() => void actions.watch()} disabled={busy.value !== null} title="Ctrl+Enter">
              {canWatch.value ? "▶ Run and watch" : "▶ Run"}
            </button>
            {canWatch.value && (
              <button onClick={() => void actions.run()} disabled={busy.value !== null}>
                Run
              </button>
            )}
            <button onClick={() => actions.stop()} disabled={busy.value === null}>
              ■ Stop
            </button>
            <label>
              engine
              <select value={engine.value} onChange={(event) => actions.choose(event.currentTarget.value)}>
                {settings.value?.engines.map((name) => <option key={name}>{name}</option>)}
              </select>
            </label>
            {hasGradient.value && (
              <label title="Says, beside each cell of the code, how much the end of a watched run depends on it">
                <input
                  type="checkbox"
                  checked={gradient.value}
                  onChange={(event) => (gradient.value = event.currentTarget.checked)}
                />{" "}
                gradient
              </label>
            )}
            <span class="spacer" />
            <span class="state" role="status">
              {busy.value && `running ${progress.value}`}
            </span>
          </div>
        </section>
        <div>
          <Answers />
          <HoleSliders onMove={() => void actions.follow()} />
        </div>
      </div>
      {trace.value && (
        <div class="watched">
          <Viewer record={trace.value} key={trace.value} />
        </div>
      )}
    </div>
  );
}

async function openAndWatch(actions: Actions, index: number): Promise<void> {
  actions.open(settings.value?.gallery[index]);
  if (await actions.check()) await actions.watch();
}

function Gallery({ onOpen }: { onOpen: (index: number) => void }) {
  return (
    <nav aria-label="Examples">
      <ul class="gallery">
        {settings.value?.gallery.map((example, index) => (
          <li key={example.name}>
            <button aria-pressed={chosen.value === example} onClick={() => onOpen(index)}>
              {example.name}
            </button>
          </li>
        ))}
      </ul>
      <p class="about">
        {chosen.value?.about} <span class="notice" role="status">{notice.value}</span>
      </p>
    </nav>
  );
}

function ShareButton() {
  const said = useRef<HTMLSpanElement>(null);
  const share = async () => {
    await navigator.clipboard?.writeText(location.href).catch(() => undefined);
    if (said.current) said.current.textContent = "The address holds the program: it is copied.";
  };
  return (
    <>
      <span class="hidden-visually" role="status" ref={said} />
      <button onClick={() => void share()}>Share</button>
    </>
  );
}
