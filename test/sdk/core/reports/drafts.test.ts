/** What a report is made of: who is accused, what goes with it, what is refused, and that the sealed layers are what was shown. */

import { blobsOf, type Content, inspectHeads, inspectWords, SottoError, toHex } from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { NotReportableError } from "../../../../sdk/core/reports/refusals.js";
import type { ReportDraft } from "../../../../sdk/core/reports/report-draft.js";
import { NOW_MS, secretOf } from "../../../support/franking/realm.js";
import {
  alice,
  bob,
  carol,
  type Fixture,
  failure,
  group,
  me,
  opened,
  openReports,
  realm,
  said,
  withBob,
} from "./fixture.js";

let device: Fixture;

beforeEach(async () => {
  device = await openReports();
});

const text = (words: string) => ({ kind: "text", text: words }) as const;
const category = "harassment" as const;

async function submit(draft: ReportDraft) {
  await draft.submit({ consent: draft.disclosure.hash });
  await device.clock.advance(1);
  const [submitted, ...more] = device.submitted;
  expect(more).toEqual([]);
  if (submitted === undefined) throw new Error("nothing was submitted");
  return { submitted, ...opened(submitted, draft.disclosure.team) };
}

describe("a report", () => {
  it("shows what was reported and its context, in the order of the conversation", async () => {
    const before = await device.keep(said(alice, withBob, text("hello")));
    const first = await device.keep(said(bob, withBob, text("you are stupid")));
    const second = await device.keep(said(bob, withBob, text("very")));
    await device.keep(said(bob, withBob, text("unrelated")));
    const { disclosure } = await device.reports.draftReport(withBob, [second, first], {
      category,
      context: 3,
      note: "look",
    });
    expect(disclosure.messages.map(({ role, messageId }) => [role, messageId])).toEqual([
      ["own", before],
      ["reported", first],
      ["reported", second],
    ]);
    expect(disclosure).toMatchObject({
      kind: "report",
      accused: bob.account,
      category,
      team: "community",
      note: "look",
    });
    expect(disclosure.messages[1]?.said).toMatchObject(text("you are stupid"));
  });

  it("has the original, the edits and the deletion of what it shows, whichever of them was chosen", async () => {
    const original = await device.keep(said(bob, withBob, text("a threat")));
    const edit = await device.keep(said(bob, withBob, { kind: "edit", target: original, text: "a joke" }));
    const deletion = await device.keep(said(bob, withBob, { kind: "delete", target: original }));
    await device.keep(said(alice, withBob, { kind: "reaction", target: original, emoji: "😡", action: "add" }));
    for (const chosen of [original, edit, deletion]) {
      const { disclosure } = await device.reports.draftReport(withBob, [chosen], { category });
      expect(disclosure.messages.map(({ messageId, role }) => [messageId, role])).toEqual([
        [original, "reported"],
        [edit, "reported"],
        [deletion, "reported"],
      ]);
    }
  });

  it("is not made impossible by an author who edits, or deletes, without end", async () => {
    const bad = await device.keep(said(bob, withBob, text("a threat")));
    const edits: Content["messageId"][] = [];
    for (let at = 0; at < 70; at++) {
      const words = at < 40 ? "short" : "x".repeat(32_000);
      edits.push(await device.keep(said(bob, withBob, { kind: "edit", target: bad, text: words })));
    }
    for (let at = 0; at < 70; at++) await device.keep(said(bob, withBob, { kind: "delete", target: bad }));
    const shown = async (...named: Content["messageId"][]) => {
      const draft = await device.reports.draftReport(withBob, named, { category });
      return draft.disclosure.messages;
    };
    const messages = await shown(bad);
    const named = messages.map(({ messageId }) => messageId);
    expect(named.slice(0, 1)).toEqual([bad]);
    // What counts in the end is among them, and of the deletions one.
    expect(named).toContain(edits.at(-1));
    expect(messages.filter(({ said: { kind } }) => kind === "delete")).toHaveLength(1);
    // Any other edit goes with a report that names it.
    const [early] = edits as [Content["messageId"]];
    expect(named).not.toContain(early);
    expect((await shown(bad, early)).map(({ messageId }) => messageId)).toContain(early);
  });

  it("seals exactly what was shown, to the desk and to a team, and passes the desk's checks", async () => {
    await device.keep(said(bob, withBob, text("nobody's business")));
    const own = await device.keep(said(alice, withBob, text("stop it")));
    const bad = await device.keep(said(bob, withBob, text("never")));
    const draft = await device.reports.draftReport(withBob, [bad], { category, context: [own], note: "please" });
    const { submitted, heads, words } = await submit(draft);
    const { disclosure } = draft;
    expect(heads).toMatchObject({ kind: "report", category, accused: bob.account, team: disclosure.team });
    expect(heads.about).toBeUndefined();
    expect(words.note).toBe(disclosure.note);
    const verdicts = inspectHeads(heads, me, realm.headKeys());
    expect(verdicts.map(({ kind }) => kind)).toEqual(["verified", "verified"]);
    const seen = heads.items.map((item, at) => {
      const verdict = inspectWords(words.items[at] as never, item, realm.realm);
      if (verdict.kind !== "verified") throw new Error(verdict.reason);
      const { account: from, device: deviceId, acceptedMs } = item.head;
      const { messageId, conversation } = verdict.content;
      return {
        role: item.role,
        messageId,
        from,
        deviceId,
        conversation,
        acceptedMs,
        said: verdict.content,
        attachments: [],
      };
    });
    expect(seen).toEqual(disclosure.messages);
    expect(words.items.every(({ blobs }) => blobs.length === 0)).toBe(true);
    const sizeBytes = submitted.heads.length + submitted.words.length;
    expect(disclosure.relaySees).toEqual({ reporter: me, sizeBytes });
  });

  it("shows own words in a group as meant for the accused, whoever else was there", async () => {
    const own = await device.keep(said(alice, group, text("leave her alone")));
    const other = await device.keep(said(carol, group, text("thanks")));
    const bad = await device.keep(said(bob, group, text("make me")));
    const draft = await device.reports.draftReport(group, [bad], { category, context: [own, other] });
    const { heads, words } = await submit(draft);
    expect(heads.items.map(({ role, head }) => [role, head.recipient])).toEqual([
      ["own", bob.account],
      ["context", me],
      ["reported", me],
    ]);
    expect(inspectHeads(heads, me, realm.headKeys()).map(({ kind }) => kind)).toEqual([
      "verified",
      "verified",
      "verified",
    ]);
    const kinds = heads.items.map((item, at) => inspectWords(words.items[at] as never, item, realm.realm).kind);
    expect(kinds).toEqual(["verified", "verified", "verified"]);
  });

  it("opens the attachments that were chosen, with their thumbnails, and no others", async () => {
    const content = said(bob, withBob, {
      kind: "attachments",
      attachments: [picture("one"), picture("two")],
    });
    const id = await device.keep(content);
    const closed = await device.reports.draftReport(withBob, [id], { category });
    expect(closed.disclosure.messages[0]?.attachments.map(({ opened: is }) => is)).toEqual(["no", "no"]);
    const draft = await device.reports.draftReport(withBob, [id], {
      category,
      attachments: [{ message: id, place: 1 }],
    });
    expect(draft.disclosure.messages[0]?.attachments).toMatchObject([
      { place: 0, opened: "no", name: "one" },
      { place: 1, opened: "yes", name: "two" },
    ]);
    const { words } = await submit(draft);
    const all = blobsOf(content as Content);
    const shown = words.items[0]?.blobs.map(({ index, id: blob }) => [index, toHex(blob)]);
    expect(shown).toEqual([2, 3].map((index) => [index, toHex(all[index]?.id as Uint8Array)]));
    const nothing = device.reports.draftReport(withBob, [id], { category, attachments: [{ message: id, place: 2 }] });
    await expect(nothing).rejects.toEqual(failure("invalidArgument"));
  });

  it("names what cannot be proven, and what is the reporter's own", async () => {
    const own = await device.keep(said(alice, withBob, text("mine")));
    const gone = await device.keep(said(bob, withBob, text("over")), { untilMs: NOW_MS });
    const unknown = toHex(secretOf("unknown").subarray(0, 16)) as never;
    const refused = await device.reports
      .draftReport(withBob, [own, gone, unknown], { category })
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(NotReportableError);
    expect((refused as NotReportableError).messages).toEqual([own, gone, unknown]);
  });

  it("is about one account, about something, and no longer than fits", async () => {
    const one = await device.keep(said(bob, group, text("a")));
    const two = await device.keep(said(carol, group, text("b")));
    await expect(device.reports.draftReport(group, [one, two], { category })).rejects.toEqual(
      failure("severalAccused"),
    );
    await expect(device.reports.draftReport(group, [], { category })).rejects.toEqual(failure("invalidArgument"));
    const note = "n".repeat(4_097);
    await expect(device.reports.draftReport(group, [one], { category, note })).rejects.toEqual(failure("tooLarge"));
    const many = [];
    for (let at = 0; at < 65; at++) many.push(await device.keep(said(bob, group, text(String(at)))));
    await expect(device.reports.draftReport(group, many, { category })).rejects.toEqual(failure("tooLarge"));
  });

  it("goes to the team of its category, else to another that can read it, else nowhere", async () => {
    const id = await device.keep(said(bob, withBob, text("x")));
    const teamFor = async (of: "childSafety" | "spam") =>
      (await device.reports.draftReport(withBob, [id], { category: of })).disclosure.team;
    expect([await teamFor("childSafety"), await teamFor("spam")]).toEqual(["safety", "community"]);
    device.teams = ["community", "platform"];
    expect(await teamFor("childSafety")).toBe("platform");
    device.teams = ["safety"];
    expect(await teamFor("spam")).toBe("safety");
    device.teams = [];
    await expect(teamFor("spam")).rejects.toEqual(failure("deskUnready"));
  });

  it("leaves only with consent to the very disclosure, and while its key is the desk's", async () => {
    const id = await device.keep(said(bob, withBob, text("x")));
    const draft = await device.reports.draftReport(withBob, [id], { category });
    const other = await device.reports.draftReport(withBob, [id], { category, note: "another" });
    await expect(draft.submit({ consent: other.disclosure.hash })).rejects.toEqual(failure("consentRequired"));
    expect(await device.reports.list()).toEqual([]);
    device.teams = ["platform"];
    await expect(draft.submit({ consent: draft.disclosure.hash })).rejects.toEqual(failure("deskUnready"));
    expect(device.submitted).toEqual([]);
    expect(new SottoError("deskUnready").retryable).toBe(true);
  });

  it("can be made of all that is kept, also of what was deleted", async () => {
    const first = await device.keep(said(bob, withBob, text("one")));
    const second = await device.keep(said(alice, withBob, text("two")));
    await device.keep(said(bob, withBob, text("gone")), { untilMs: NOW_MS });
    const listed = [];
    for await (const one of device.reports.reportable({ id: withBob })) listed.push(one);
    expect(listed.map(({ messageId, direction }) => [messageId, direction])).toEqual([
      [first, "received"],
      [second, "sent"],
    ]);
    const { disclosure } = await device.reports.draftReport({ conversation: withBob }, [listed[0] as never], {
      category,
    });
    expect(disclosure.messages.map(({ messageId }) => messageId)).toEqual([first]);
  });
});

function picture(name: string) {
  const blob = (of: string) => ({
    id: secretOf(`${of} id`).slice(0, 16),
    key: secretOf(`${of} key`),
    digest: secretOf(`${of} digest`),
    sizeBytes: 9,
  });
  return {
    ...blob(name),
    ...({ media: "image", mime: "image/png", name, expiresMs: NOW_MS } as const),
    thumbnail: { ...blob(`${name} small`), mime: "image/png", width: 2, height: 2 },
  };
}
