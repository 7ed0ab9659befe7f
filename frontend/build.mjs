// Builds what the package ships: a script and a style sheet for each page, and the licences of what is inside.
// `node build.mjs FOLDER` writes elsewhere.
import { build } from "esbuild";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { resolve } from "node:path";

const here = import.meta.dirname;
const folder = resolve(process.argv[2] ?? resolve(here, "../src/neurallambda/viewer/assets"));

const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: ["src/viewer.tsx", "src/playground.tsx"],
  outdir: folder,
  bundle: true,
  minify: true,
  metafile: true,
  format: "iife",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  charset: "ascii", // a script may stand inside a page of any encoding
  legalComments: "none",
  banner: { js: "/* neurallambda, Apache-2.0. Built from frontend/ by `make frontend`. Contains Preact (MIT, Jason Miller), d3 (ISC, Mike Bostock) and, in the playground, CodeMirror (MIT, Marijn Haverbeke and others): NOTICES.txt has their licences. */" },
  logLevel: "warning",
});

const names = new Set(
  Object.keys(metafile.inputs).flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []),
);
const notices = await Promise.all(
  [...names].sort().map(async (name) => {
    const root = resolve(here, "node_modules", name);
    const { version } = JSON.parse(await readFile(resolve(root, "package.json"), "utf8"));
    const file = (await readdir(root)).find((one) => /^licen[cs]e/i.test(one));
    return `${name} ${version}\n\n${(await readFile(resolve(root, file), "utf8")).trim()}\n`;
  }),
);
await writeFile(resolve(folder, "NOTICES.txt"), notices.join(`\n${"-".repeat(80)}\n\n`));
