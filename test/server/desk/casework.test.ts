/** Working on cases: claims, breaking the glass, handing on, ending, deadlines and calls. */

import { createHmac, randomBytes } from "node:crypto";
import { decodeSealedReport, fromHex, headLayerHash, layerContext, sealKeysOf, unseal } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { DAY_MS, openDesk, START_MS } from "./desk-of.js";
import { communityKeys, reported } from "./report-of.js";
import { hire, onlyCase } from "./staff.js";

const MINUTE_MS = 60_000;
const bytesIn = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));

async function fresh(...parts: Parameters<typeof openDesk>) {
  const test = await openDesk(...parts);
  const people = await reported(test);
  const worker = await hire(test);
  const { id } = await onlyCase(test, worker);
  return { test, ...people, worker, id };
}

describe("a claim", () => {
  it("is one person's, for four hours, or until they or a lead give it back", async () => {
    const { test, worker, id } = await fresh();
    const other = await hire(test);
    expect(await test.desk.claim(worker.me, id)).toMatchObject({ stage: "triage", claimedBy: worker.me.id });
    await expect(test.desk.claim(other.me, id)).rejects.toMatchObject({ code: "conflict" });
    await expect(test.desk.release(other.me, id)).rejects.toMatchObject({ code: "notAllowed" });
    await test.desk.release((await hire(test, "lead")).me, id);
    await test.desk.claim(other.me, id);
    test.nowMs += 241 * MINUTE_MS;
    expect((await test.desk.case(worker.me, id)).claimedBy).toBeUndefined();
    await expect(test.desk.dismiss(other.me, id, "nothing")).rejects.toMatchObject({ code: "conflict" });
    await test.desk.claim(worker.me, id);
  });

  it("of two at once is given to one", async () => {
    const { test, worker, id } = await fresh();
    const other = await hire(test);
    const both = await Promise.allSettled([test.desk.claim(worker.me, id), test.desk.claim(other.me, id)]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  it("of another team's case is as if there were none", async () => {
    const { test, id } = await fresh();
    for (const outsider of [await hire(test, "lead", ["safety"]), await hire(test, "auditor")]) {
      await expect(test.desk.case(outsider.me, id)).rejects.toMatchObject({ code: "notFound" });
      await expect(test.desk.claim(outsider.me, id)).rejects.toMatchObject({ code: "notFound" });
      await expect(test.desk.open(outsider.me, id, "curious")).rejects.toMatchObject({ code: "notFound" });
    }
  });
});

describe("breaking the glass", () => {
  it("takes a claim and a reason, is logged, and hands out what opens in the team's browser and nowhere here", async () => {
    const { test, worker, id, report, reporter, message } = await fresh();
    await expect(test.desk.open(worker.me, id, "a look")).rejects.toMatchObject({ code: "conflict" });
    await test.desk.claim(worker.me, id);
    await expect(test.desk.open(worker.me, id, "  ")).rejects.toMatchObject({ code: "badRequest" });
    expect(await test.desk.mayFetchBlobs(worker.me)).toBe(false);
    const opening = await test.desk.open(worker.me, id, "a threat is alleged");
    expect(await test.desk.mayFetchBlobs(worker.me)).toBe(true);
    expect(opening.watermark).toContain(worker.me.name);
    const [handed] = opening.reports;
    if (handed === undefined) throw new Error("nothing was handed out");
    const headHash = headLayerHash(bytesIn(handed.heads));
    const about = { id: report.id, reporter: reporter.account, layer: "words", headHash } as const;
    const words = unseal(communityKeys.secretKey, layerContext(fromHex(opening.realm), about), bytesIn(handed.words));
    expect(Buffer.from(words ?? []).includes(Buffer.from(message.committed))).toBe(true);
    expect(test.rows.dump().includes(Buffer.from(message.committed))).toBe(false);
    const lead = await hire(test, "lead");
    const { entries } = await test.desk.audit(lead.me, 0);
    expect(entries.find(({ what }) => what === "opened")).toMatchObject({
      ...{ by: worker.me.id, about: id },
      detail: { opening: opening.opening, reason: "a threat is alleged" },
    });
  });

  it("closes by itself after half an hour, which the log says, also of a desk that was started again", async () => {
    const { test, worker, id } = await fresh();
    await test.desk.claim(worker.me, id);
    await test.desk.open(worker.me, id, "a look");
    const next = await test.again();
    expect(await next.desk.mayFetchBlobs(worker.me)).toBe(true);
    await next.pass(31 * MINUTE_MS);
    expect(await next.desk.mayFetchBlobs(worker.me)).toBe(false);
    const { entries } = await next.desk.audit((await hire(next, "auditor")).me, 0);
    expect(entries.filter(({ what }) => what === "closed")).toMatchObject([{ by: "desk", about: id }]);
  });

  it("is for a second person too while something waits for one", async () => {
    const { test, worker, id } = await fresh();
    const second = await hire(test);
    await test.desk.claim(worker.me, id);
    await expect(test.desk.open(second.me, id, "a look")).rejects.toMatchObject({ code: "conflict" });
    await test.desk.act(worker.me, id, { kind: "suspend", category: "threat", rule: "No threats." });
    expect((await test.desk.open(second.me, id, "second opinion")).reports).toHaveLength(1);
  });
});

describe("a case that is handed on", () => {
  it("takes all its words along, sealed anew, and is the other team's from then on", async () => {
    const { test, worker, id, report } = await fresh();
    const up = await hire(test, "moderator", ["platform"]);
    await test.desk.claim(worker.me, id);
    const key = sealKeysOf(new Uint8Array(randomBytes(32))).publicKey;
    const resealed = Buffer.from(randomBytes(5_000)).toString("base64");
    const hand = (keyId: string, words = [{ report: report.name, sealed: resealed, keyId }]) =>
      test.desk.escalate(worker.me, id, { team: "platform", reason: "beyond us", words });
    await expect(hand("00".repeat(8))).rejects.toMatchObject({ code: "unavailable" });
    const { keyId } = await test.desk.newTeamKey(up.me, {
      ...{ team: "platform", publicKey: Buffer.from(key).toString("base64") },
      grants: [{ moderator: up.me.id, sealed: "c2VhbGVk" }],
    });
    await expect(hand("00".repeat(8))).rejects.toMatchObject({ code: "conflict" });
    await expect(hand(keyId, [])).rejects.toMatchObject({ code: "badRequest" });
    expect(await hand(keyId)).toMatchObject({ stage: "escalated", team: "platform", claimedBy: undefined });
    await test.desk.claim(up.me, id);
    const opening = await test.desk.open(up.me, id, "handed on");
    expect(opening.reports).toMatchObject([{ words: resealed, teamKey: keyId }]);
    const plain = await hire(test, "moderator", ["community"]);
    await expect(test.desk.case(plain.me, id)).rejects.toMatchObject({ code: "notFound" });
  });
});

describe("a case that is dismissed", () => {
  it("is closed, its reporter hears so, and the next report opens another", async () => {
    const { test, worker, id, reporter } = await fresh();
    await test.desk.claim(worker.me, id);
    expect(await test.desk.dismiss(worker.me, id, "No rule.")).toMatchObject({ stage: "closed", outcome: "noAction" });
    expect((await reporter.notes(test)).at(-1)).toMatchObject({
      kind: "receipt",
      stage: "closed",
      outcome: "noAction",
    });
    await expect(test.desk.claim(worker.me, id)).rejects.toMatchObject({ code: "conflict" });
    await reported(test);
    expect((await onlyCase(test, worker)).id).not.toBe(id);
  });
});

describe("an export", () => {
  it("is a lead's, as it came, and logged", async () => {
    const { test, worker, id, report, reporter } = await fresh();
    await expect(test.desk.exportReport(worker.me, report.name)).rejects.toMatchObject({ code: "notAllowed" });
    const lead = await hire(test, "lead");
    const exported = decodeSealedReport(await test.desk.exportReport(lead.me, report.name));
    expect(exported).toMatchObject({ id: report.id, reporter: reporter.account });
    const { entries } = await test.desk.audit(lead.me, 0);
    expect(entries.at(-1)).toMatchObject({ what: "exported", about: id, by: lead.me.id });
  });
});

describe("calls", () => {
  const secret = new Uint8Array(32).fill(7);
  const webhook = { url: "https://example.org/hook", secret };

  it("tell of every stage without a word or a name, signed", async () => {
    const { test, worker, id, accused, reporter } = await fresh({ webhook });
    await test.desk.claim(worker.me, id);
    await test.desk.settled();
    expect(test.calls.map(({ body }) => JSON.parse(body))).toEqual([
      { case: id, category: "harassment", verified: true, stage: "new" },
      { case: id, category: "harassment", verified: true, stage: "triage" },
    ]);
    for (const { body, signature } of test.calls) {
      expect(signature).toBe(`sha256=${createHmac("sha256", secret).update(body).digest("hex")}`);
      expect(body).not.toContain(accused.account);
      expect(body).not.toContain(reporter.account);
    }
  });

  it("are tried again, and given up in the end", async () => {
    const { test, worker, id } = await fresh({ webhook });
    test.webhook = "refuses";
    await test.desk.claim(worker.me, id);
    await test.desk.settled();
    expect(test.calls).toHaveLength(1);
    test.webhook = "takes";
    await test.pass(MINUTE_MS);
    expect(test.calls).toHaveLength(2);
    test.webhook = "refuses";
    await test.desk.dismiss(worker.me, id, "No rule.");
    for (let index = 0; index < 10; index++) await test.pass(DAY_MS);
    expect(test.troubles.filter((trouble) => trouble === "webhookGivenUp")).toHaveLength(1);
    expect([...test.rows.held.keys()].filter((key) => key.startsWith("webhook/"))).toEqual([]);
  });

  it("end for this time at the first that is not taken: a server that hangs does not keep the desk from its duties", async () => {
    const { test } = await fresh({ webhook });
    test.webhook = "refuses";
    for (let count = 0; count < 3; count++) await reported(test);
    await test.desk.settled();
    const before = test.troubles.filter((trouble) => trouble === "webhook").length;
    await test.pass(3_600_000);
    expect(test.troubles.filter((trouble) => trouble === "webhook")).toHaveLength(before + 1);
    expect([...test.rows.held.keys()].filter((key) => key.startsWith("webhook/")).length).toBeGreaterThan(2);
  });

  it("say once of a stage that it takes too long", async () => {
    const { test, worker, id } = await fresh({ webhook });
    expect((await test.desk.case(worker.me, id)).dueMs - START_MS).toBeGreaterThanOrEqual(DAY_MS);
    await test.pass(DAY_MS + MINUTE_MS);
    await test.pass(MINUTE_MS);
    const overdue = test.calls.map(({ body }) => JSON.parse(body)).filter((body) => body.overdue);
    expect(overdue).toEqual([{ case: id, category: "harassment", verified: true, stage: "new", overdue: true }]);
  });
});
