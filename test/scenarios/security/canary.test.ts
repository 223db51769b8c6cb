/** The relay is blind: of everything two people said, nothing is in its files, its log, its pages or its memory. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contentKinds } from "@sotto/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GrantingHost } from "../consent/granting-host.js";
import { type Canaries, plantCanaries } from "./canaries.js";
import { type Find, Needle, search } from "./needle.js";
import { memoryOf, searchFiles, searchRows, searchWords } from "./places.js";
import { RelayApart } from "./relay-apart.js";

const namesOf = (needles: readonly Needle[]) => needles.map(({ name }) => name).sort();
/** The names of what was found; finds come in the order in which they lie there. */
const foundIn = (finds: readonly Find[]) => finds.map((find) => find.split(" as ")[0]).sort();

describe("a relay that carried one of everything", () => {
  let folder: string;
  let relay: RelayApart;
  let canaries: Canaries;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sotto-canary-"));
    const host = new GrantingHost();
    relay = await RelayApart.start(folder, host.environment);
    canaries = await plantCanaries({ url: relay.url, folder: join(folder, "clients"), host });
  }, 60_000);
  afterAll(async () => {
    await canaries?.close();
    await relay?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("carried every kind of content", () => {
    expect([...canaries.kinds].sort()).toEqual(Object.keys(contentKinds).sort());
  });

  it("says none of it in its log and on its pages, nor who its users are", async () => {
    const unheard = [...canaries.secret, ...canaries.heard, ...canaries.held];
    expect(await searchWords(relay, unheard)).toEqual([]);
    expect(await searchWords(relay, [Needle.ofText("an event", "listening")])).toHaveLength(1);
    expect(await searchWords(relay, [Needle.ofText("a metric", "sotto_envelopes_accepted_total")])).toHaveLength(1);
  });

  it("has none of it in its memory, while it has what it stores", async ({ skip }) => {
    if (process.platform !== "linux") {
      console.log("skipped: /proc/PID/mem exists on Linux only");
      skip("no /proc");
    }
    const finds = await search("memory", memoryOf(relay.pid), [...canaries.secret, ...canaries.held]);
    expect(foundIn(finds)).toEqual(namesOf(canaries.held));
  }, 120_000);

  it("has none of it on its disk, nor the names of its users, while it has what it stores", async () => {
    const nowhere = [...canaries.secret, ...canaries.heard];
    expect(await searchFiles(relay.dataDir, nowhere)).toEqual([]);
    await canaries.close();
    await relay.stop();
    expect(await searchFiles(relay.dataDir, nowhere)).toEqual([]);
    const finds = await searchRows(relay.dataDir, [...nowhere, ...canaries.held]);
    expect(foundIn(finds)).toEqual(namesOf(canaries.held));
  });
});

describe("the search", () => {
  const text = "a canary to be found";
  const spelled: readonly [string, Buffer][] = [
    ["as it is", Buffer.from(`..${text}..`)],
    ["in UTF-16", Buffer.from(text, "utf16le")],
    ["in hex", Buffer.from(Buffer.from(text).toString("hex"))],
    ["in capital hex", Buffer.from(Buffer.from(text).toString("hex").toUpperCase())],
    ["in base64", Buffer.from(Buffer.from(text).toString("base64"))],
    ["in base64 behind one byte", Buffer.from(Buffer.from(`.${text}?`).toString("base64"))],
    ["in base64 behind two bytes", Buffer.from(Buffer.from(`..${text}??`).toString("base64url"))],
  ];

  it.each(spelled)("finds a text %s, also where two pieces meet", async (_form, bytes) => {
    const needles = [Needle.ofText("it", text), Needle.ofText("another", "something else entirely")];
    expect(await search("here", [bytes], needles)).toHaveLength(1);
    const pieces = [bytes.subarray(0, 9), bytes.subarray(9)];
    expect(await search("here", pieces, needles)).toHaveLength(1);
    expect(await search("here", [Buffer.from("nothing of it")], needles)).toEqual([]);
  });
});
