/** Attack 22: a thousand members of one group report one message, within the hour. */

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type AccountId,
  accountIdFromBytes,
  type ConversationId,
  checkFrank,
  encodeContent,
  encodeHeadLayer,
  epochKeyOf,
  epochOf,
  groupRoster,
  layerContext,
  type MessageId,
  makeFrank,
  seal,
  stamp,
  toHex,
} from "@sotto/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CaseView } from "../../../../server/desk/api.js";
import { verifySignature } from "../../../../server/desk/index.js";
import { openTables } from "../../../../server/desk/rows.js";
import { openLevelRows } from "../../../../server/desk/store/level-rows.js";
import {
  bytesOf,
  DAY_MS,
  openDesk,
  realmOfDesk,
  type Someone,
  type TestDesk,
  triageKeyOf,
} from "../../../server/desk/desk-of.js";
import { arrive, type Message, someoneEnrolled } from "../../../server/desk/report-of.js";
import { hire, onlyCase } from "../../../server/desk/staff.js";

/** A thousand take ten seconds: `REPORTERS=1000 npx vitest run` on this file. */
const MEMBERS = Number(process.env.REPORTERS ?? 300);

let folder: string;
let rows: Awaited<ReturnType<typeof openLevelRows>>;
let test: TestDesk;
/** What reports are sealed to. */
let triage: Uint8Array;
/** The priority of one report of harassment, by an account that nobody heard of before. */
const one = 24;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sotto-many-"));
  rows = await openLevelRows(folder);
  // A queue of a thousand reports is not looked through in memory.
  test = await openDesk({}, {}, Object.assign(rows, { held: new Map(), dump: () => Buffer.alloc(0) }));
});
afterEach(async () => {
  await test.desk.close();
  await rows.close();
  await rm(folder, { recursive: true, force: true });
});

/** One message to a group of all these, as each of them keeps it. */
async function saidTo(from: Someone, members: readonly AccountId[]): Promise<readonly Message[]> {
  const [token] = await from.tokens(test);
  if (token === undefined) throw new Error("no token");
  const { realm, nowMs: acceptedMs } = test;
  const speaker = { account: from.account, device: from.device };
  const group = toHex(randomBytes(16)) as ConversationId;
  const text = "to all of you";
  const committed = encodeContent({
    ...{ kind: "text", text, sender: from.account, device: from.device, conversation: group },
    ...{ messageId: toHex(randomBytes(16)) as MessageId, counter: 1, sentAtMs: acceptedMs, seen: [] },
  });
  const accounts = [from.account, ...members];
  const roster = groupRoster(realm, { group, revision: 3, head: new Uint8Array(randomBytes(32)) }, accounts);
  const audience = { kind: "group", roster } as const;
  const secret = new Uint8Array(randomBytes(32));
  const franked = makeFrank({ realm, speaker, token, secret, committed, audience, sign: token.signing.sign });
  const { commitment } = franked;
  const key = test.relay.stampKey(epochOf(acceptedMs));
  const stampFor = (account: AccountId) => stamp(key, realm, { commitment, recipient: bytesOf(account), acceptedMs });
  const first = members[0] as AccountId;
  const checked = checkFrank({
    ...{ realm, speaker, me: first, audience, committed, ...franked, acceptedMs, stamp: stampFor(first) },
    ...{ nowMs: acceptedMs, minVersion: 1, isRevoked: () => false, verify: verifySignature },
    epochKey: (epoch, atMs) => epochKeyOf(realmOfDesk(test).manifest, epoch, atMs),
  });
  if (checked.kind !== "genuine") throw new Error(`not shown: ${checked.reason}`);
  return members.map((account) => {
    const opening = roster.openingOf(account);
    if (opening === undefined) throw new Error("a member opens the roster");
    const own = { ...opening, recipient: account, stampedFor: bytesOf(account), stamp: stampFor(account) };
    return { evidence: { ...checked.evidence, head: { ...checked.evidence.head, ...own } }, committed, text };
  });
}

/** Accounts as the desk knows them, that enrolled one after another. */
async function enrolledSince(count: number, sinceMs: (index: number) => number): Promise<readonly AccountId[]> {
  const people = Array.from({ length: count }, () => accountIdFromBytes(randomBytes(16)));
  const { account: table } = openTables(rows);
  const of = await table.get((await someoneEnrolled(test)).account);
  if (of === undefined) throw new Error("an account that enrolled");
  await rows.write(people.map((account, index) => table.put(account, { ...of, enrolledMs: sinceMs(index) })));
  return people;
}

/** Leaves a report whose words nobody opens here: random bytes of their size. */
function leave(reporter: AccountId, accused: Someone, { evidence: { head } }: Message): void {
  const id = new Uint8Array(randomBytes(16));
  const heads = encodeHeadLayer({
    ...{ kind: "report", category: "harassment", team: "community", teamKey: new Uint8Array(8) },
    ...{ accused: accused.account, items: [{ role: "reported", head }] },
  });
  const named = { id, reporter } as const;
  test.nowMs++;
  test.relay.leave({
    ...{ report: id, reporter, receivedMs: test.nowMs, words: new Uint8Array(randomBytes(5_264)) },
    heads: seal(triage, layerContext(test.realm, { ...named, layer: "heads" }), heads),
  });
}

/** Has all of them report one message, and the first two again, as often as they are let. */
async function flood(members: readonly AccountId[]): Promise<CaseView> {
  const mallory = await someoneEnrolled(test);
  const kept = await saidTo(mallory, members);
  triage = triageKeyOf(test).key;
  for (const [index, reporter] of members.entries()) leave(reporter, mallory, kept[index] as Message);
  for (let again = 0; again < 8; again++)
    for (const place of [0, 1]) leave(members[place] as AccountId, mallory, kept[place] as Message);
  await arrive(test);
  return onlyCase(test, await hire(test));
}

describe(`attack 22: ${MEMBERS} reports of one message`, () => {
  it("are one message in one case, bounded in what is kept, and as urgent as one if they came as a brigade", async () => {
    const view = await flood(await enrolledSince(MEMBERS, () => test.nowMs - DAY_MS));
    expect(view).toMatchObject({ verifiedItems: 1, reporters: MEMBERS, brigading: true, trust: "verified" });
    // What one may say of one other in a day: five of nine are looked at, and four of those are repeats.
    expect(view.reports).toHaveLength(MEMBERS + 2 * 4);
    expect(view.reports.filter(({ words }) => words === "kept")).toHaveLength(200);
    const messages = (await openTables(rows).caseMessage.all(`${view.id}/`)).map(({ key }) => key.split("/")[1]);
    expect([messages.length, new Set(messages).size]).toEqual([MEMBERS, 1]);
    expect(view.priority).toBe(one);
    expect(test.troubles).toEqual([]);
  }, 120_000);

  it("by people who have long been here are a bad message, and more urgent than one, within a bound", async () => {
    const view = await flood(await enrolledSince(30, (index) => test.nowMs - (30 + 2 * index) * DAY_MS));
    expect(view).toMatchObject({ verifiedItems: 1, reporters: 30, brigading: false });
    expect(view.priority).toBe(24 * one);
  });
});
