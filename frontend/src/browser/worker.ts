// Python in the browser, in a worker: a program that does not end can be stopped by ending the worker.
interface Python {
  unpackArchive(buffer: ArrayBuffer, format: string, options: { extractDir: string }): void;
  runPython(code: string): unknown;
}
interface Room {
  settings(): string;
  answers(kind: string, body: string): Iterable<string>;
}

/** What has to be fetched, and how large it is about: for the bar that says how far that is. */
const PARTS: [string, number][] = [
  ["pyodide/pyodide.asm.wasm", 9_600_000],
  ["pyodide/python_stdlib.zip", 2_500_000],
  ["pyodide/pyodide.asm.mjs", 1_300_000],
  ["packages.zip", 900_000],
];
const PLACE = "/lib/packages";

let room: Promise<Room> | null = null;

/** Tells an answer to the request of this number, or to all where it is 0; null: there is no more to tell. */
function tell(id: number, answer: object | null): void {
  self.postMessage({ id, answer });
}

async function load(base: string): Promise<Room> {
  const total = PARTS.reduce((sum, [, size]) => sum + size, 0);
  let done = 0;
  let packages = new ArrayBuffer(0);
  for (const [name, size] of PARTS) {
    const response = await fetch(new URL(name, base)); // the browser keeps it, and Pyodide finds it there
    if (!response.ok) throw new Error(`${name} is not there (${response.status})`);
    const content = await response.arrayBuffer();
    if (name === "packages.zip") packages = content;
    done += size;
    tell(0, { kind: "progress", seconds: 0, share: (0.9 * done) / total }); // the rest is starting it
  }
  const address = new URL("pyodide/pyodide.mjs", base).href;
  const { loadPyodide } = (await import(address)) as { loadPyodide(options: object): Promise<Python> };
  const python = await loadPyodide({ indexURL: new URL("pyodide/", base).href });
  python.unpackArchive(packages, "zip", { extractDir: PLACE });
  return python.runPython(
    `import sys; sys.path.insert(0, "${PLACE}")\nfrom neurallambda.viewer.playground import in_browser\nin_browser`,
  ) as Room;
}

self.onmessage = async (event: MessageEvent<{ base: string; id: number; kind: string; body: string }>) => {
  const { base, id, kind, body } = event.data;
  const here = (room ??= load(base));
  let isThere = false;
  try {
    const { answers } = await here;
    isThere = true;
    for (const line of answers(kind, body)) tell(id, JSON.parse(line) as object);
  } catch (error) {
    const what = isThere ? "Python has stopped, and is loaded again for the next run" : "Python could not be loaded";
    const message = `${what}: ${error instanceof Error ? error.message : String(error)}`;
    tell(id, { kind: "problem", problem: { message } });
    if (room === here) room = null; // who came after may be loading it again already
  }
  tell(id, null);
};
