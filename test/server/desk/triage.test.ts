/** Intake and triage: what is durable when, what counts, what is filed where, and how much one account may say. */

import { randomBytes } from "node:crypto";
import { EPOCH_MS, fromHex, type HeadLayer } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { verifySignature } from "../../../server/desk/index.js";
import { openTables } from "../../../server/desk/rows.js";
import { verdictText } from "../../../server/desk/triage/judge.js";
import { DAY_MS, openDesk } from "./desk-of.js";
import { arrive, reported, say, someoneEnrolled, submit } from "./report-of.js";
import { hire, onlyCase } from "./staff.js";

function fail(): never {
  throw new Error("there is none");
}

describe("a report", () => {
  it("of a genuine message becomes a case of the accused, and its reporter hears so", async () => {
    const test = await openDesk();
    const { accused, reporter, report } = await reported(test);
    const view = await onlyCase(test, await hire(test));
    expect(view).toMatchObject({ accused: accused.account, trust: "verified", verifiedItems: 1, reporters: 1 });
    expect(view.reports).toMatchObject([{ report: report.name, words: "kept", items: [{ verdict: "verified" }] }]);
    expect(await reporter.notes(test)).toMatchObject([{ kind: "receipt", about: report.id, stage: "new" }]);
    expect(test.relay.told).toEqual([reporter.account]);
    const { tables, signer } = { tables: openTables(test.rows), signer: fromHex(test.desk.publicInfo.signer) };
    const { signature, ...verdict } = (await tables.verdict.all())[0]?.value ?? fail();
    expect(verdict).toMatchObject({ report: report.id, accused: accused.account, trust: "verified" });
    expect(verifySignature(signer, verdictText(test.realm, verdict), signature)).toBe(true);
    const other = { ...verdict, accused: reporter.account };
    expect(verifySignature(signer, verdictText(test.realm, other), signature)).toBe(false);
    expect(test.troubles).toEqual([]);
  });

  it("is on disk before the relay may delete it, and counts once however often it comes", async () => {
    const test = await openDesk();
    const alice = await someoneEnrolled(test);
    const mallory = await someoneEnrolled(test);
    const message = await say(test, mallory, alice.account);
    submit(test, alice, { accused: mallory.account }, [message]);
    const copy = [...test.relay.waiting];
    const write = test.rows.write.bind(test.rows);
    let writes = 0;
    Object.assign(test.rows, {
      write: async (changes: Parameters<typeof write>[0]) => {
        if (changes.some(({ key, value }) => value !== undefined && key.startsWith("untriaged/"))) {
          writes++;
          expect(test.relay.waiting).toHaveLength(1);
        }
        return write(changes);
      },
    });
    await arrive(test);
    test.relay.waiting.push(...copy);
    await arrive(test);
    expect(writes).toBe(1);
    expect(test.relay.waiting).toEqual([]);
    expect((await onlyCase(test, await hire(test))).reports).toHaveLength(1);
  });

  it("survives a desk that stops between fetching and triage", async () => {
    const test = await openDesk();
    const { reporter, accused } = await reported(test);
    submit(test, reporter, { accused: accused.account }, [await say(test, accused, reporter.account)]);
    const write = test.rows.write.bind(test.rows);
    const failing = async (changes: Parameters<typeof write>[0]) => {
      if (changes.some(({ key }) => key.startsWith("verdict/"))) throw new Error("power is gone");
      return write(changes);
    };
    Object.assign(test.rows, { write: failing });
    await arrive(test);
    expect(test.troubles).toContain("triage");
    Object.assign(test.rows, { write });
    const next = await test.again();
    await next.pass(0);
    expect((await onlyCase(next, await hire(next))).reports).toHaveLength(2);
  });

  it("keeps its place if somebody else uses its id", async () => {
    const test = await openDesk();
    const { reporter, accused, report } = await reported(test);
    const mallory = await someoneEnrolled(test);
    const [toMallory, again] = [await say(test, accused, mallory.account), await say(test, accused, reporter.account)];
    submit(test, mallory, { accused: accused.account }, [toMallory], report.id);
    const next = submit(test, reporter, { accused: accused.account }, [again]);
    submit(test, mallory, { accused: accused.account }, [toMallory], next.id);
    await arrive(test);
    const { reports } = await onlyCase(test, await hire(test));
    expect(reports.map(({ report: name, reporter: by }) => [name, by])).toEqual([
      [report.name, reporter.account],
      [next.name, reporter.account],
    ]);
  });

  it("that cannot be triaged holds up nobody else's", async () => {
    const test = await openDesk();
    const { reporter, accused } = await reported(test);
    const [first, second] = [await say(test, accused, reporter.account), await say(test, accused, reporter.account)];
    const bad = submit(test, reporter, { accused: accused.account }, [first]);
    const good = submit(test, reporter, { accused: accused.account }, [second]);
    const write = test.rows.write.bind(test.rows);
    const failing = async (changes: Parameters<typeof write>[0]) => {
      if (changes.some(({ key }) => key === `report/${bad.name}`)) throw new Error("this one does not fit");
      return write(changes);
    };
    Object.assign(test.rows, { write: failing });
    await arrive(test);
    const { reports } = await onlyCase(test, await hire(test));
    expect(reports.map(({ report }) => report)).toContain(good.name);
    expect(test.troubles).toEqual(["triage"]);
  });

  it("that nothing speaks for is of low trust, and counts for nobody", async () => {
    const test = await openDesk();
    const alice = await someoneEnrolled(test);
    const mallory = await someoneEnrolled(test);
    const victim = await someoneEnrolled(test);
    const message = await say(test, mallory, alice.account);
    submit(test, alice, { accused: victim.account }, [message]);
    await arrive(test);
    const view = await onlyCase(test, await hire(test));
    expect(view).toMatchObject({ trust: "unverified", verifiedItems: 0, reporters: 0, refusedItems: 1 });
    expect(view.reports[0]?.items[0]?.verdict).toBe("severalAccused");
  });

  it("that does not open leaves a verdict record and no case", async () => {
    const test = await openDesk();
    const { account } = await someoneEnrolled(test);
    const [heads, words] = [randomBytes(6_000), randomBytes(6_000)];
    test.relay.leave({ report: randomBytes(16), reporter: account, receivedMs: test.nowMs, heads, words });
    await arrive(test);
    expect(await test.desk.queue((await hire(test)).me)).toEqual([]);
    const verdicts = [...test.rows.held.keys()].filter((key) => key.startsWith("verdict/"));
    expect(verdicts).toHaveLength(1);
    expect(test.rows.dump().includes(words)).toBe(false);
  });
});

describe("a case", () => {
  it("gathers what several people report of one account, and counts a message once", async () => {
    const test = await openDesk();
    const mallory = await someoneEnrolled(test);
    const alice = await someoneEnrolled(test);
    const bob = await someoneEnrolled(test);
    const toAlice = await say(test, mallory, alice.account);
    const again = await say(test, mallory, alice.account);
    submit(test, alice, { accused: mallory.account, category: "spam" }, [toAlice]);
    submit(test, alice, { accused: mallory.account, category: "spam" }, [toAlice]);
    submit(test, alice, { accused: mallory.account, category: "threat" }, [toAlice, again]);
    submit(test, bob, { accused: mallory.account }, [await say(test, mallory, bob.account)]);
    await arrive(test);
    const view = await onlyCase(test, await hire(test));
    expect(view).toMatchObject({ reporters: 2, verifiedItems: 3, category: "threat" });
    expect(view.reports.map(({ words }) => words)).toEqual(["kept", "deleted", "kept", "kept"]);
  });

  it("of another team is another case", async () => {
    const test = await openDesk();
    const { reporter, accused } = await reported(test);
    const more = await say(test, accused, reporter.account);
    submit(test, reporter, { accused: accused.account, team: "safety", category: "childSafety" }, [more]);
    await arrive(test);
    expect(await test.desk.queue((await hire(test)).me)).toHaveLength(2);
    expect(await test.desk.queue((await hire(test, "moderator", ["safety"])).me)).toHaveLength(1);
    expect(await test.desk.queue((await hire(test, "auditor")).me)).toEqual([]);
  });
});

describe("limits", () => {
  async function many(count: number, layer: Partial<HeadLayer>, settings = {}) {
    const test = await openDesk(settings);
    const { reporter, accused } = await reported(test, layer);
    for (let index = 1; index < count; index++) {
      const message = await say(test, accused, reporter.account);
      submit(test, reporter, { accused: accused.account, ...layer }, [message]);
    }
    await arrive(test);
    return { test, reporter, accused, view: await onlyCase(test, await hire(test)) };
  }

  it("of one account about another hold for a day, and whoever is over them hears that nothing is done", async () => {
    const { test, reporter, accused, view } = await many(4, {}, { reportsPerPairPerDay: 2 });
    expect(view.reports).toHaveLength(2);
    const notes = await reporter.notes(test);
    expect(notes.filter((note) => note.kind === "receipt" && note.outcome === "noAction")).toHaveLength(2);
    test.nowMs += DAY_MS;
    submit(test, reporter, { accused: accused.account }, [await say(test, accused, reporter.account)]);
    await arrive(test);
    expect((await onlyCase(test, await hire(test))).reports).toHaveLength(3);
  });

  it("never hold back what endangers a child", async () => {
    const { view } = await many(4, { category: "childSafety", team: "safety" }, { reportsPerPairPerDay: 1 });
    expect(view.reports).toHaveLength(4);
  });
});

describe("context", () => {
  it("goes to the report that it was asked for, from its reporter, and from nobody else", async () => {
    const test = await openDesk();
    const { reporter, accused, report, message } = await reported(test);
    const worker = await hire(test);
    const { id } = await onlyCase(test, worker);
    const context = { accused: accused.account, kind: "context", about: report.id } as const;
    submit(test, reporter, context, [message]);
    await arrive(test);
    expect((await test.desk.case(worker.me, id)).reports).toHaveLength(1);
    await test.desk.claim(worker.me, id);
    const gaps = [{ account: accused.account.replaceAll("-", ""), after: 1, before: 3 }];
    await test.desk.askContext(worker.me, id, { report: report.name, gaps, note: "What came between?" });
    expect((await reporter.notes(test)).at(-1)).toMatchObject({ kind: "contextRequest", about: report.id });
    const other = await someoneEnrolled(test);
    submit(test, other, context, [await say(test, accused, other.account)]);
    submit(test, reporter, context, [await say(test, accused, reporter.account)]);
    await arrive(test);
    const { reports } = await test.desk.case(worker.me, id);
    expect(reports.map(({ kind, reporter: by }) => [kind, by])).toEqual([
      ["report", reporter.account],
      ["context", reporter.account],
    ]);
    expect(test.troubles).toEqual([]);
  });
});

describe("time", () => {
  it("of 31 days leaves nothing that could verify a message, and the verdict stays", async () => {
    const test = await openDesk();
    const { reporter, accused, message } = await reported(test);
    const worker = await hire(test);
    await test.pass(33 * EPOCH_MS);
    submit(test, reporter, { accused: accused.account }, [message]);
    await arrive(test);
    const view = await onlyCase(test, worker);
    expect(view.reports.map(({ items }) => items[0]?.verdict)).toEqual(["verified", "keyGone"]);
  });
});
