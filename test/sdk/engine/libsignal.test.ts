import { expect, test } from "vitest";
import { runChild } from "../node/child.js";

/** Makes one import fail the way Node's own resolution or loading does. */
const failing = (failure: string) => {
  const hook = `export async function resolve(specifier, context, next) {
    if (specifier === "@signalapp/libsignal-client") throw ${failure};
    return next(specifier, context);
  }`;
  const hookUrl = `data:text/javascript,${encodeURIComponent(hook)}`;
  return `data:text/javascript,${encodeURIComponent(
    `import { register } from "node:module"; register(${JSON.stringify(hookUrl)});`,
  )}`;
};

test.each([
  [
    "is not installed",
    'Object.assign(new Error("gone"), { code: "ERR_MODULE_NOT_FOUND" })',
    "libsignal is not installed",
  ],
  ["is of another platform", 'new Error("no prebuild")', "libsignal is installed but does not load here"],
])("a library that %s is told as engineMissing, with the remedy", async (_case, failure, detail) => {
  const child = runChild("../engine/load-engine.ts", failing(failure));
  await child.ended;
  expect(child.lines[0]).toBe("engineMissing");
  expect(child.lines[1]).toContain(detail);
  expect(child.lines[1]).toContain("npm install @signalapp/libsignal-client");
});

test("the engine loads where the library is installed", async () => {
  const child = runChild("../engine/load-engine.ts");
  await child.ended;
  expect(child.lines).toEqual(["libsignal"]);
});
