import { type AccountId, encodeContent } from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { encodeGroupItem, readGroupItem, type ShownChange } from "../../../../sdk/core/conversations/group-change.js";
import { type EntryOfLog, groupItems } from "../../../../sdk/core/conversations/group-items.js";
import { settledChanges } from "../../../../sdk/core/conversations/settlement.js";
import { Genuine } from "../../../../sdk/core/franking/genuine.js";
import { Shown } from "../../../../sdk/core/groups/shown.js";
import { manualClock } from "../link/manual-clock.js";
import { me, peer } from "../people.js";
import { carol, GroupTalk, group, idOf, mallory, react, text } from "./members.js";

let talk: GroupTalk;

beforeEach(async () => {
  talk = await GroupTalk.open();
});

const entry = (seq: number, acceptedMs: number, ...summary: EntryOfLog["summary"]): EntryOfLog => {
  return { seq, acceptedMs, author: me, summary };
};
const removal = (account: AccountId, seq: number, acceptedMs: number) =>
  entry(seq, acceptedMs, { kind: "removed", account, by: me }, { kind: "epoch", epoch: 2, by: me });

async function read(...applied: readonly EntryOfLog[]): Promise<void> {
  const parts = { store: talk.store, clock: manualClock(), conversations: { group: async () => talk.thread } };
  const plan = await groupItems(parts, { after: { id: group }, applied });
  await talk.store.commit(plan.build());
  for (const work of plan.after) work();
}

describe("items of a group's log", () => {
  it("stand where the relay accepted their entries, whenever they are read, and once", async () => {
    await talk.hear(talk.content(peer, 1, text("before")), 1_000);
    await talk.hear(talk.content(peer, 2, text("behind")), 3_000);
    const title = entry(2, 2_000, { kind: "settings", changed: { title: "new" }, by: me });
    const joined = entry(1, 2_000, { kind: "joined", account: carol, by: me });
    await read(joined, title);
    await read(joined, title);
    // A title is shown once somebody stated it in a message that can be reported.
    expect(JSON.stringify(await talk.items())).not.toContain("new");
    await talk.store.commit(new Shown(talk.store).stating(group, me, { title: "new" }));
    talk = await GroupTalk.open(talk.store);
    await read(joined, title);
    expect(talk.thread.timeline.end).toBe(4);
    expect(await talk.items()).toMatchObject([
      { kind: "text", text: "before" },
      { kind: "group", from: me, direction: "sent", change: { kind: "joined", account: carol, by: me } },
      { kind: "group", change: { kind: "settings", changed: { title: "new" } } },
      { kind: "text", text: "behind" },
    ]);
  });

  it("show everything but what concerns keys, and several things of one entry in their order", async () => {
    await read(
      entry(3, 1_000, { kind: "left", account: peer }, { kind: "succession", account: me, from: "admin", after: peer }),
      entry(
        4,
        1_000,
        { kind: "keys", account: me },
        { kind: "checkpoint", by: me },
        { kind: "epoch", epoch: 2, by: me },
      ),
    );
    const shown = (await talk.items()).map((item) => item.kind === "group" && item.change);
    expect(shown).toEqual([
      { kind: "left", account: peer },
      { kind: "succession", account: me, from: "admin", after: peer },
    ]);
  });

  it("say the same when they are read back", () => {
    const changes: readonly ShownChange[] = [
      { kind: "created", by: me },
      { kind: "invited", account: peer, by: me },
      { kind: "waiting", account: peer, by: me },
      { kind: "joined", account: peer, by: me },
      { kind: "invitationEnded", account: peer, how: "refused", by: me },
      { kind: "left", account: peer },
      { kind: "removed", account: peer, by: me },
      { kind: "role", account: peer, from: "member", to: "admin", by: me },
      { kind: "succession", account: peer, from: "member", after: me },
      { kind: "settings", changed: { title: "t", avatar: Uint8Array.of(1), timerMs: 5, write: "admins" }, by: me },
      { kind: "ended" },
    ];
    for (const change of changes) expect(readGroupItem(encodeGroupItem(change))).toEqual(change);
    expect(() => readGroupItem(Uint8Array.of(1))).toThrow(expect.objectContaining({ code: "storeCorrupt" }));
  });

  it("let nobody react to them", async () => {
    await read(entry(7, 1_000, { kind: "created", by: me }));
    const [row] = await talk.thread.timeline.latest(1);
    const target = row?.row.messageId;
    expect(target).toBeDefined();
    const reaction = { ...talk.content(peer, 1, react(idOf(me, 1))), target } as ReturnType<GroupTalk["content"]>;
    expect(await talk.hear(reaction)).toBe("refused");
  });
});

describe("what somebody said who is out of a group", () => {
  it("is taken back as far as the relay accepted it afterwards, with the reactions to it", async () => {
    await talk.hear(talk.content(mallory, 1, text("in time")), 2_000);
    await talk.hear(talk.content(mallory, 2, text("late")), 2_001);
    await talk.hear(talk.content(peer, 1, react(idOf(mallory, 2))), 2_002);
    await talk.hear(talk.content(peer, 2, react(idOf(mallory, 1))), 2_003);
    await talk.hear(talk.content(carol, 1, text("stays")), 2_004);
    await read(removal(mallory, 5, 2_000));
    expect(await talk.items()).toMatchObject([
      { text: "in time", reactions: [{ from: peer }] },
      { kind: "group", change: { kind: "removed", account: mallory } },
      { kind: "reaction", target: idOf(mallory, 1) },
      { text: "stays" },
    ]);
    expect(talk.changed).toEqual(["2", "3"]);
    expect(await talk.hear(talk.content(mallory, 2, text("late")), 2_001)).toBe("duplicate");
  });

  it("is taken back with a reaction of this device to it that is on its way, though that is accepted later", async () => {
    await talk.hear(talk.content(mallory, 1, text("late")), 2_001);
    const content = talk.content(me, 1, react(idOf(mallory, 1)));
    const { timeline, writer } = talk.thread;
    const words = Genuine.saidHere({ content, encoded: encodeContent(content) });
    const said = await writer.write({ said: words, atMs: 1, status: "pending" });
    const { changes, sequence = 0 } = said.build();
    await talk.store.commit(changes);
    timeline.announce(sequence);
    expect(await talk.items()).toHaveLength(2);
    await read(removal(mallory, 5, 2_000));
    const item = await timeline.row(sequence);
    if (item === undefined) throw new Error("nothing was said");
    await talk.store.commit(settledChanges(timeline, { item, sequence }, { kind: "accepted", acceptedMs: 2_500 }));
    expect(await talk.items()).toMatchObject([{ kind: "group" }]);
  });

  it("counts if they were let in again, and had read that", async () => {
    await talk.hear(talk.content(mallory, 1, text("again"), { revision: 7 }), 3_000);
    await read(removal(mallory, 5, 2_000), entry(7, 2_500, { kind: "joined", account: mallory, by: me }));
    expect((await talk.items()).at(-1)).toMatchObject({ text: "again" });
  });

  it("edits and reacts to nothing, not even to what is still to come; a delete stays", async () => {
    await talk.hear(talk.content(mallory, 1, text("first")), 1_000);
    await talk.hear(talk.content(mallory, 2, text("gone")), 1_001);
    await talk.hear(talk.content(carol, 1, text("other")), 1_002);
    await talk.hear(talk.content(mallory, 3, { kind: "edit", target: idOf(mallory, 1), text: "changed" }), 2_001);
    await talk.hear(talk.content(mallory, 4, react(idOf(carol, 1))), 2_002);
    await talk.hear(talk.content(mallory, 5, react(idOf(carol, 2))), 2_003);
    await talk.hear(talk.content(mallory, 6, { kind: "delete", target: idOf(mallory, 2) }), 2_004);
    await talk.hear(talk.content(mallory, 7, react(idOf(carol, 2))), 1_999);
    await read(removal(mallory, 5, 2_000));
    await talk.hear(talk.content(carol, 2, text("later")), 3_000);
    expect(await talk.items()).toMatchObject([
      { text: "first", edited: "no" },
      { kind: "deleted" },
      { text: "other", reactions: [] },
      { kind: "reaction", messageId: idOf(mallory, 7) },
      { kind: "group" },
      { kind: "delete" },
      { text: "later", reactions: [{ from: mallory }] },
    ]);
  });
});
