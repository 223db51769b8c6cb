import { readdir, readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = new URL("../../", import.meta.url);

/** What stands between backticks and names something of this repository. */
async function pointers(): Promise<readonly string[]> {
  const text = await readFile(new URL("SECURITY.md", root), "utf8");
  const quoted = [...text.matchAll(/`([^`]+)`/g)].map(([, inside = ""]) => inside);
  const linked = [...text.matchAll(/\]\(([^)#]+)\)/g)].map(([, target = ""]) => target);
  return [...new Set([...quoted.filter((name) => /^(test|examples|campaigns)\//.test(name)), ...linked])];
}

/** A file, or a folder with tests or the suites of a contract in it or below it. */
async function isThere(pointer: string): Promise<boolean> {
  const path = fileURLToPath(new URL(pointer, root));
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) return found !== undefined;
  return (await readdir(path, { recursive: true })).some((name) =>
    /(^|\/)(describe-[^/]*|[^/]*\.test)\.ts$/.test(name),
  );
}

describe("SECURITY.md", () => {
  it("names no test that is not there", async () => {
    const named = await pointers();
    expect(named.length).toBeGreaterThan(20);
    const there = await Promise.all(named.map(isThere));
    expect(named.filter((_name, at) => there[at] === false)).toEqual([]);
  });

  it("names no campaign that cannot be run", async () => {
    const text = await readFile(new URL("SECURITY.md", root), "utf8");
    const names = [...text.matchAll(/`npm run campaign -- ([a-z-]+)`/g)].map(([, name = ""]) => name);
    expect(names.length).toBeGreaterThan(0);
    const there = await Promise.all(names.map((name) => isThere(`campaigns/${name}.ts`)));
    expect(names.filter((_name, at) => there[at] === false)).toEqual([]);
  });
});
