/** What is done about accounts: by whom, until when, carried out by whom, taken back how, and what everybody hears. */

import { decodeFeed, EPOCH_MS, FEED_STEP, fromHex, toHex, tokenName } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import type { Act } from "../../../server/desk/api.js";
import { verifySignature } from "../../../server/desk/index.js";
import { DAY_MS, openDesk, realmOfDesk, type TestDesk } from "./desk-of.js";
import { arrive, reported, submit } from "./report-of.js";
import { hire, onlyCase } from "./staff.js";

const mute: Act = { kind: "mute", durationMs: DAY_MS, category: "harassment", rule: "Be kind." };
const suspend: Act = { kind: "suspend", durationMs: DAY_MS, category: "harassment", rule: "Be kind." };

async function claimed() {
  const test = await openDesk();
  const people = await reported(test);
  const worker = await hire(test);
  const { id } = await onlyCase(test, worker);
  await test.desk.claim(worker.me, id);
  return { test, ...people, worker, id };
}

function feedOf(test: TestDesk): string[] {
  const { feed, manifest } = realmOfDesk(test);
  const { names } = decodeFeed(feed, manifest, verifySignature);
  return Array.from({ length: names.length / 8 }, (_, at) => toHex(names.slice(at * 8, at * 8 + 8)));
}

async function settle(test: TestDesk): Promise<void> {
  await test.desk.settled();
}

describe("an action", () => {
  it("needs the case to be claimed, a rule, and something that was verified", async () => {
    const { test, worker, id } = await claimed();
    const other = await hire(test);
    await expect(test.desk.act(other.me, id, mute)).rejects.toMatchObject({ code: "conflict" });
    await expect(test.desk.act(worker.me, id, { ...mute, rule: " " })).rejects.toMatchObject({ code: "badRequest" });
    const noEnd = { ...mute, durationMs: Number.MAX_SAFE_INTEGER };
    await expect(test.desk.act(worker.me, id, noEnd)).rejects.toMatchObject({ code: "badRequest" });
    const fresh = await openDesk();
    await reported(fresh, { accused: (await reported(fresh)).reporter.account });
    const lead = await hire(fresh, "lead");
    const entry = (await fresh.desk.queue(lead.me)).find(({ trust }) => trust === "unverified");
    if (entry === undefined) throw new Error("no unverified case");
    await fresh.desk.claim(lead.me, entry.id);
    await expect(fresh.desk.act(lead.me, entry.id, mute)).rejects.toMatchObject({ code: "conflict" });
    await fresh.desk.act(lead.me, entry.id, { kind: "warn", category: "spam", rule: "Be kind." });
  });

  it("is signed, handed to the relay, and told to the account without a word of who reported", async () => {
    const { test, accused, reporter, worker, id } = await claimed();
    const view = await test.desk.act(worker.me, id, mute);
    await settle(test);
    expect(view).toMatchObject({ stage: "actioned", outcome: "action" });
    const [action] = view.actions;
    expect(test.sanctions()).toMatchObject([
      { id: fromHex(action?.id ?? ""), account: accused.account, kind: "mute", untilMs: test.nowMs + DAY_MS },
    ]);
    const [statement] = await accused.notes(test);
    expect(statement).toMatchObject({
      kind: "statement",
      sanction: "mute",
      rule: "Be kind.",
      untilMs: test.nowMs + DAY_MS,
    });
    expect(JSON.stringify(statement)).not.toContain(reporter.account);
    const receipts = await reporter.notes(test);
    expect(receipts.map((note) => note.kind === "receipt" && [note.stage, note.outcome])).toEqual([
      ["new", "open"],
      ["triage", "open"],
      ["actioned", "action"],
    ]);
    expect(JSON.stringify(receipts)).not.toContain("mute");
    expect((await test.desk.case(worker.me, id)).actions[0]?.enforced).toBe(true);
  });

  it("asked for twice is done once", async () => {
    const { test, worker, id } = await claimed();
    const [one, other] = await Promise.all([test.desk.act(worker.me, id, mute), test.desk.act(worker.me, id, mute)]);
    expect(other.actions.map(({ id: action }) => action)).toEqual(one.actions.map(({ id: action }) => action));
    await settle(test);
    expect(test.sanctions()).toHaveLength(1);
  });

  it("waits for a relay that is away, also over a restart, and is handed over once", async () => {
    const { test, worker, id } = await claimed();
    test.relay.state = "away";
    await test.desk.act(worker.me, id, mute);
    await settle(test);
    expect(test.troubles).toContain("relayAway");
    expect((await test.desk.case(worker.me, id)).actions[0]?.enforced).toBe(false);
    const next = await test.again();
    expect(next.sanctions()).toHaveLength(1);
    await next.pass(60_000);
    expect(next.sanctions()).toHaveLength(1);
  });

  it("ends at its time", async () => {
    const { test, accused, worker, id } = await claimed();
    await test.desk.act(worker.me, id, mute);
    expect(await accused.tokens(test).catch(String)).toContain("muted");
    await test.pass(DAY_MS);
    expect(await accused.tokens(test)).toHaveLength(32);
    expect((await test.desk.case(worker.me, id)).actions[0]?.state).toBe("expired");
  });
});

describe("what is severe", () => {
  it("waits for a second person of the team, or a lead, who is never the one who asked", async () => {
    const { test, accused, worker, id } = await claimed();
    const view = await test.desk.act(worker.me, id, suspend);
    const action = view.actions[0]?.id ?? "";
    expect(view).toMatchObject({ stage: "triage", actions: [{ state: "waiting" }] });
    expect(await accused.tokens(test)).toHaveLength(32);
    await expect(test.desk.approve(worker.me, action, "approve")).rejects.toMatchObject({ code: "notAllowed" });
    const elsewhere = await hire(test, "moderator", ["safety"]);
    await expect(test.desk.approve(elsewhere.me, action, "approve")).rejects.toMatchObject({ code: "notFound" });
    const auditor = await hire(test, "auditor");
    await expect(test.desk.approve(auditor.me, action, "approve")).rejects.toMatchObject({ code: "notFound" });
    const second = await hire(test);
    const approved = await test.desk.approve(second.me, action, "approve");
    expect(approved).toMatchObject({ stage: "actioned", actions: [{ state: "inForce", approvedBy: second.me.id }] });
    // What was decided on a case is not prior to it.
    expect(approved.priorVerdicts).toBe(0);
    expect(await accused.tokens(test).catch(String)).toContain("suspended");
  });

  it("is also what has no end, and one device gone; rejected it leaves nothing", async () => {
    const { test, worker, id } = await claimed();
    const { durationMs: _, ...endless } = mute;
    await test.desk.act(worker.me, id, endless);
    const view = await test.desk.act(worker.me, id, { ...endless, kind: "revokeDevice", device: 1 });
    expect(view.actions.map(({ state }) => state)).toEqual(["waiting", "waiting"]);
    await expect(test.desk.dismiss(worker.me, id, "nothing")).rejects.toMatchObject({ code: "conflict" });
    const lead = await hire(test, "lead", []);
    for (const { id: action } of view.actions) await test.desk.approve(lead.me, action, "reject");
    await settle(test);
    expect(test.sanctions()).toEqual([]);
    expect(await test.desk.dismiss(worker.me, id, "nothing")).toMatchObject({ stage: "closed", outcome: "noAction" });
  });
});

describe("the feed", () => {
  it("names every usable token of who may not speak among as many as are always there, while mail may wait", async () => {
    const { test: first, accused, worker, id } = await claimed();
    let test = first;
    const tokens = await accused.tokens(test);
    const names = tokens.map(({ publicKey }) => toHex(tokenName(publicKey)));
    const before = feedOf(test);
    expect(before).toHaveLength(FEED_STEP);
    await test.desk.act(worker.me, id, mute);
    await settle(test);
    const after = feedOf(test);
    expect(after).toEqual(expect.arrayContaining(names));
    expect(after).toEqual(expect.arrayContaining(before));
    expect(after.length % FEED_STEP).toBe(0);
    expect(after).toEqual([...after].sort());
    // The mute is over, and so are the epochs: what was said past it is not shown to who was away meanwhile.
    await test.pass(3 * EPOCH_MS);
    expect((await test.desk.case(worker.me, id)).actions[0]?.state).toBe("expired");
    test = await test.again();
    await test.pass(60_000);
    expect(feedOf(test)).toEqual(after);
    await test.pass(31 * DAY_MS);
    expect(feedOf(test).filter((name) => after.includes(name))).toEqual([]);
    expect(feedOf(test)).toHaveLength(FEED_STEP);
  });

  it("names one device's tokens where one device is gone", async () => {
    const { test, accused, worker, id } = await claimed();
    const names = (await accused.tokens(test)).map(({ publicKey }) => toHex(tokenName(publicKey)));
    const revoke: Act = { kind: "revokeDevice", category: "spam", rule: "Be kind." };
    const second = await hire(test);
    const gone = async (device: number) => {
      const { actions } = await test.desk.act(worker.me, id, { ...revoke, device });
      const action = actions.find((one) => one.device === device)?.id ?? "";
      await test.desk.approve(second.me, action, "approve");
    };
    await gone(2);
    await settle(test);
    expect(feedOf(test)).not.toEqual(expect.arrayContaining(names));
    await gone(1);
    await settle(test);
    expect(feedOf(test)).toEqual(expect.arrayContaining(names));
    expect(await accused.tokens(test).catch(String)).toContain("deviceRevoked");
    await test.pass(2 * EPOCH_MS);
    expect(await accused.tokens(test)).toHaveLength(32);
    expect((await test.desk.case(worker.me, id)).actions[0]?.state).toBe("inForce");
  });
});

describe("an appeal", () => {
  async function actioned() {
    const held = await claimed();
    const { test, worker, id, accused, reporter } = held;
    await test.desk.act(worker.me, id, mute);
    await settle(test);
    const statement = (await accused.notes(test)).find((note) => note.kind === "statement");
    if (statement?.kind !== "statement") throw new Error("no statement");
    const appeal = (by = accused) =>
      submit(test, by, { accused: by.account, kind: "appeal", about: statement.statement }, []);
    return { ...held, statement, appeal, reporter };
  }

  it("is made by the account, goes to somebody else, and reversed it lifts what was done", async () => {
    const { test, worker, id, accused, reporter, appeal } = await actioned();
    appeal(reporter);
    await arrive(test);
    expect((await test.desk.case(worker.me, id)).stage).toBe("actioned");
    appeal();
    await arrive(test);
    expect(await test.desk.case(worker.me, id)).toMatchObject({
      stage: "appealed",
      hasAppeal: true,
      claimedBy: undefined,
    });
    await expect(test.desk.claim(worker.me, id)).rejects.toMatchObject({ code: "notAllowed" });
    await expect(test.desk.decideAppeal(worker.me, id, "uphold", "as before")).rejects.toMatchObject({
      code: "notAllowed",
    });
    const other = await hire(test);
    await test.desk.claim(other.me, id);
    const view = await test.desk.decideAppeal(other.me, id, "reverse", "It was no insult.");
    await settle(test);
    expect(view).toMatchObject({ stage: "closed", outcome: "reversed" });
    expect(view.actions.map(({ kind, state }) => [kind, state])).toEqual([
      ["mute", "lifted"],
      ["lift", "inForce"],
    ]);
    expect(test.sanctions().map(({ kind }) => kind)).toEqual(["mute", "lift"]);
    expect(await accused.tokens(test)).toHaveLength(32);
    expect((await accused.notes(test)).at(-2)).toMatchObject({ kind: "statement", sanction: "lift" });
    expect((await reporter.notes(test)).at(-1)).toMatchObject({ kind: "receipt", outcome: "reversed" });
  });

  it("upheld leaves everything as it was", async () => {
    const { test, id, appeal, accused } = await actioned();
    appeal();
    await arrive(test);
    const other = await hire(test);
    await test.desk.claim(other.me, id);
    expect(await test.desk.decideAppeal(other.me, id, "uphold", "It was one.")).toMatchObject({
      ...{ stage: "closed", outcome: "action" },
      actions: [{ state: "inForce" }],
    });
    expect(await accused.tokens(test).catch(String)).toContain("muted");
  });

  it("is made once; a second one is told at once that nothing comes of it", async () => {
    const { test, worker, id, appeal, accused } = await actioned();
    const closed = { kind: "receipt", stage: "closed", outcome: "noAction" };
    appeal();
    await arrive(test);
    const before = await accused.notes(test);
    expect(before.at(-1)).toMatchObject({ kind: "receipt", stage: "appealed" });
    appeal();
    await arrive(test);
    expect((await accused.notes(test)).slice(before.length)).toMatchObject([closed]);
    expect((await test.desk.case(worker.me, id)).reports.filter(({ kind }) => kind === "appeal")).toHaveLength(1);
  });

  it("comes within six months", async () => {
    const { test, worker, id, appeal, statement, accused } = await actioned();
    expect((statement.appealUntilMs ?? 0) - test.nowMs).toBeGreaterThan(182 * DAY_MS);
    test.nowMs += 170 * DAY_MS;
    await test.pass(0);
    expect((await test.desk.case(worker.me, id)).stage).toBe("actioned");
    test.nowMs += 14 * DAY_MS;
    appeal();
    await arrive(test);
    expect((await test.desk.case(worker.me, id)).stage).toBe("actioned");
    expect((await accused.notes(test)).at(-1)).toMatchObject({ kind: "receipt", stage: "closed", outcome: "noAction" });
    await test.pass(0);
    expect(await test.desk.case(worker.me, id)).toMatchObject({ stage: "closed", outcome: "action", hasAppeal: false });
  });

  describe("that lies at the relay as its time ends", () => {
    async function waiting() {
      const held = await actioned();
      const { test, appeal } = held;
      await test.pass(182 * DAY_MS);
      const { name } = appeal();
      return { ...held, name };
    }

    it.each(["here", "away"] as const)("was made in time, with the relay %s then", async (state) => {
      const { test, worker, id, accused, name } = await waiting();
      test.relay.state = state;
      await test.pass(2 * DAY_MS);
      test.relay.state = "here";
      await test.pass(DAY_MS);
      const view = await test.desk.case(worker.me, id);
      expect(view).toMatchObject({ stage: "appealed", hasAppeal: true });
      expect(view.reports.map(({ report, words }) => [report === name, words])).toEqual([
        [false, "kept"],
        [true, "kept"],
      ]);
      expect((await accused.notes(test)).at(-1)).toMatchObject({ kind: "receipt", stage: "appealed" });
    });

    it("is waited for no longer than for a month", async () => {
      const { test, worker, id } = await waiting();
      test.relay.state = "away";
      await test.pass(30 * DAY_MS);
      expect((await test.desk.case(worker.me, id)).stage).toBe("actioned");
      await test.pass(2 * DAY_MS);
      const view = await test.desk.case(worker.me, id);
      expect(view).toMatchObject({ stage: "closed", outcome: "action" });
      expect(view.reports.map(({ words }) => words)).toEqual(["deleted"]);
    });
  });
});

describe("lifting", () => {
  it("ends an action by hand, in the account's sight", async () => {
    const { test, accused, worker, id } = await claimed();
    const lifts = (await test.desk.act(worker.me, id, mute)).actions[0]?.id ?? "";
    const lift: Act = { kind: "lift", lifts, category: "harassment", rule: "Enough." };
    await test.desk.act(worker.me, id, lift);
    await settle(test);
    expect(await accused.tokens(test)).toHaveLength(32);
    expect(test.sanctions().at(-1)).toMatchObject({ kind: "lift", lifts: fromHex(lifts) });
    expect((await accused.notes(test)).at(-1)).toMatchObject({ kind: "statement", sanction: "lift" });
    await test.desk.act(worker.me, id, lift);
    await settle(test);
    expect(test.sanctions()).toHaveLength(2);
  });
});
