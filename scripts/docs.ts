/**
 * Writes the reference tables into the texts, or checks that they are up to date.
 *
 *   npm run docs         writes
 *   npm run docs:check   names what is stale and ends with 1
 *
 * A new section: a pair of markers in the text and a row in `docs/protocol-sections.ts` or `docs/readme-sections.ts`. A new page: a row in
 * `docs/server-pages.ts`.
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { protocolSections } from "./docs/protocol-sections.js";
import { readmeSections } from "./docs/readme-sections.js";
import { serverPages } from "./docs/server-pages.js";

const MARKER = /<!-- generated:([a-z-]+) -->[\s\S]*?<!-- \/generated:\1 -->/g;

/** The text with every generated section filled in. @throws if a section has no marker, or a marker no section. */
function filled(path: string, sections: Readonly<Record<string, () => string>>): string {
  const missing = new Set(Object.keys(sections));
  const text = present(path).replaceAll(MARKER, (_whole, name: string) => {
    const section = sections[name];
    if (section === undefined) throw new Error(`${path}: nothing generates "${name}"`);
    missing.delete(name);
    return `<!-- generated:${name} -->\n\n${section()}\n\n<!-- /generated:${name} -->`;
  });
  if (missing.size > 0) throw new Error(`${path} has no markers for ${[...missing].join(", ")}`);
  return text;
}

function present(path: string): string {
  const file = new URL(`../${path}`, import.meta.url);
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

const texts: Readonly<Record<string, () => string>> = {
  "README.md": () => filled("README.md", readmeSections),
  "protocol/PROTOCOL.md": () => filled("protocol/PROTOCOL.md", protocolSections),
  ...serverPages,
};

const [mode] = process.argv.slice(2);
if (mode !== "write" && mode !== "check") throw new Error("say `write` or `check`");
const stale = Object.entries(texts)
  .map(([path, make]) => ({ path, text: make() }))
  .filter(({ path, text }) => text !== present(path));
for (const { path, text } of stale) {
  if (mode === "write") writeFileSync(new URL(`../${path}`, import.meta.url), text);
  console.log(mode === "write" ? `wrote ${path}` : `${path} is out of date; run: npm run docs`);
}
if (mode === "check" && stale.length > 0) process.exitCode = 1;
