/** What comes to pass while something else is under way: the desk decides by what is true then, not by what it read before. */

import { randomBytes } from "node:crypto";
import { epochOf, sealKeysOf } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { Act } from "../../../server/desk/api.js";
import { Ledger } from "../../../server/desk/audit/ledger.js";
import { KeyRing } from "../../../server/desk/keys/key-ring.js";
import { Locks } from "../../../server/desk/lock.js";
import { scrub } from "../../../server/desk/retention/scrubbing.js";
import { openTables, sortable } from "../../../server/desk/rows.js";
import { DAY_MS, openDesk, START_MS, type TestDesk } from "./desk-of.js";
import { heldRows, signal, turn } from "./held-rows.js";
import { reported, submit } from "./report-of.js";
import { hire, onlyCase } from "./staff.js";

const warning: Act = { kind: "warn", category: "harassment", rule: "Be kind." };
const mute: Act = { ...warning, kind: "mute", durationMs: DAY_MS };

/** A desk on rows that can be held back, with one case, claimed. */
async function claimed() {
  const { rows, hold } = heldRows();
  const test = await openDesk({}, { rows });
  const people = await reported(test);
  const lead = await hire(test, "lead");
  const { id } = await onlyCase(test, lead);
  await test.desk.claim(lead.me, id);
  return { test, hold, rows, ...people, lead, id };
}

const newKey = () => Buffer.from(sealKeysOf(new Uint8Array(randomBytes(32))).publicKey).toString("base64");
const sweep = ({ desk }: TestDesk) => desk.sweep(new AbortController().signal);

/** A ledger and a ring of keys on rows that can be held back. */
async function ringOf() {
  const { rows, hold } = heldRows();
  const clock = { nowMs: START_MS };
  const base = {
    tables: openTables(rows),
    locks: new Locks(),
    now: () => clock.nowMs,
    random: (bytes: number) => new Uint8Array(randomBytes(bytes)),
  };
  const ledger = new Ledger({ ...base, rows });
  return { rows, hold, clock, ...base, ledger, ring: await KeyRing.open({ ...base, ledger }) };
}

describe("keys", () => {
  it("a stamp key that comes while others are made is known from then on", async () => {
    const { ring, hold } = await ringOf();
    const epoch = epochOf(START_MS);
    const reading = hold("list", "stampKey/");
    const upkeep = ring.upkeep();
    await reading.reached;
    const taken = ring.takeStampKeys([{ epoch, key: new Uint8Array(32).fill(7) }]);
    await turn();
    reading.release();
    await Promise.all([upkeep, taken]);
    expect(ring.stampKey(epoch)).toEqual(new Uint8Array(32).fill(7));
  });
});

describe("a note", () => {
  it("that is written while the relay is told of the one before is told of too", async () => {
    const { test, lead, id, accused } = await claimed();
    await test.desk.settled();
    const answering = signal();
    test.relay.answering = answering.given;
    test.relay.told.length = 0;
    await test.desk.act(lead.me, id, warning);
    await turn();
    expect(test.relay.told).toContain(accused.account);
    await test.desk.act(lead.me, id, mute);
    answering.give();
    await test.desk.settled();
    expect(test.relay.told.filter((account) => account === accused.account)).toHaveLength(2);
  });
});

describe("a case", () => {
  it("that is acted on again as the time to appeal ends stays open to an appeal against that", async () => {
    const { test, hold, lead, id } = await claimed();
    await test.desk.act(lead.me, id, warning);
    test.nowMs += 184 * DAY_MS;
    await test.desk.claim(lead.me, id);
    const acting = hold("list", `caseAction/${id}`);
    const acted = test.desk.act(lead.me, id, mute);
    await acting.reached;
    const swept = sweep(test);
    await turn();
    acting.release();
    await Promise.all([acted, swept]);
    expect((await test.desk.case(lead.me, id)).stage).toBe("actioned");
  });

  it("whose time to appeal ends while reports are fetched stays open to an appeal that was left meanwhile", async () => {
    const { test, hold, lead, id, accused, reporter } = await claimed();
    await test.desk.act(lead.me, id, warning);
    const statement = (await accused.notes(test)).find((note) => note.kind === "statement");
    if (statement?.kind !== "statement") throw new Error("no statement");
    await test.pass(182 * DAY_MS);
    const { name } = submit(test, reporter, { accused: accused.account }, []);
    const fetching = hold("get", `report/${name}`);
    const swept = sweep(test);
    await fetching.reached;
    submit(test, accused, { accused: accused.account, kind: "appeal", about: statement.statement }, []);
    test.nowMs += 2 * DAY_MS;
    fetching.release();
    await swept;
    await sweep(test);
    expect((await test.desk.case(lead.me, id)).stage).toBe("appealed");
  });

  it("that is closed by who opened it just as its time is over was closed once", async () => {
    const { test, hold, lead, id } = await claimed();
    const { opening, closesMs } = await test.desk.open(lead.me, id, "To read it.");
    test.nowMs = closesMs;
    const closing = hold("get", `opening/${opening}`);
    const closed = test.desk.closeOpening(lead.me, opening);
    await closing.reached;
    const swept = sweep(test);
    await turn();
    closing.release();
    await Promise.all([closed, swept]);
    const { entries } = await test.desk.audit(lead.me, 0);
    expect(entries.filter(({ what }) => what === "closed").map(({ by }) => by)).toEqual([lead.me.id]);
  });
});

describe("somebody who is shown out", () => {
  it("is handed no words and no key by what waited for its turn meanwhile", async () => {
    const { test, hold, lead, id } = await claimed();
    const other = await hire(test);
    await test.desk.release(lead.me, id);
    await test.desk.claim(other.me, id);
    const leaving = hold("get", `moderator/${other.me.id}`);
    const left = test.desk.leave(lead.me, other.me.id);
    await leaving.reached;
    const opened = Promise.allSettled([
      test.desk.claim(other.me, id),
      test.desk.open(other.me, id, "One last look."),
      test.desk.invite(lead.me, { name: "Eve", role: "moderator", teams: [] }),
    ]);
    const grants = [lead, other].map(({ me }) => ({ moderator: me.id, sealed: "c2VhbGVk" }));
    const keyed = Promise.allSettled([
      test.desk.newTeamKey(lead.me, { team: "community", publicKey: newKey(), grants }),
    ]);
    leaving.release();
    await left;
    expect((await keyed).map(({ status }) => status)).toEqual(["rejected"]);
    expect((await opened).map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
    expect((await test.desk.case(lead.me, id)).claimedBy).toBeUndefined();
  });
});

describe("what is to leave the disk", () => {
  it("is still to do where something more was deleted while the files were rewritten", async () => {
    const { rows, hold, tables, ledger } = await ringOf();
    await ledger.commit([tables.accountKey.put(sortable(1), { key: new Uint8Array(32) })]);
    await ledger.commit([tables.accountKey.drop(sortable(1))]);
    const looking = hold("get", "unscrubbed/accountKey");
    const scrubbed = scrub({ rows, tables, ledger });
    await looking.reached;
    const dropped = ledger.commit([tables.accountKey.drop(sortable(2))]);
    await turn();
    looking.release();
    await Promise.all([scrubbed, dropped]);
    expect((await tables.unscrubbed.all()).map(({ key }) => key)).toEqual(["accountKey"]);
  });
});
