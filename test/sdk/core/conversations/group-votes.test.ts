import type { AccountId } from "@sotto/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { groupItems } from "../../../../sdk/core/conversations/group-items.js";
import { manualClock } from "../link/manual-clock.js";
import { me, peer } from "../people.js";
import { carol, GroupTalk, group, idOf, mallory } from "./members.js";
import { poll, pollOfMany, vote } from "./sayings.js";

let talk: GroupTalk;
beforeEach(async () => {
  talk = await GroupTalk.open();
});

const target = idOf(carol, 1);
const removedMs = 2_000;

/** This device reads that Mallory was removed then. */
async function removed(): Promise<void> {
  const parts = { store: talk.store, clock: manualClock(), conversations: { group: async () => talk.thread } };
  const summary = [{ kind: "removed", account: mallory, by: me } as const];
  const applied = [{ seq: 5, acceptedMs: removedMs, author: me, summary }];
  const plan = await groupItems(parts, { after: { id: group }, applied });
  await talk.store.commit(plan.build());
  for (const work of plan.after) work();
}

async function voters(): Promise<readonly (readonly AccountId[])[] | undefined> {
  const item = (await talk.items()).find(({ kind }) => kind === "poll");
  return item?.kind === "poll" ? item.tally.options.map(({ voters }) => voters) : undefined;
}
const kinds = async () => (await talk.items()).map(({ kind }) => kind);
const storedVotes = () => talk.store.list({ after: "vote/", before: "vote0", limit: 100, order: "ascending" });

describe("the vote of who is out of a group", () => {
  it("is taken back if the relay accepted it afterwards, and the one before counts again", async () => {
    await talk.hear(talk.content(carol, 1, poll), 1_000);
    await talk.hear(talk.content(mallory, 1, vote(target, 0)), 1_100);
    await talk.hear(talk.content(mallory, 2, vote(target, 1)), 1_200);
    await talk.hear(talk.content(peer, 1, vote(target, 2)), 1_300);
    await talk.hear(talk.content(mallory, 3, vote(target, 2)), removedMs + 1);
    await talk.hear(talk.content(mallory, 4, vote(target, 0)), removedMs + 2);
    expect(await voters()).toEqual([[mallory], [], [peer]]);
    await removed();
    expect(await voters()).toEqual([[], [mallory], [peer]]);
    expect(await kinds()).toEqual(["poll", "vote", "vote", "vote", "group"]);
    expect(talk.changed).toContain("1");
  });

  it("is taken back without any other, also while its poll is still to come", async () => {
    await talk.hear(talk.content(mallory, 1, vote(target, 0)), removedMs + 1);
    await talk.hear(talk.content(carol, 2, pollOfMany), 1_000);
    await talk.hear(talk.content(mallory, 2, vote(idOf(carol, 2), 0)), removedMs + 2);
    await removed();
    await talk.hear(talk.content(carol, 1, poll), 3_000);
    expect(await storedVotes()).toEqual([]);
    expect(await kinds()).toEqual(["poll", "group", "poll"]);
  });

  it("is gone with the poll it was in, if that is taken back", async () => {
    await talk.hear(talk.content(mallory, 1, poll), removedMs + 1);
    await talk.hear(talk.content(peer, 1, vote(idOf(mallory, 1), 0)), removedMs + 2);
    expect(await storedVotes()).toHaveLength(1);
    await removed();
    expect(await storedVotes()).toEqual([]);
    expect(await kinds()).toEqual(["group"]);
    expect(await talk.hear(talk.content(carol, 3, vote(idOf(mallory, 1), 1)), removedMs + 3)).toBe("refused");
  });
});

describe("a vote in a group", () => {
  it("under a name that is not its voter's own is refused", async () => {
    await talk.hear(talk.content(carol, 1, poll));
    const forged = talk.content(mallory, 1, vote(target, 0), { messageId: idOf(peer, 9) });
    expect(await talk.hear(forged)).toBe("refused");
    expect(await voters()).toEqual([[], [], []]);
  });

  it("of more members than a row has room for counts for each", async () => {
    await talk.hear(talk.content(carol, 1, poll), 100_000);
    const many = Array.from({ length: 300 }, (_, index) => {
      return `33333333-3333-4333-8333-${index.toString(16).padStart(12, "0")}` as AccountId;
    });
    for (const [index, voter] of many.entries()) await talk.hear(talk.content(voter, index, vote(target, index % 2)));
    const [first, second, third] = (await voters()) ?? [];
    expect([first?.length, second?.length, third?.length]).toEqual([150, 150, 0]);
    expect([...(first ?? []), ...(second ?? [])].sort()).toEqual(many);
  });
});
