import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lengthWords, sizeWords, spanOf, spanWords, wave } from "../../examples/chat/figures.js";
import { pathAndWords, savePath } from "../../examples/chat/paths.js";

describe("figures in the chat", () => {
  it.each([
    [0, "0 bytes"],
    [999, "999 bytes"],
    [1_000, "1.0 kB"],
    [999_949, "999.9 kB"],
    [999_950, "1.0 MB"],
    [4_294_967_296, "4.3 GB"],
    [5e15, "5000000.0 GB"],
  ])("say %d bytes as %s", (bytes, words) => expect(sizeWords(bytes)).toBe(words));

  it.each([
    [0, "0:00"],
    [7_400, "0:07"],
    [59_600, "1:00"],
    [3_723_000, "1:02:03"],
  ])("say %d ms of sound as %s", (ms, words) => expect(lengthWords(ms)).toBe(words));

  it.each([
    ["30s", 30_000, "30 seconds"],
    ["90", 90_000, "90 seconds"],
    ["1h", 3_600_000, "1 hour"],
    ["60m", 3_600_000, "1 hour"],
    ["7d", 604_800_000, "7 days"],
  ])("take %s as a span", (text, ms, words) => {
    expect(spanOf(text)).toBe(ms);
    expect(spanWords(ms)).toBe(words);
  });

  it.each(["", "h", "-1s", "1.5h", "1w", "1 h", "0x10", "1e3"])("take %j as no span", (text) =>
    expect(spanOf(text)).toBeUndefined(),
  );

  it("draw loudness in as many blocks as there is room for, the loudest of each stretch", () => {
    expect(wave(Uint8Array.of(0, 128, 255))).toBe("▁▅█");
    const loud = new Uint8Array(128);
    loud[127] = 255;
    expect(wave(loud)).toBe(`${"▁".repeat(23)}█`);
    expect(wave(new Uint8Array(0))).toBe("");
  });
});

describe("paths in the chat", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "sotto-paths-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it.each([
    ["a.jpg", "a.jpg", ""],
    ["a.jpg look  here", "a.jpg", "look  here"],
    ['"my file.jpg" words', "my file.jpg", "words"],
    ["'my file.jpg'", "my file.jpg", ""],
    ["my\\ file.jpg words", "my file.jpg", "words"],
    ["~/a.jpg", join(homedir(), "a.jpg"), ""],
    ["~user/a.jpg", "~user/a.jpg", ""],
  ])("are read as shells read them: %s", (line, path, words) => expect(pathAndWords(line)).toEqual({ path, words }));

  it("are none where nothing is typed", () => expect(pathAndWords("  ")).toBeUndefined());

  it("never come from who sent a file, nor name a file there is already", async () => {
    for (const sent of ["../../.bashrc", "/etc/passwd", "..\\..\\autoexec.bat", ".", "..", "", undefined]) {
      const path = await savePath(folder, sent);
      expect(join(path, "..")).toBe(folder);
      expect(path.slice(folder.length + 1)).not.toMatch(/^\.|[/\\]/);
    }
    await writeFile(join(folder, "a.tar"), "");
    await writeFile(join(folder, "a (2).tar"), "");
    expect(await savePath(folder, "a.tar")).toBe(join(folder, "a (3).tar"));
    expect(await savePath(join(folder, "mine"), "a.tar")).toBe(join(folder, "mine"));
  });
});
