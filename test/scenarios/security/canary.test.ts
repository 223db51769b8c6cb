/** The relay is blind: of everything two people said, nothing is in its files, its log, its pages or its memory. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contentKinds } from "@sotto/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GrantingHost } from "../consent/granting-host.js";
import { type Canaries, plantCanaries } from "./canaries.js";
import { type Find, Needle, Search, search } from "./needle.js";
import { memoryOf, searchDatabase, searchFiles, searchRows, searchWords } from "./places.js";
import { RelayApart } from "./relay-apart.js";

const namesOf = (needles: readonly Needle[]) => needles.map(({ name }) => name).sort();
/** The names of what was found; finds come in the order in which they lie there. */
const foundIn = (finds: readonly Find[]) => finds.map((find) => find.split(" as ")[0]).sort();
/** What a client keeps in rows of its own, by the beginning of their keys: what it said, noted and indexed really lies there. */
const CLIENT_ROWS = [
  ...["timeline/", "vote/", "timer/", "due/", "sent/"],
  ...["register/draft/", "register/quickReply/", "register/pin/", "register/label/", "register/assignee/"],
  ...["searchmark/", "searchsegment/", "upload/", "uploaded/", "spool/", "piece/"],
];

describe("a relay that carried one of everything", () => {
  let folder: string;
  let relay: RelayApart;
  let canaries: Canaries;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sotto-canary-"));
    const host = new GrantingHost();
    relay = await RelayApart.start(folder, host.environment);
    canaries = await plantCanaries({ url: relay.url, folder: join(folder, "clients"), host });
  }, 180_000);
  afterAll(async () => {
    await canaries?.close();
    await relay?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("carried every kind of content", () => {
    expect([...canaries.kinds].sort()).toEqual(Object.keys(contentKinds).sort());
  });

  it("says none of it in its log and on its pages, nor who its users are", async () => {
    const { secret, heard, held, kept, narrow } = canaries;
    const unheard = [...secret, ...heard, ...held, ...kept, ...narrow];
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
  }, 120_000);

  it("keeps blobs under their ids and at their sealed sizes, and nowhere says how large they truly are", async () => {
    const isNoBlob = (name: string) => !name.endsWith(".data");
    expect(await searchFiles(relay.dataDir, canaries.narrow, isNoBlob)).toEqual([]);
    const finds = await searchFiles(join(relay.dataDir, "blobs"), canaries.kept, isNoBlob);
    expect(foundIn(finds)).toEqual(namesOf(canaries.kept));
  });

  it("left nothing of it legible on its clients' own disks", async () => {
    // Messages have random ids, by which rows of a timeline are ordered.
    const sealed = canaries.secret.filter(({ name }) => name !== "message id");
    for (const who of ["alice", "bob", "phone"]) {
      const own = join(folder, "clients", who);
      expect(await searchFiles(own, sealed)).toEqual([]);
      expect(await searchDatabase(join(own, "db"), sealed)).toEqual([]);
    }
    const rows = CLIENT_ROWS.map((prefix) => Needle.ofText(prefix, prefix));
    expect(foundIn(await searchDatabase(join(folder, "clients", "alice", "db"), rows))).toEqual(namesOf(rows));
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

  const value = 0x0103_a7e9;
  const numbers: readonly [string, Buffer][] = [
    ["in words", Buffer.from(`size=${value};`)],
    ["as a JSON number", Buffer.from(JSON.stringify({ value }))],
    ["as a u32 of the codec", Buffer.from([0xce, 0x01, 0x03, 0xa7, 0xe9, 0x01])],
    ["as a u64, greater end first", Buffer.from("ff000000000103a7e9ff", "hex")],
    ["as a u64, smaller end first", Buffer.from("ffe9a7030100000000ff", "hex")],
    ["as a small integer of V8's", Buffer.from("ff00000000e9a70301ff", "hex")],
    ["as a double", Buffer.from(new Float64Array([value]).buffer)],
  ];

  it.each(numbers)("finds a number %s, also where two pieces meet", async (_form, bytes) => {
    const needles = [Needle.ofNumber("it", value, "wide"), Needle.ofNumber("another", value + 1, "wide")];
    expect(await search("here", [bytes], needles)).toHaveLength(1);
    expect(await search("here", [bytes.subarray(0, 5), bytes.subarray(5)], needles)).toHaveLength(1);
    expect(await search("here", [Buffer.alloc(64)], needles)).toEqual([]);
  });

  it("finds a number whose bytes are zeros but for some that stand alone", async () => {
    for (const [number, hex] of [
      [0x1000ab, "00000000001000ab"],
      [0x100000, "0000000000100000"],
      [0xab, "00000000000000ab"],
    ] as const) {
      const bytes = Buffer.from(`0000${hex}0000`, "hex");
      expect(await search("here", [bytes], [Needle.ofNumber("it", number, "wide")])).toEqual(["it as u64be in here"]);
    }
  });

  it("finds numbers that are looked for together where all of them are, in one form, and else none", async () => {
    const other = value + 3;
    const both = Needle.together(
      "both",
      [value, other].map((one) => Needle.ofNumber("one", one, "wide")),
    );
    const [first, second] = [Buffer.from(`${value}`), Buffer.from(`${other}`)];
    const apart = Buffer.alloc(8);
    apart.writeBigUInt64BE(BigInt(other));
    expect(await search("here", [first], [both])).toEqual([]);
    expect(await search("here", [first, first], [both])).toEqual([]);
    expect(await search("here", [first, apart], [both])).toEqual([]);
    expect(await search("here", [first, Buffer.from(" "), second], [both])).toEqual(["both as decimal in here"]);
    const searching = new Search([both]);
    await searching.through("one file", [first]);
    await searching.through("another", [second]);
    expect(searching.finds).toEqual(["both as decimal in another"]);
  });

  it("finds a number of four bytes or six where it may be looked for", async () => {
    const needles = [Needle.ofNumber("it", value, "narrow")];
    for (const hex of ["0103a7e9", "e9a70301", "00000103a7e9", "e9a703010000"])
      expect(await search("here", [Buffer.from(`ff${hex}ff`, "hex")], needles)).toHaveLength(1);
  });
});
