/** The log: one chain whoever writes, signed by the day; whatever is done to it afterwards shows. */

import { randomBytes } from "node:crypto";
import { fromHex } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AuditEntry, AuditHead } from "../../../server/desk/api.js";
import { entryHash } from "../../../server/desk/audit/chain.js";
import { checkAudit, signingKeyOf, verifySignature } from "../../../server/desk/index.js";
import { DAY_MS, openDesk, type TestDesk } from "./desk-of.js";
import { reported } from "./report-of.js";
import { hire, onlyCase } from "./staff.js";

async function logged(test: TestDesk) {
  const auditor = await hire(test, "auditor");
  const entries: AuditEntry[] = [];
  for (;;) {
    const page = await test.desk.audit(auditor.me, entries.at(-1)?.seq ?? 0);
    if (page.entries.length === 0) return { entries, heads: page.heads };
    entries.push(...page.entries);
  }
}

async function threeDays() {
  const test = await openDesk();
  const { accused, reporter } = await reported(test);
  const worker = await hire(test);
  const { id } = await onlyCase(test, worker);
  await test.pass(DAY_MS);
  await test.desk.claim(worker.me, id);
  await test.desk.open(worker.me, id, "a look");
  await test.pass(DAY_MS);
  await test.desk.claim(worker.me, id);
  await test.desk.act(worker.me, id, { kind: "warn", category: "spam", rule: "Be kind." });
  await test.pass(DAY_MS);
  const { entries, heads } = await logged(test);
  const against = {
    realm: test.realm,
    signer: fromHex(test.desk.publicInfo.signer),
    verify: verifySignature,
    tip: await test.desk.auditTip(),
  };
  return { test, entries, heads, against, accused, reporter };
}

const copied = (entries: readonly AuditEntry[]): AuditEntry[] => structuredClone(entries) as AuditEntry[];

describe("the log", () => {
  it("is sound as it is written, with a signed head for every day that is over", async () => {
    const { entries, heads, against, test } = await threeDays();
    expect(checkAudit(entries, heads, against)).toBeUndefined();
    expect(heads.length).toBe(3);
    expect(entries.map(({ what }) => what)).toEqual(
      expect.arrayContaining(["keyMade", "triaged", "claimed", "opened", "acted"]),
    );
    const before = (await logged(test)).heads;
    await test.pass(0);
    expect((await logged(test)).heads).toEqual(before);
  });

  it("is one chain also when everybody writes at once", async () => {
    const test = await openDesk();
    const workers = [await hire(test), await hire(test), await hire(test)];
    await Promise.all([...workers, ...workers, ...workers].map((worker) => worker.signIn()));
    const { entries, heads } = await logged(test);
    const against = { realm: test.realm, signer: new Uint8Array(32), verify: verifySignature };
    expect(checkAudit(entries, heads, against)).toBeUndefined();
    expect(entries.filter(({ what }) => what === "signedIn")).toHaveLength(9);
  });

  it("shows every edit, removal and change of order, wherever", async () => {
    const { entries, heads, against } = await threeDays();
    const tampering = fc.tuple(
      fc.constantFrom("edit", "remove", "swap", "rehash", "cut"),
      fc.nat({ max: entries.length - 2 }),
    );
    fc.assert(
      fc.property(tampering, ([how, at]) => {
        const forged = copied(entries);
        const [one, next] = [forged[at], forged[at + 1]];
        if (one === undefined || next === undefined) return;
        if (how === "edit") forged[at] = { ...one, by: `${one.by}x` };
        if (how === "remove") forged.splice(at, 1);
        if (how === "swap") forged.splice(at, 2, next, one);
        if (how === "cut") forged.splice(at + 1);
        if (how === "rehash") {
          const { hash: _, ...edited } = { ...one, about: "somebody else" };
          forged[at] = { ...edited, hash: entryHash(edited) };
        }
        expect(checkAudit(forged, heads, against)).toBeDefined();
      }),
    );
  });

  it("that was written anew as a whole does not match what was signed", async () => {
    const { entries, heads, against } = await threeDays();
    const forged: AuditEntry[] = [];
    for (const entry of entries) {
      const edited = { ...entry, by: "nobody", previous: forged.at(-1)?.hash ?? entry.previous };
      forged.push({ ...edited, hash: entryHash(edited) });
    }
    const tip = { seq: forged.length, hash: forged.at(-1)?.hash ?? "" };
    expect(checkAudit(forged, [], { ...against, tip })).toBeUndefined();
    expect(checkAudit(forged, heads, { ...against, tip })).toBeDefined();
    const [first] = heads;
    if (first === undefined) throw new Error("no head");
    const other: AuditHead[] = heads.map((head) => ({ ...head, hash: forged[head.seq - 1]?.hash ?? "" }));
    expect(checkAudit(forged, other, { ...against, tip })?.fault).toContain("did not sign");
    const stranger = signingKeyOf(randomBytes(32)).publicKey;
    expect(checkAudit(entries, heads, { ...against, signer: stranger })?.fault).toContain("did not sign");
  });

  it("holds no word that a user wrote, and is for leads and auditors", async () => {
    const { test, entries } = await threeDays();
    expect(JSON.stringify(entries)).not.toContain("words ");
    expect(JSON.stringify(entries)).not.toContain("a note");
    await expect(test.desk.audit((await hire(test)).me, 0)).rejects.toMatchObject({ code: "notAllowed" });
    await test.desk.audit((await hire(test, "lead")).me, 0);
  });

  it("does not go back to a day whose head was signed, whatever the clock does", async () => {
    const { test, against, heads: signed } = await threeDays();
    test.nowMs -= 2 * DAY_MS;
    await hire(test);
    test.nowMs += 4 * DAY_MS;
    await test.pass(0);
    const { entries, heads } = await logged(test);
    expect(checkAudit(entries, heads, { ...against, tip: undefined })).toBeUndefined();
    expect(heads.slice(0, signed.length)).toEqual(signed);
  });
});
