/** Two people talk through a real relay: everything a direct conversation can do, on real parts. */

import { join } from "node:path";
import { SottoError } from "@sotto/protocol";
import { type Client, createClient, levelStore } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { itemsUntil, nextEvent, textsOf, World } from "../support/world.js";

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(async () => {
  await world.close();
});

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof SottoError)) throw new Error("expected a SottoError", { cause: error });
  return error.code;
}

describe("a conversation", () => {
  it("carries words both ways, accepted and delivered as two facts", async () => {
    const { toBob, toAlice } = await world.pair();
    const sent = toBob.send({ text: "hi" });
    expect((await sent.accepted).atMs).toBeGreaterThan(0);
    expect((await sent.delivered).atMs).toBeGreaterThan(0);
    await toAlice.send({ text: "hello" }).delivered;
    expect(textsOf(await itemsUntil(toBob, (_, all) => all.length === 2))).toEqual(["hi", "hello"]);
    expect(textsOf(await itemsUntil(toAlice, (_, all) => all.length === 2))).toEqual(["hi", "hello"]);
  });

  it("has the same id and safety number on both sides", async () => {
    const { toBob, toAlice } = await world.pair();
    await toBob.send({ text: "hi" }).delivered;
    expect(toBob.id).toBe(toAlice.id);
    const [mine, theirs] = [await toBob.safetyNumber(), await toAlice.safetyNumber()];
    expect(mine?.digits).toMatch(/^\d{60}$/);
    expect(mine?.digits).toBe(theirs?.digits);
    expect(await toBob.matchesScanned(theirs?.scannable ?? new Uint8Array(0))).toBe(true);
  });

  it("is one object however often and from wherever it is opened", async () => {
    const { alice, bob } = await world.pair();
    const opened = await Promise.all([
      ...Array.from({ length: 50 }, () => alice.openDM({ userId: "bob" })),
      ...Array.from({ length: 50 }, () => bob.openDM({ userId: "alice" })),
    ]);
    expect(new Set(opened.map(({ id }) => id)).size).toBe(1);
    expect(new Set(opened).size).toBe(2);
    await Promise.all(opened.map((dm, index) => dm.send({ text: `m${index}` }).delivered));
    expect(await alice.conversations()).toHaveLength(1);
    expect(await bob.conversations()).toHaveLength(1);
  });

  it("shows replies, edits, reactions, deletes, profiles and custom kinds alike on both sides", async () => {
    const { alice, toBob, toAlice } = await world.pair();
    const first = toBob.send({ text: "lunch?" });
    await first.delivered;
    await toAlice.send({ text: "yes", replyTo: first.id }).delivered;
    await toBob.edit(first.id, { text: "lunch at one?" }).delivered;
    await toAlice.react(first.id, "👍").delivered;
    const wrong = toBob.send({ text: "oops" });
    await wrong.delivered;
    await toBob.delete(wrong.id).delivered;
    await toBob.send({ custom: { schema: "org.example.vote", data: Uint8Array.of(1, 2) } }).delivered;
    await alice.setProfile({ name: "Alice" });

    for (const [conversation, mine] of [
      [toBob, true],
      [toAlice, false],
    ] as const) {
      const items = await itemsUntil(conversation, ({ kind }) => kind === "profile");
      expect(items.map(({ kind }) => kind)).toEqual([
        ...["text", "reply", "edit", "reaction", "deleted", "delete", "custom", "profile"],
      ]);
      expect(items[0]).toMatchObject({
        text: "lunch at one?",
        edited: "yes",
        direction: mine ? "sent" : "received",
        reactions: [{ emoji: "👍" }],
      });
      expect(items[1]).toMatchObject({ text: "yes", quoted: { messageId: first.id, state: "edited" } });
    }
    expect((await toAlice.peer()).name).toBe("Alice");
  });

  it("tells receipts and typing as events and keeps the furthest status", async () => {
    const { toBob, toAlice } = await world.pair();
    await toAlice.send({ text: "so that both hold each other's delivery key" }).delivered;
    const typing = nextEvent(toAlice, "typing");
    toBob.typing("started");
    expect(await typing).toMatchObject({ typing: "started" });

    const read = nextEvent<{ status: string }>(toBob, "receipt", ({ status }) => status === "read");
    const sent = toBob.send({ text: "read me" });
    await sent.delivered;
    await toAlice.markRead([sent.id]);
    expect(await read).toMatchObject({ messageId: sent.id, status: "read" });
    const [, item] = await itemsUntil(toBob, (_, all) => all.length === 2);
    expect(item).toMatchObject({ status: "read" });
  });

  it("refuses to edit or delete what somebody else wrote", async () => {
    const { toBob, toAlice } = await world.pair();
    const sent = toBob.send({ text: "mine" });
    await sent.delivered;
    expect(await refusal(toAlice.edit(sent.id, { text: "yours" }).accepted)).toBe("invalidArgument");
    expect(await refusal(toAlice.delete(sent.id).accepted)).toBe("invalidArgument");
    expect(() => toBob.send({ text: "" })).toThrow(SottoError);
    expect(() => toBob.send({ text: "x".repeat(40_000) })).toThrow(/tooLarge/);
  });
});

describe("the timeline", () => {
  it("resumes behind a cursor, exactly once, over a restart of the client", async () => {
    const { bob, toBob, toAlice } = await world.pair();
    for (const text of ["a", "b", "c"]) await toBob.send({ text }).delivered;
    const seen = await itemsUntil(toAlice, (_, all) => all.length === 2);
    await bob.close();
    await toBob.send({ text: "d" }).accepted;
    const again = await world.client("bob");
    const conversation = await again.openDM({ userId: "alice" });
    const rest = await itemsUntil(conversation, (item) => item.kind === "text" && item.text === "d", seen[1]?.cursor);
    expect(textsOf(rest)).toEqual(["c", "d"]);
  });
});

describe("what goes wrong", () => {
  it("keeps what was sent while the relay was away, over a restart of the sender", async () => {
    const { alice, toBob, toAlice } = await world.pair();
    await toBob.send({ text: "before" }).delivered;
    await world.stopRelay();
    const waiting = toBob.send({ text: "while away" });
    const item = await itemsUntil(toBob, ({ kind }, all) => kind === "text" && all.length === 2);
    expect(item[1]).toMatchObject({ text: "while away", status: "pending" });
    await alice.close();
    expect(await refusal(waiting.accepted)).toBe("closed");
    await world.startRelay();
    await world.client("alice");
    const items = await itemsUntil(toAlice, (_, all) => all.length === 2);
    expect(textsOf(items)).toEqual(["before", "while away"]);
  });

  it("takes a message back that did not leave yet", async () => {
    const { alice, toBob, toAlice } = await world.pair();
    await toBob.send({ text: "before" }).delivered;
    // Until she notices that the relay is gone, what she says is on its way.
    const gone = nextEvent<{ state: string }>(alice, "state", ({ state }) => state !== "ready");
    await world.stopRelay();
    await gone;
    const regretted = toBob.send({ text: "regretted" });
    await itemsUntil(toBob, (_, all) => all.length === 2);
    expect(await regretted.cancel()).toBe(true);
    expect(await refusal(regretted.accepted)).toBe("cancelled");
    await world.startRelay();
    await toBob.send({ text: "after" }).delivered;
    expect(await regretted.cancel()).toBe(false);
    expect(textsOf(await itemsUntil(toAlice, (_, all) => all.length === 2))).toEqual(["before", "after"]);
  });

  it("says when a peer's identity changed, and waits for the user if it had been verified", async () => {
    const { alice, bob, toBob } = await world.pair();
    await toBob.send({ text: "hi" }).delivered;
    const before = await toBob.safetyNumber();
    expect(await refusal(toBob.markVerified("0".repeat(60)))).toBe("identityChanged");
    await toBob.markVerified(before?.digits);
    expect((await toBob.safetyNumber())?.verification).toBe("verified");
    await bob.close();

    const store = levelStore(join(world.folder, "clients", "bob-anew"));
    const anew: Client = await createClient({ relay: world.url, userId: "bob", store, existingAccount: "reset" });
    const changed = nextEvent(alice, "keychange");
    await (await anew.openDM({ userId: "alice" })).send({ text: "new phone" }).accepted;
    await changed;
    const items = await itemsUntil(toBob, (item) => item.kind === "text" && item.text === "new phone");
    expect(items.map(({ kind }) => kind)).toEqual(["text", "keychange", "text"]);
    expect((await toBob.safetyNumber())?.digits).not.toBe(before?.digits);

    const held = toBob.send({ text: "who are you?" });
    expect(await refusal(held.accepted)).toBe("identityChanged");
    expect(await refusal(toBob.trustIdentity(before?.digits))).toBe("identityChanged");
    await toBob.trustIdentity((await toBob.safetyNumber())?.digits);
    await held.retry();
    const conversation = await anew.openDM({ userId: "alice" });
    const received = await itemsUntil(conversation, (item) => item.kind === "text" && item.direction === "received");
    expect(textsOf(received)).toContain("who are you?");
    await anew.close();
  });

  it("tells a second process, a wrong user and an unknown peer what to do", async () => {
    const { alice } = await world.pair();
    expect(await refusal(world.client("alice"))).toBe("storeInUse");
    expect(await refusal(alice.openDM({ userId: "nobody" }))).toBe("unknownUser");
    await alice.close();
    const store = levelStore(join(world.folder, "clients", "alice"));
    expect(await refusal(createClient({ relay: world.url, userId: "mallory", store }))).toBe("wrongAccount");
    const fresh = levelStore(join(world.folder, "clients", "alice-elsewhere"));
    expect(await refusal(createClient({ relay: world.url, userId: "alice", store: fresh }))).toBe("accountExists");
  });

  it("binds a folder to nothing before the first registration", async () => {
    const store = () => levelStore(join(world.folder, "clients", "dora"));
    const nowhere = "http://127.0.0.1:9";
    expect(await refusal(createClient({ relay: nowhere, userId: "dora", store: store() }))).toBe("offline");
    const dora = await createClient({ relay: world.url, userId: "dora", store: store() });
    expect(dora.deviceId).toBe(1);
    await dora.close();
    expect(await refusal(createClient({ relay: nowhere, userId: "dora", store: store() }))).toBe("wrongAccount");
  });

  it("needs the passphrase, and changes nothing without it", async () => {
    const folder = join(world.folder, "clients", "carol");
    const open = (passphrase: string) =>
      createClient({ relay: world.url, userId: "carol", store: levelStore(folder, { passphrase }) });
    await (await open("correct horse")).close();
    expect(await refusal(open("wrong horse"))).toBe("wrongKey");
    const carol = await open("correct horse");
    expect(carol.accountId).toMatch(/^[0-9a-f-]{36}$/);
    await carol.close();
  });
});
