/**
 * What somebody reported is read by the moderator who opens it, in their own browser, and by nobody else: of its words nothing is in
 * the memory, the files, the log and the answers of relay and desk, nor in what the desk tells others, while a case is open and after.
 */

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  accountIdToBytes,
  decodeWordsLayer,
  fromHex,
  headLayerHash,
  layerContext,
  parseAccountId,
  sealKeysOf,
  toHex,
  unseal,
  type WordsLayer,
} from "@sotto/protocol";
import { type Client, createClient, type Group, levelStore, type Statement } from "@sotto/sdk/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CaseView, Opening } from "../../../server/desk/api.js";
import { groupOf, reads, until } from "../../support/group-people.js";
import { nextEvent } from "../../support/world.js";
import { draftable, submitted } from "../reports/people.js";
import { type AtInterface, DeskApart, deskKeyIn, Hook } from "./desk-apart.js";
import { Needle, search } from "./needle.js";
import { memoryOf, searchDatabase, searchFiles, searchWords } from "./places.js";
import { RelayApart } from "./relay-apart.js";

const word = `reported-${randomBytes(16).toString("hex")}`;
const fileBytes = new Uint8Array(randomBytes(40_000));

let folder: string;
let relay: RelayApart;
let desk: DeskApart;
let hook: Hook;
let moderator: AtInterface;
let people: readonly [Client, Client, Client];
let found: CaseView;
let opening: Opening;
let words: WordsLayer;
/** What neither server may hold anywhere. */
let secret: readonly Needle[];
/** Which the relay knows, whose log it keeps, and the desk does not. */
let group: Needle;
/** What both must hold, or nothing would be found. */
let held: readonly Needle[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sotto-reported-"));
  hook = await Hook.listen();
  const deskFolder = join(folder, "desk");
  relay = await RelayApart.start(folder, { DESK_KEY: await deskKeyIn(deskFolder) });
  desk = await DeskApart.start(deskFolder, relay.url, hook);
  moderator = await desk.moderator();
  const named = (who: string) =>
    createClient({ relay: relay.url, userId: who, store: levelStore(join(folder, "clients", who)) });
  people = (await Promise.all(["alice", "bob", "carol"].map(named))) as [Client, Client, Client];
  await talkAndReport();
}, 120_000);
afterAll(async () => {
  await Promise.all((people ?? []).map((client) => client.close()));
  await desk?.stop();
  await relay?.stop();
  hook?.close();
  await rm(folder, { recursive: true, force: true });
});

/** A group says it all, one member reports it, and a moderator opens the case. */
async function talkAndReport(): Promise<void> {
  const [alice, bob] = people;
  await bob.setProfile({ name: `${word} is a name` });
  const [ofAlice, ofBob] = (await groupOf(people, { title: `${word} is a title` })) as [Group, Group];
  const file = await bob.attachments.upload(fileBytes, { name: `${word}.pdf`, mime: "application/pdf", as: "file" });
  const bad = ofBob.send({ attachments: [file], text: `${word} in a caption` });
  await bad.accepted;
  const context = ofBob.send({ text: `${word} around it` });
  await context.accepted;
  await ofBob.send({ text: "behind it" }).accepted;
  await reads(ofAlice, "behind it");
  const draft = await draftable(alice, () =>
    ofAlice.draftReport([bad.id], {
      ...{ category: "hate", note: `${word} in a note`, context: [context.id] },
      attachments: [{ message: bad.id, place: 0 }],
    }),
  );
  const report = await submitted(alice, draft);
  await until(async () => (await moderator.onlyCase())?.trust === "verified", "the case");
  found = (await moderator.onlyCase()) as CaseView;
  opening = await moderator.open(found.id);
  words = await readWords(report.id, parseAccountId(alice.accountId));
  await moderator.get(`/api/blobs/${toHex(file.id)}`);
  const bytes = (name: string, value: Uint8Array) => Needle.ofBytes(name, value);
  secret = [
    Needle.ofText("a word", word),
    bytes("a message id", fromHex(bad.id)),
    bytes("the file", fileBytes.subarray(10_000, 10_032)),
    bytes("the file's key", file.key),
    bytes("the file's digest", file.digest),
    ...words.items.map(({ wordsKey }) => bytes("a key of words", wordsKey)),
    ...[...moderator.seeds.values()].map((seed) => bytes("a team's key", seed)),
    bytes("the moderator's secret", moderator.secret),
  ];
  group = bytes("the group", fromHex(ofBob.id));
  held = [bytes("the accused", accountIdToBytes(bob.accountId))];
}

/** What the moderator reads, in their own process. */
async function readWords(report: string, reporter: ReturnType<typeof parseAccountId>): Promise<WordsLayer> {
  const given = opening.reports.find((one) => one.report === report);
  const { realm } = (await moderator.get("/api/state")) as { realm: string };
  const seed = given === undefined ? undefined : moderator.seeds.get(given.teamKey);
  if (given === undefined || seed === undefined) throw new Error("the report is there, and its key");
  const headHash = headLayerHash(Buffer.from(given.heads, "base64"));
  const context = layerContext(fromHex(realm), { id: fromHex(report), reporter, layer: "words", headHash });
  const opened = unseal(sealKeysOf(seed).secretKey, context, Buffer.from(given.words, "base64"));
  if (opened === undefined) throw new Error("the words open");
  return decodeWordsLayer(opened);
}

const namesOf = (needles: readonly Needle[]) => needles.map(({ name }) => name);
const foundIn = (finds: readonly string[]) => finds.map((find) => find.split(" as ")[0]);

describe("a report that a moderator has open", () => {
  it("says what was said, to the moderator", () => {
    expect(words.note).toBe(`${word} in a note`);
    const said = words.items.map(({ committed }) => Buffer.from(committed).includes(word));
    expect(said).toEqual([true, true]);
    expect(words.items.some(({ blobs }) => blobs.length === 1)).toBe(true);
  });

  it("leaves no word of it in the memory of desk and relay, which hold what they need", async ({ skip }) => {
    if (process.platform !== "linux") skip("no /proc");
    const [atDesk, atRelay] = await Promise.all(
      [desk, relay].map(({ pid }) => search("memory", memoryOf(pid), [...secret, ...held, group])),
    );
    expect(foundIn(atDesk ?? [])).toEqual(namesOf(held));
    expect(foundIn(atRelay ?? []).sort()).toEqual(namesOf([...held, group]).sort());
  }, 120_000);

  it("leaves none in their logs, on the relay's pages, or in anything the desk answers or calls out", async () => {
    await until(() => hook.calls.length > 0, "a call of the desk's");
    expect(await searchWords(relay, secret)).toEqual([]);
    const said = [Buffer.from(desk.log), ...hook.calls.map((call) => Buffer.from(call))];
    expect(await search("what the desk says", said, secret)).toEqual([]);
    expect(await search("an answer", moderator.answers, secret)).toEqual([]);
    const accused = Needle.ofText("the accused", people[1].accountId);
    expect(await search("an answer", moderator.answers, [accused])).toHaveLength(1);
    expect(
      await search(
        "a call",
        hook.calls.map((call) => Buffer.from(call)),
        [accused],
      ),
    ).toEqual([]);
  });

  it("leaves none on their disks, in the audit log and in a statement either, once something was done", async () => {
    const told = nextEvent<{ statement: Statement }>(people[1], "statement");
    await moderator.post(`/api/openings/${opening.opening}/close`, {});
    const act = { kind: "warn", category: "hate", rule: "Be kind to each other." };
    await moderator.post(`/api/cases/${found.id}/act`, act);
    expect(JSON.stringify(await told)).not.toContain(word);
    const audit = (await moderator.get("/api/audit?after=0")) as { entries: readonly { what: string }[] };
    expect(audit.entries.map(({ what }) => what)).toContain("opened");
    expect(JSON.stringify(audit)).not.toContain(word);
    await Promise.all(people.map((client) => client.close()));
    await desk.stop();
    await relay.stop();
    expect(await searchFiles(relay.dataDir, secret)).toEqual([]);
    expect(await searchFiles(desk.dataDir, [...secret, group])).toEqual([]);
    expect(await searchDatabase(join(relay.dataDir, "store"), secret)).toEqual([]);
    const rows = await searchDatabase(join(desk.dataDir, "rows"), [
      ...secret,
      group,
      Needle.ofText("the case", found.id),
    ]);
    expect(foundIn(rows)).toEqual(["the case"]);
  });
});
