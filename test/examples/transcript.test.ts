/** What stands on the chat's screen, line by line. */

import type { Client } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Names } from "../../examples/chat/names.js";
import { type DirectRoom, directRoom } from "../../examples/chat/room.js";
import { Transcript } from "../../examples/chat/transcript.js";
import { deferred } from "../../sdk/core/deferred.js";
import { until } from "../support/group-people.js";
import { befriend, nextEvent, World } from "../support/world.js";

let world: World;
let leaving: AbortController;
beforeEach(async () => {
  leaving = new AbortController();
  world = await World.open();
});
afterEach(async () => {
  leaving.abort();
  await world.close();
});

/** Alice in front of her screen, and what she sees of somebody. */
async function screen(alice: Client, peer: string) {
  const room: DirectRoom = await directRoom(alice, peer);
  const transcript = new Transcript(room, new Names(alice, "alice"), () => undefined);
  void transcript.follow(leaving.signal);
  const text = () => transcript.lines.map((line) => line.text).join("\n");
  const shows = (words: string) => until(async () => text().includes(words), words);
  return { room, transcript, text, shows };
}

/** Characters that steer terminals, in whatever can be said. */
const STEERING = "a\u001b[2J\u009b31m\r\nb\u202ec\u2028d";

describe("the transcript", () => {
  it("loses a message when its time is over", async () => {
    const { alice, toAlice } = await world.pair();
    const { room, shows, text } = await screen(alice, "bob");
    await toAlice.setTimer(500).accepted;
    const { id, accepted } = toAlice.send({ text: "gone soon" });
    await accepted;
    await shows("bob: gone soon ⏱ 0.5 seconds");
    await room.conversation.markRead([id]);
    await until(async () => !text().includes("gone soon"), "the end of the message");
    expect(text()).toContain("· bob has messages from here on vanish 0.5 seconds after they were read");
  });

  it("shows what a message became while its names were looked up", async () => {
    const { alice, toAlice } = await world.pair();
    const room = await directRoom(alice, "bob");
    const names = new Names(alice, "alice");
    const [asked, told] = [deferred<void>(), deferred<void>()];
    const meet = names.meet.bind(names);
    names.meet = async (...args) => {
      asked.resolve();
      await told.promise;
      return meet(...args);
    };
    const transcript = new Transcript(room, names, () => undefined);
    void transcript.follow(leaving.signal);
    const { id, accepted } = toAlice.send({ text: "befoer" });
    await accepted;
    await asked.promise;
    const changed = nextEvent(room.conversation, "changed");
    await toAlice.edit(id, { text: "before" }).accepted;
    await changed;
    told.resolve();
    await until(async () => transcript.lines.some(({ text }) => text.includes("before")), "the edit");
    expect(transcript.lines.map(({ text }) => text).join()).not.toContain("befoer");
  });

  it("says who is a bot", async () => {
    const [alice, helper] = await Promise.all([world.client("alice"), world.client("helper", { accountRole: "bot" })]);
    const { toBob: toAlice } = await befriend(helper, alice);
    const { shows } = await screen(alice, "helper");
    await toAlice.send({ text: "at your service" }).accepted;
    await shows("helper [bot]: at your service");
  });

  it("counts messages, keeps their numbers, and means them by these", async () => {
    const { alice, toAlice } = await world.pair();
    const { shows, transcript } = await screen(alice, "bob");
    for (const text of ["one", "two"]) await toAlice.send({ text }).accepted;
    await shows("two");
    const two = transcript.numbered(2);
    expect(two).toMatchObject({ kind: "text", text: "two" });
    const one = transcript.numbered(1);
    if (one !== undefined) await toAlice.delete(one.messageId).accepted;
    await shows("bob: (deleted)");
    expect(transcript.numbered(1)).toBeUndefined();
    expect(transcript.numbered(2)).toBe(two);
  });

  it("shows nothing that could steer the terminal, whatever is said", async () => {
    const { alice, bob, toAlice } = await world.pair();
    const { shows, text } = await screen(alice, "bob");
    const file = await bob.attachments.upload(new TextEncoder().encode("x"), { name: STEERING });
    const page = { url: `https://a.example/${STEERING}`, title: STEERING };
    for (const message of [
      { text: STEERING, preview: page },
      { attachments: [file, file], text: STEERING },
      { attachments: [file] },
      { location: { latitude: 1, longitude: 2, label: STEERING } },
      { card: { name: STEERING, entries: [{ kind: "email", value: STEERING }] } },
      { poll: { question: STEERING, options: [STEERING, "no"] } },
    ] as const)
      await toAlice.send(message).accepted;
    await toAlice.send({ text: "the end" }).accepted;
    await shows("the end");
    for (const line of text().split("\n")) expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    // One row for each message, the page, two files below words, the entry of the card and the options.
    expect(text().split("\n")).toHaveLength(7 + 1 + 2 + 1 + 2);
  });
});
