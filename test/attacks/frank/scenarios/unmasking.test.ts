/**
 * Attack 29 on a real desk: whoever is acted against wants to know who reported. Words may be marked for each reader, so neither a
 * statement nor the queue says words, readers, or how many there were.
 */

import type { DeskNote } from "@sotto/protocol";
import type { Client, Group, Statement } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openTables } from "../../../../server/desk/rows.js";
import { draftable, submitted } from "../../../scenarios/reports/people.js";
import { openDesk } from "../../../server/desk/desk-of.js";
import { arrive, say, someoneEnrolled, submit } from "../../../server/desk/report-of.js";
import { hire, onlyCase } from "../../../server/desk/staff.js";
import { AtDesk } from "../../../support/at-desk.js";
import { groupOf, reads } from "../../../support/group-people.js";
import { nextEvent, World } from "../../../support/world.js";

let world: World;
let desk: AtDesk;

beforeEach(async () => {
  world = await World.open();
  desk = await AtDesk.join(world);
});
afterEach(() => world.close());

describe("attack 29: who reported, in a group", () => {
  it("is in no statement and in no line of the queue, nor is a word, the group, or who is in it", async () => {
    const [alice, bob, carol] = (await Promise.all(["alice", "bob", "carol"].map((who) => world.client(who)))) as [
      Client,
      Client,
      Client,
    ];
    const [ofAlice, ofBob] = (await groupOf([alice, bob, carol], { title: "A marked title" })) as [Group, Group];
    const marked = "a word that only alice was shown in this spelling";
    const sent = ofBob.send({ text: marked });
    await sent.accepted;
    await reads(ofAlice, marked);
    const told = nextEvent<{ statement: Statement }>(bob, "statement");
    const draft = await draftable(alice, () =>
      ofAlice.draftReport([sent.id], { category: "hate", note: "a marked note" }),
    );
    const report = await submitted(alice, draft);
    const { id } = await desk.caseWith(report.id);
    const queue = JSON.stringify(await desk.service.queue(desk.by));
    await desk.service.claim(desk.by, id);
    await desk.service.act(desk.by, id, { kind: "warn", category: "hate", rule: "Be kind." });
    const { statement } = await told;
    const names = [
      alice.accountId,
      carol.accountId,
      ofBob.id,
      report.id,
      sent.id,
      marked,
      "A marked title",
      "a marked note",
    ];
    for (const name of names) {
      expect(JSON.stringify(statement)).not.toContain(name);
      expect(queue).not.toContain(name);
    }
    expect(queue).toContain(bob.accountId);
    expect(statement).toMatchObject({ sanction: "warn", category: "hate", rule: "Be kind." });
  });
});

describe("attack 29: a statement", () => {
  /** What an account is sent that was warned on so many reports of so long messages. */
  async function statementAfter(
    reporters: number,
    text: string,
  ): Promise<{ readonly sealed: number; readonly note: DeskNote }> {
    const test = await openDesk();
    const accused = await someoneEnrolled(test);
    for (let index = 0; index < reporters; index++) {
      const reporter = await someoneEnrolled(test);
      submit(test, reporter, { accused: accused.account }, [await say(test, accused, reporter.account, text)]);
    }
    await arrive(test);
    const worker = await hire(test);
    const { id } = await onlyCase(test, worker);
    await test.desk.claim(worker.me, id);
    await test.desk.act(worker.me, id, { kind: "warn", category: "spam", rule: "No spam." });
    const rows = (await openTables(test.rows).note.all()).filter(({ key }) => key.startsWith(accused.account));
    const [note] = await accused.notes(test);
    if (note === undefined || rows.length !== 1) throw new Error("one statement");
    return { sealed: rows[0]?.value.sealed.length ?? 0, note };
  }

  it("is as long for one reporter as for five, whatever was said", async () => {
    const [one, five] = [await statementAfter(1, "x"), await statementAfter(5, "a much longer message ".repeat(40))];
    expect(one.sealed).toBe(five.sealed);
    const shape = (note: DeskNote) => Object.keys(note).sort();
    expect(shape(one.note)).toEqual(shape(five.note));
  });
});
