import { type AccountId, type Content, encodeContent } from "@sotto/protocol";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { countedChoices } from "../../../../sdk/core/conversations/polls.js";
import { earliestMs } from "../../../../sdk/core/conversations/word-time.js";
import { Genuine } from "../../../../sdk/core/franking/genuine.js";
import { me, messageId, peer, Talk } from "../people.js";
import { carol, GroupTalk, idOf, mallory, text } from "./members.js";
import { pictures, poll, pollOfMany, vote } from "./sayings.js";

let talk: Talk;
beforeEach(async () => {
  talk = await Talk.open();
});

const inPoll = (...choices: number[]) => vote(messageId(1), ...choices);
/** The first poll that is shown, as option counts, and what this account chose. */
async function tally() {
  const item = (await talk.items()).find(({ kind }) => kind === "poll");
  if (item?.kind !== "poll") return undefined;
  const { options, mine, voters } = item.tally;
  return { counts: options.map(({ count }) => count), voted: options.map(({ voters }) => voters), mine, voters };
}
const storedVotes = () => talk.store.list({ after: "vote/", before: "vote0", limit: 100, order: "ascending" });

describe("a vote", () => {
  it("counts for its voter, is an item, and changes the poll in place", async () => {
    await talk.say(peer, 1, poll);
    await talk.say(me, 2, inPoll(0));
    expect(await talk.say(peer, 3, inPoll(2))).toBe("shown");
    expect(await tally()).toEqual({ counts: [1, 0, 1], voted: [[me], [], [peer]], mine: [0], voters: 2 });
    expect((await talk.items()).filter(({ kind }) => kind === "vote")).toMatchObject([
      { from: peer, target: messageId(1), choices: [2] },
      { from: me, choices: [0] },
    ]);
  });

  it("is the last one of its voter, and none that chooses nothing", async () => {
    await talk.say(peer, 1, pollOfMany);
    await talk.say(peer, 2, inPoll(0, 1));
    await talk.say(peer, 3, inPoll(1, 2));
    expect(await tally()).toMatchObject({ counts: [0, 1, 1], voters: 1 });
    await talk.say(peer, 4, inPoll());
    expect(await tally()).toMatchObject({ counts: [0, 0, 0], voters: 0 });
  });

  it("tells that the poll changed, unless a later one was here", async () => {
    await talk.say(peer, 1, poll);
    const tells = async (content: Content) => {
      const incoming = {
        said: Genuine.saidHere({ content, encoded: encodeContent(content) }),
        atMs: 1,
        acceptedMs: 1,
        status: "received",
      } as const;
      const { tellings } = await talk.writer.write(incoming);
      await talk.write(content);
      return tellings;
    };
    const [older, newer] = [talk.content(peer, messageId(2), inPoll(0)), talk.content(peer, messageId(3), inPoll(1))];
    expect(await tells(newer)).toEqual([{ type: "changed", detail: { cursor: "1" } }]);
    expect(await tells(older)).toEqual([]);
  });

  it("waits for its poll if it comes first, and counts with it, also after a restart", async () => {
    const early = talk.content(peer, messageId(2), inPoll(1));
    expect(await talk.write(early)).toBe("applied");
    expect(await talk.write(talk.content(peer, messageId(3), inPoll(2)))).toBe("applied");
    expect(await talk.items()).toEqual([]);
    expect(await storedVotes()).toEqual([]);
    talk = await Talk.open(talk.store);
    await talk.write(talk.content(peer, messageId(1), poll));
    expect(await tally()).toMatchObject({ counts: [0, 0, 1], voted: [[], [], [peer]] });
    expect((await talk.items()).map(({ kind }) => kind).sort()).toEqual(["poll", "vote", "vote"]);
    expect(await talk.write(early)).toBe("duplicate");
  });

  it("of two devices of mine is the later one; what is said here then counts behind that of a clock that is ahead", async () => {
    await talk.say(peer, 1, poll);
    const fast = talk.content(me, messageId(2), inPoll(0), { device: 2, sentAtMs: 9_000 });
    const slow = talk.content(me, messageId(3), inPoll(1), { device: 3, sentAtMs: 8_000 });
    await talk.sync(fast);
    await talk.sync(slow);
    expect(await tally()).toMatchObject({ mine: [0] });
    const { store, timeline } = talk;
    expect(await earliestMs({ store, timeline, me }, { kind: "vote", target: messageId(1) })).toBe(9_001);
  });

  it("on anything but a poll is refused; on one that is gone it is an item that counts nothing", async () => {
    await talk.say(peer, 1, text("no poll"));
    await talk.say(peer, 2, pictures);
    expect(await talk.say(peer, 3, inPoll(0))).toBe("refused");
    expect(await talk.say(peer, 4, vote(messageId(2), 0))).toBe("refused");
    await talk.say(peer, 5, poll);
    await talk.say(peer, 6, { kind: "delete", target: messageId(5) });
    expect(await talk.say(me, 7, vote(messageId(5), 0))).toBe("refused");
    expect(await talk.say(peer, 8, vote(messageId(5), 0))).toBe("shown");
    expect(await storedVotes()).toEqual([]);
  });

  it("is neither edited nor deleted nor reacted to", async () => {
    await talk.say(peer, 1, poll);
    await talk.say(peer, 2, inPoll(0));
    const target = messageId(2);
    expect(await talk.say(peer, 3, { kind: "edit", target, text: "x" })).toBe("refused");
    expect(await talk.say(peer, 4, { kind: "delete", target })).toBe("refused");
    expect(await talk.say(me, 5, { kind: "reaction", target, emoji: "👍", action: "add" })).toBe("refused");
  });
});

describe("choices that count", () => {
  it("are options there are, each once, and one alone where one may be chosen", () => {
    const options = ["a", "b", "c"];
    expect(countedChoices({ options, choose: "many" }, [2, 0, 2, 3, 31])).toEqual([0, 2]);
    expect(countedChoices({ options, choose: "one" }, [2])).toEqual([2]);
    expect(countedChoices({ options, choose: "one" }, [2, 2, 9])).toEqual([2]);
    expect(countedChoices({ options, choose: "one" }, [0, 1])).toEqual([]);
  });

  it("of a vote for too many replace the one before, as its voter's last word", async () => {
    await talk.say(peer, 1, poll);
    await talk.say(peer, 2, inPoll(0));
    await talk.say(peer, 3, inPoll(0, 1));
    expect(await tally()).toMatchObject({ counts: [0, 0, 0], voters: 0 });
  });
});

describe("a deleted poll", () => {
  it("takes its votes with it, also those that came before it, and no others", async () => {
    await talk.say(peer, 9, poll);
    await talk.say(peer, 10, vote(messageId(9), 1));
    await talk.say(peer, 1, poll);
    await talk.say(peer, 2, inPoll(0));
    await talk.say(me, 3, inPoll(0));
    expect(await storedVotes()).toHaveLength(3);
    await talk.say(peer, 4, { kind: "delete", target: messageId(1) });
    expect(await storedVotes()).toHaveLength(1);
    await talk.say(peer, 21, vote(messageId(20), 1));
    await talk.say(peer, 22, { kind: "delete", target: messageId(20) });
    await talk.say(peer, 20, poll);
    expect(await storedVotes()).toHaveLength(1);
    expect(await tally()).toMatchObject({ counts: [0, 1, 0] });
  });
});

describe("votes for polls that are not here", () => {
  it("are few: at most 64 of one voter in one poll", async () => {
    for (let number = 0; number < 64; number++) expect(await talk.say(peer, 100 + number, inPoll(1))).toBe("applied");
    expect(await talk.say(peer, 200, inPoll(1))).toBe("refused");
  });
});

describe("the tally of a poll", () => {
  const voters = [me, peer, carol, mallory] as const;
  const word = fc.record({
    voter: fc.nat(3),
    device: fc.integer({ min: 1, max: 2 }),
    // Clocks that differ little, so that devices often say the same time.
    sentAtMs: fc.integer({ min: 1, max: 3 }),
    choices: fc.array(fc.nat(4), { maxLength: 3 }),
  });

  async function heard(said: readonly Content[]) {
    const group = await GroupTalk.open();
    for (const content of said) await group.hear(content, 5_000);
    const item = (await group.items()).find(({ kind }) => kind === "poll");
    return item?.kind === "poll" ? item.tally : undefined;
  }

  it("is the same for the same votes, in whatever order and however often each comes, and counts the last of each", async () => {
    const maker = await GroupTalk.open();
    await fc.assert(
      fc.asyncProperty(
        fc.array(word, { maxLength: 10 }),
        fc.constantFrom("one", "many"),
        fc.infiniteStream(fc.nat()),
        async (words, choose, chance) => {
          const asked = maker.content(peer, 1, { ...pollOfMany, choose } as typeof poll);
          const votes = words.map(({ voter, choices, ...stamp }, index) =>
            maker.content(
              voters[voter] as AccountId,
              10 + index,
              vote(idOf(peer, 1), ...choices),
              stamp as Partial<Content>,
            ),
          );
          const first = await heard([asked, ...votes]);
          const shuffled = [asked, ...votes, ...votes.slice(0, 3)]
            .map((content) => ({ content, at: chance.next().value ?? 0 }))
            .sort((one, other) => one.at - other.at);
          expect(await heard(shuffled.map(({ content }) => content))).toEqual(first);
          const order = ({ sentAtMs, device, counter }: Content) =>
            [sentAtMs, device, counter].map((n) => String(n).padStart(9, "0")).join();
          const last = new Map<AccountId, Content>();
          for (const one of [...votes].sort((a, b) => (order(a) < order(b) ? -1 : 1))) last.set(one.sender, one);
          const options = [0, 1, 2].map((place) => {
            const whose = [...last.values()].filter((one) => {
              if (one.kind !== "vote") return false;
              const fitting = [...new Set(one.choices)].filter((choice) => choice < 3);
              return fitting.includes(place) && (choose === "many" || fitting.length === 1);
            });
            return { count: whose.length, voters: whose.map(({ sender }) => sender).sort() };
          });
          expect(first?.options).toEqual(options);
        },
      ),
      { numRuns: Number(process.env.RUNS ?? 60) },
    );
  }, 600_000);
});
