/** A desk whose rows are those of a backup, and a relay whose are: what the other side knows already, and what it lost. */

import { decodeManifest, decodeRealm, epochOf, mayFollow, type ReadManifest, SottoError } from "@sotto/protocol";
import { expect, it } from "vitest";
import { verifySignature } from "../../../server/desk/index.js";
import { openTables, sortable } from "../../../server/desk/rows.js";
import { DAY_MS, openDesk, realmOfDesk, type TestDesk } from "./desk-of.js";
import { type MemoryRows, memoryRows } from "./memory-rows.js";
import { arrive, reported, say, someoneEnrolled, submit } from "./report-of.js";
import { hire, onlyCase } from "./staff.js";

const MINUTE_MS = 60_000;

/** The rows as they are now, for later. */
function backupOf({ rows }: TestDesk): MemoryRows {
  const copy = memoryRows();
  for (const [key, value] of rows.held) copy.held.set(key, value.slice());
  return copy;
}

/** A relay that takes manifests as a real one does: none that it has, none that is older. */
function strictRelay(test: TestDesk) {
  let held: ReadManifest | undefined;
  const taken: number[] = [];
  const putRealm = async (document: Uint8Array) => {
    const next = decodeManifest(decodeRealm(document).manifest, verifySignature);
    const isSame = held !== undefined && Buffer.from(held.hash).equals(Buffer.from(next.hash));
    if (held !== undefined && !isSame && !mayFollow(held, next)) throw new SottoError("badFrame");
    held = next;
    taken.push(next.number);
  };
  held = realmOfDesk(test).manifest;
  return { putRealm, taken, number: () => held?.number ?? 0 };
}

/** What a desk needs of a relay besides. */
const relayOf = (putRealm: (document: Uint8Array) => Promise<void>) => ({
  putRealm,
  stampKeys: async () => [],
  reports: async () => ({ reports: [], more: false }),
  acknowledgeReports: async () => undefined,
  enforce: async () => undefined,
  notify: async () => undefined,
});

it("a desk that is behind skips numbers until relay and apps take its manifest again, and goes on by one", async () => {
  const test = await openDesk();
  const backup = backupOf(test);
  for (let day = 0; day < 5; day++) await test.pass(DAY_MS);
  const relay = strictRelay(test);
  const before = relay.number();
  expect(before).toBeGreaterThan(5);
  const restored = await openDesk({}, { relay: relayOf(relay.putRealm) }, backup);
  restored.nowMs = test.nowMs;
  for (let minute = 0; minute < 3; minute++) await restored.pass(MINUTE_MS);
  expect(relay.taken.length).toBeGreaterThan(0);
  expect(relay.number()).toBeGreaterThan(before);
  expect(relay.number()).toBe(restored.desk.publicInfo.manifest);
  const number = relay.number();
  await restored.pass(DAY_MS);
  expect(relay.number()).toBe(number + 1);
});

it("a relay that refuses everything does not use up the numbers", async () => {
  const test = await openDesk(
    {},
    {
      relay: relayOf(async () => {
        throw new SottoError("badFrame");
      }),
    },
  );
  for (let minute = 0; minute < 30; minute++) await test.pass(MINUTE_MS);
  expect(test.desk.publicInfo.manifest).toBeLessThan(2_100);
});

it("notes of a desk that was restored have numbers behind all that devices know", async () => {
  const test = await openDesk();
  const [alice, mallory] = [await someoneEnrolled(test), await someoneEnrolled(test)];
  const backup = backupOf(test);
  const report = async (desk: TestDesk) => {
    const message = await say(desk, mallory, alice.account);
    submit(desk, alice, { accused: mallory.account }, [message]);
    await arrive(desk);
  };
  const behind = async (desk: TestDesk, after: number) => {
    const answer = await alice.ask(desk, "notes", { after });
    if (answer.kind !== "notes") throw new Error(answer.kind);
    return answer.notes.map(({ seq }) => seq);
  };
  for (let count = 0; count < 3; count++) await report(test);
  const known = (await behind(test, 0)).at(-1) ?? 0;
  const restored = await openDesk({}, {}, backup);
  await restored.pass(test.nowMs - restored.nowMs);
  await report(restored);
  expect(await behind(restored, known)).toHaveLength(1);
});

it("a relay that lost what was done to accounts is told again of what holds and of what was taken back, and of nothing else", async () => {
  const test = await openDesk();
  const { accused } = await reported(test);
  const worker = await hire(test);
  const { id } = await onlyCase(test, worker);
  await test.desk.claim(worker.me, id);
  const act = { category: "harassment", rule: "Be kind." } as const;
  await test.desk.act(worker.me, id, { ...act, kind: "mute", durationMs: DAY_MS });
  const view = await test.desk.act(worker.me, id, { ...act, kind: "noNewConversations", durationMs: 3 * DAY_MS });
  const lifted = view.actions.find(({ kind }) => kind === "noNewConversations")?.id ?? "";
  await test.desk.act(worker.me, id, { ...act, kind: "lift", lifts: lifted });
  await test.desk.act(worker.me, id, { ...act, kind: "warn" });
  await test.desk.settled();
  expect(test.sanctions().map(({ kind }) => kind)).toEqual(["mute", "noNewConversations", "lift"]);
  const restored = await test.again();
  const repeated = restored.sanctions().map(({ kind, account }) => [kind, account]);
  expect(repeated.sort()).toEqual([
    ["lift", accused.account],
    ["mute", accused.account],
  ]);
  // No more than once an hour, however often the connection breaks.
  restored.desk.connected();
  await restored.desk.settled();
  expect(restored.sanctions()).toHaveLength(2);
  await restored.pass(DAY_MS);
  restored.desk.connected();
  await restored.desk.settled();
  expect(
    restored
      .sanctions()
      .slice(2)
      .map(({ kind }) => kind),
  ).toEqual(["lift"]);
});

it("a relay that was made anew has its stamp keys taken for days to come, and never for a day that was stamped", async () => {
  const test = await openDesk();
  const tables = openTables(test.rows);
  const present = epochOf(test.nowMs);
  const held = async (epoch: number) => Buffer.from((await tables.stampKey.get(sortable(epoch)))?.key ?? []);
  const [today, tomorrow] = [await held(present), await held(present + 1)];
  const anew = await openDesk({}, {}, test.rows);
  expect(await held(present)).toEqual(today);
  expect(await held(present + 1)).not.toEqual(tomorrow);
  expect(await held(present + 1)).toEqual(Buffer.from(anew.relay.stampKey(present + 1)));
});
