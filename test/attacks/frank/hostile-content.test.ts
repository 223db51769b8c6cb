/** Attack 28: words and files that are made to harm who looks at them. What a browser does with them is in the console's own tests. */

import { describe, expect, test } from "vitest";
import { showableMedia } from "../../../server/desk/console/media-type.js";
import { textRuns } from "../../../server/desk/console/safe-text.js";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("attack 28: hostile content against staff", () => {
  test.each([
    ["SVG", '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'],
    ["HTML", "<!doctype html><script>alert(1)</script>"],
    ["PDF", "%PDF-1.7\n1 0 obj"],
    ["a shell script", "#!/bin/sh\nrm -rf ~"],
    ["a Windows program", "MZ\u0090\u0000\u0003"],
    ["XML", '<?xml version="1.0"?>'],
    ["nothing", ""],
  ])("%s is shown as no media, whatever its sender calls it", (_name, text) => {
    expect(showableMedia(bytes(text))).toBeUndefined();
  });

  test("a picture is shown as what it is", () => {
    const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0);
    expect(showableMedia(png)).toEqual({ kind: "image", mime: "image/png" });
  });

  test("characters that turn the reading direction or hide become marks, so that they act on nothing", () => {
    const runs = textRuns("pay \u202Eyadot\u202C now\u200B!");
    const plain = runs.flatMap((run) => (run.kind === "plain" ? [run.text] : [])).join("");
    expect(plain).toBe("pay yadot now!");
    expect(runs.filter(({ kind }) => kind === "mark")).toHaveLength(3);
  });
});
