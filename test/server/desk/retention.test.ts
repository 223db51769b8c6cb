/** What is deleted when: words, keys, names, notes; and what stays, which is no evidence any more. */

import { EPOCH_MS, fromHex, toHex } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { defaultDeskSettings, signingKeyOf } from "../../../server/desk/index.js";
import { DAY_MS, openDesk, realmOfDesk, type TestDesk } from "./desk-of.js";
import { arrive, reported, submit } from "./report-of.js";
import { grantsTo, hire, newKey, onlyCase } from "./staff.js";

const keysOf = (test: TestDesk, table: string) =>
  [...test.rows.held.keys()].filter((key) => key.startsWith(`${table}/`));

async function reportedCase() {
  const test = await openDesk();
  const people = await reported(test);
  const sealedWords = Buffer.from(test.rows.held.get(keysOf(test, "layers")[0] ?? "") ?? []);
  expect(sealedWords.length).toBeGreaterThan(10_000);
  const worker = await hire(test);
  const { id } = await onlyCase(test, worker);
  return { test, ...people, worker, id };
}

describe("what was shared in a report", () => {
  it("is gone 30 days after it came if nobody decided, and the verdict stays", async () => {
    const { test, worker, id } = await reportedCase();
    await test.pass(29 * DAY_MS);
    expect((await test.desk.case(worker.me, id)).reports[0]?.words).toBe("kept");
    await test.pass(2 * DAY_MS);
    expect((await test.desk.case(worker.me, id)).reports[0]?.words).toBe("deleted");
    expect(keysOf(test, "layers")).toEqual([]);
    expect(keysOf(test, "verdict")).toHaveLength(1);
    await test.desk.claim(worker.me, id);
    expect((await test.desk.open(worker.me, id, "too late")).reports).toEqual([]);
    const lead = await hire(test, "lead");
    const { entries } = await test.desk.audit(lead.me, 0);
    expect(entries.filter(({ what }) => what === "wordsDeleted")).toMatchObject([{ about: id }]);
  });

  it("stays as long as the account may appeal where something was done, and no longer", async () => {
    const { test, worker, id } = await reportedCase();
    await test.desk.claim(worker.me, id);
    await test.desk.act(worker.me, id, { kind: "warn", category: "spam", rule: "Be kind." });
    await test.pass(180 * DAY_MS);
    expect(keysOf(test, "layers")).toHaveLength(1);
    await test.pass(4 * DAY_MS);
    expect(keysOf(test, "layers")).toEqual([]);
  });

  it("and appeals go by how long the operator lets accounts appeal", async () => {
    const test = await openDesk({ stageMs: { ...defaultDeskSettings.stageMs, actioned: 60 * DAY_MS } });
    const { accused } = await reported(test);
    const worker = await hire(test);
    const { id } = await onlyCase(test, worker);
    await test.desk.claim(worker.me, id);
    await test.desk.act(worker.me, id, { kind: "warn", category: "spam", rule: "Be kind." });
    const statement = (await accused.notes(test)).find((note) => note.kind === "statement");
    expect(statement).toMatchObject({ appealUntilMs: test.nowMs + 60 * DAY_MS });
    await test.pass(59 * DAY_MS);
    expect((await test.desk.case(worker.me, id)).stage).toBe("actioned");
    await test.pass(2 * DAY_MS);
    expect((await test.desk.case(worker.me, id)).stage).toBe("closed");
    await test.pass(DAY_MS);
    expect(keysOf(test, "layers")).toEqual([]);
  });

  it("goes once an appeal was decided", async () => {
    const { test, worker, id, accused } = await reportedCase();
    await test.desk.claim(worker.me, id);
    await test.desk.act(worker.me, id, { kind: "warn", category: "spam", rule: "Be kind." });
    await test.pass(60 * DAY_MS);
    const statement = (await accused.notes(test)).find((note) => note.kind === "statement");
    if (statement?.kind !== "statement") throw new Error("no statement");
    submit(test, accused, { accused: accused.account, kind: "appeal", about: statement.statement }, []);
    await arrive(test);
    const other = await hire(test);
    await test.desk.claim(other.me, id);
    await test.desk.decideAppeal(other.me, id, "uphold", "As before.");
    await test.pass(DAY_MS);
    const left = (await test.desk.case(other.me, id)).reports.map(({ kind, words }) => [kind, words]);
    expect(left).toEqual([
      ["report", "deleted"],
      ["appeal", "kept"],
    ]);
  });

  it("is held longer if two leads ask for it, and let go again by two", async () => {
    const { test, worker, id } = await reportedCase();
    const [ann, bob] = [await hire(test, "lead"), await hire(test, "lead")];
    await expect(test.desk.hold(worker.me, id, "held")).rejects.toMatchObject({ code: "notAllowed" });
    await test.desk.hold(ann.me, id, "held");
    expect((await test.desk.hold(ann.me, id, "held")).hold).toBe("none");
    expect(await test.desk.hold(bob.me, id, "held")).toMatchObject({ hold: "held", reports: [{ words: "held" }] });
    await test.pass(60 * DAY_MS);
    expect(keysOf(test, "layers")).toHaveLength(1);
    await test.desk.hold(bob.me, id, "none");
    await test.desk.hold(ann.me, id, "none");
    await test.pass(DAY_MS);
    expect(keysOf(test, "layers")).toEqual([]);
  });
});

describe("keys", () => {
  it("of an epoch are made three ahead, listed forty back, and destroyed 31 days after it, in the log's sight", async () => {
    const test = await openDesk();
    const first = Math.floor(test.nowMs / EPOCH_MS);
    const epochs = () => realmOfDesk(test).manifest.epochs.map(({ epoch }) => epoch - first);
    expect(epochs()).toEqual([0, 1, 2, 3]);
    const [accountKey, stampKey] = ["accountKey", "stampKey"].map(
      (table) => test.rows.held.get(keysOf(test, table)[0] ?? "") ?? new Uint8Array(1),
    );
    for (let day = 0; day < 31; day++) await test.pass(DAY_MS);
    expect(test.rows.dump().includes(Buffer.from(accountKey ?? []))).toBe(true);
    for (let day = 0; day < 3; day++) await test.pass(DAY_MS);
    expect(test.rows.dump().includes(Buffer.from(accountKey ?? []))).toBe(false);
    expect(test.rows.dump().includes(Buffer.from(stampKey ?? []))).toBe(false);
    expect(epochs()[0]).toBe(0);
    for (let day = 0; day < 8; day++) await test.pass(DAY_MS);
    expect(epochs()[0]).toBe(2);
    const { entries } = await test.desk.audit((await hire(test, "auditor")).me, 0);
    const destroyed = entries.filter(({ what }) => what === "keyDestroyed").map(({ about }) => about);
    expect(destroyed).toContain(`epoch ${first}`);
  });

  it("of an issuer are published two days after the epoch, and are the ones that signed", async () => {
    const test = await openDesk();
    const [row] = realmOfDesk(test).manifest.epochs;
    await test.pass(2 * DAY_MS);
    expect((await test.desk.published()).issuerSecrets).toEqual([]);
    expect(realmOfDesk(test).disclosed).toEqual([]);
    await test.pass(DAY_MS);
    const [published] = (await test.desk.published()).issuerSecrets;
    expect(published?.epoch).toBe(row?.epoch);
    expect(toHex(signingKeyOf(fromHex(published?.secret ?? "")).publicKey)).toBe(
      toHex(row?.issuerKey ?? new Uint8Array()),
    );
    // Every relay serves it beside the manifest that still lists the key.
    const [served] = realmOfDesk(test).disclosed;
    const listed = realmOfDesk(test).manifest.epochs.find(({ epoch }) => epoch === served?.epoch);
    expect(signingKeyOf(served?.secret ?? new Uint8Array(32)).publicKey).toEqual(listed?.issuerKey);
  });

  it("of triage follow each other without a gap, and what was sealed to the one before still opens", async () => {
    const test = await openDesk();
    const triage = () => realmOfDesk(test).manifest.deskKeys.filter(({ role }) => role === "triage");
    const [first] = triage();
    for (let day = 0; day < 28; day++) await test.pass(DAY_MS);
    expect(triage()).toHaveLength(2);
    for (let day = 0; day < 3; day++) await test.pass(DAY_MS);
    expect(triage().map(({ id }) => toHex(id))).not.toContain(toHex(first?.id ?? new Uint8Array()));
    expect(keysOf(test, "triageKey")).toHaveLength(2);
    for (let day = 0; day < 31; day++) await test.pass(DAY_MS);
    expect(keysOf(test, "triageKey")).not.toContain(`triageKey/${toHex(first?.id ?? new Uint8Array())}`);
  });

  it("of a team that were replaced open what comes late, and go a month later", async () => {
    const test = await openDesk();
    const lead = await hire(test, "lead", ["community"]);
    const made = async () => {
      const wish = { team: "community", publicKey: newKey(), grants: grantsTo(lead) } as const;
      return (await test.desk.newTeamKey(lead.me, wish)).keyId;
    };
    const [first, second] = [await made(), await made()];
    await test.pass(29 * DAY_MS);
    expect((await test.desk.me(lead.me)).keys.map(({ keyId }) => keyId).sort()).toEqual([first, second].sort());
    await test.pass(3 * DAY_MS);
    expect((await test.desk.me(lead.me)).keys.map(({ keyId }) => keyId)).toEqual([second]);
    expect(keysOf(test, "teamGrant")).toHaveLength(1);
  });
});

describe("notes", () => {
  it("wait for their devices as long as they matter, and then go", async () => {
    const { test, reporter } = await reportedCase();
    await test.pass(200 * DAY_MS);
    expect(await reporter.notes(test)).toHaveLength(1);
    await test.pass(20 * DAY_MS);
    expect(keysOf(test, "note")).toEqual([]);
  });
});
