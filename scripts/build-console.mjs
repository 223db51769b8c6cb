/**
 * Bundles the desk's console: `index.html`, `console.js` and `console.css`, with nothing from elsewhere in them.
 *
 *   node scripts/build-console.mjs [FOLDER]     server/dist/console unless a folder is named
 *
 * A desk that runs from the source builds into a folder of its own when it starts.
 */

import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const source = fileURLToPath(new URL("../server/desk/console/", import.meta.url));
const usual = fileURLToPath(new URL("../server/dist/console/", import.meta.url));

/** Builds the console into a folder. Each file is replaced whole, so that several may build at once. */
export async function buildConsole(folder) {
  const { outputFiles } = await build({
    entryPoints: { console: join(source, "main.tsx") },
    outdir: folder,
    write: false,
    bundle: true,
    format: "esm",
    platform: "browser",
    target: ["chrome111", "firefox115", "safari16.4"],
    conditions: ["sotto-source"],
    jsx: "automatic",
    jsxImportSource: "preact",
    minify: true,
    legalComments: "eof",
    logLevel: "silent",
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const files = new Map([
    ["console.css", Buffer.alloc(0)],
    ["index.html", await readFile(join(source, "index.html"))],
    ...outputFiles.map(({ path, contents }) => [path.slice(path.lastIndexOf("/") + 1), Buffer.from(contents)]),
  ]);
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of files) {
    const file = join(folder, name);
    const temporary = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}.tmp`;
    await writeFile(temporary, bytes);
    await rename(temporary, file);
  }
}

if (process.argv[1] !== undefined && pathToFileURL(resolve(process.argv[1])).href === import.meta.url) {
  await buildConsole(process.argv[2] === undefined ? usual : resolve(process.argv[2]));
}
