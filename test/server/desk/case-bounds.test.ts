/** How much one case, one reporter and one account can make a desk keep. */

import { epochOf } from "@sotto/protocol";
import { expect, it } from "vitest";
import type { RelayReport } from "../../../server/desk/ports.js";
import { openTables } from "../../../server/desk/rows.js";
import { DAY_MS, openDesk, someone, type TestDesk } from "./desk-of.js";
import { arrive, reported, say, someoneEnrolled, submit } from "./report-of.js";
import { hire, onlyCase } from "./staff.js";

const MIB = 1_048_576;

/** Makes the words of what was left last as long as they may be: nobody but a moderator's browser looks into them. */
function swell(test: TestDesk, bytes: number): void {
  const last = test.relay.waiting.pop() as RelayReport;
  test.relay.waiting.push({ ...last, words: new Uint8Array(bytes) });
}

it("a case keeps no more than can be handed out at once, and large submissions leave room for small ones", async () => {
  const test = await openDesk({ reportsPerDay: 1_000, reportsPerPairPerDay: 1_000 });
  const [alice, mallory] = [await someoneEnrolled(test), await someoneEnrolled(test)];
  for (let count = 0; count < 12; count++) {
    submit(test, alice, { accused: mallory.account }, [await say(test, mallory, alice.account)]);
    swell(test, MIB);
  }
  const bob = await someoneEnrolled(test);
  const small = submit(test, bob, { accused: mallory.account }, [await say(test, mallory, bob.account)]);
  await arrive(test);
  const worker = await hire(test);
  const { id } = await onlyCase(test, worker);
  await test.desk.claim(worker.me, id);
  const opening = await test.desk.open(worker.me, id, "to see");
  const sizes = opening.reports.map(({ words, heads }) => Buffer.from(words + heads, "base64").length);
  expect(sizes.reduce((sum, one) => sum + one, 0)).toBeLessThan(9 * MIB);
  expect(opening.reports.map(({ report }) => report)).toContain(small.name);
  expect((await test.desk.case(worker.me, id)).reports).toHaveLength(13);
  // What is deleted makes room again.
  await test.pass(31 * DAY_MS);
  expect((await openTables(test.rows).case.get(id))?.keptBytes).toBe(0);
});

it("a report that shows nothing genuine about an account that never enrolled makes no case", async () => {
  const test = await openDesk();
  const alice = await someoneEnrolled(test);
  const mallory = await someoneEnrolled(test);
  const message = await say(test, mallory, alice.account);
  const report = submit(test, alice, { accused: someone().account }, [message]);
  await arrive(test);
  expect(await test.desk.queue((await hire(test)).me)).toEqual([]);
  expect(await alice.notes(test)).toMatchObject([{ kind: "receipt", about: report.id, stage: "closed" }]);
  const [verdict] = await openTables(test.rows).verdict.all();
  expect(verdict?.value.trust).toBe("unverified");
});

it("where a child is in danger every genuine report counts, and of others some more than elsewhere", async () => {
  const test = await openDesk({ reportsPerDay: 2, reportsPerPairPerDay: 2 });
  const [alice, mallory, eve] = [await someoneEnrolled(test), await someoneEnrolled(test), await someoneEnrolled(test)];
  const ofOthers = await say(test, eve, alice.account);
  const about = { accused: mallory.account, category: "childSafety" } as const;
  for (let count = 0; count < 12; count++) submit(test, alice, about, [ofOthers]);
  await arrive(test);
  submit(test, alice, about, [await say(test, mallory, alice.account)]);
  await arrive(test);
  const found = (await openTables(test.rows).verdict.all()).map(({ value }) => value.trust);
  const count = (trust: string) => found.filter((one) => one === trust).length;
  expect([count("unverified"), count("limited"), count("verified")]).toEqual([10, 2, 1]);
});

it("what becomes of an older case leaves new reports with the case that is open", async () => {
  const test = await openDesk();
  const { reporter, accused } = await reported(test);
  const [worker, lead] = [await hire(test), await hire(test, "lead")];
  const { id } = await onlyCase(test, worker);
  await test.desk.claim(worker.me, id);
  const act = { category: "harassment", rule: "Be kind." } as const;
  const view = await test.desk.act(worker.me, id, { ...act, kind: "mute", durationMs: DAY_MS });
  const again = async () => {
    submit(test, reporter, { accused: accused.account }, [await say(test, accused, reporter.account)]);
    await arrive(test);
  };
  await test.pass(2 * DAY_MS);
  await again();
  await test.desk.hold(lead.me, id, "held");
  await test.desk.act(worker.me, id, { ...act, kind: "warn" }).catch(() => undefined);
  await again();
  const open = (await test.desk.queue(lead.me)).filter((one) => one.id !== id);
  expect(open).toHaveLength(1);
  expect(open[0]).toMatchObject({ verifiedItems: 2 });
  expect(view.stage).toBe("actioned");
});

it("one account gets the tokens of four devices, and each of its devices its first ones in any case", async () => {
  const test = await openDesk({ batchesPerEpoch: 2 });
  const first = await someoneEnrolled(test);
  const epoch = epochOf(test.nowMs);
  const issued: number[] = [];
  for (let number = 1; number <= 6; number++) {
    const device = someone(first.account, number, first.identity);
    await device.enrol(test);
    const asked = [1, 2, 3].map(() => device.tokens(test, epoch));
    issued.push((await Promise.allSettled(asked)).filter(({ status }) => status === "fulfilled").length);
  }
  expect(issued).toEqual([2, 2, 2, 2, 1, 1]);
});
