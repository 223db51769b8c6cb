import type { Engine } from "@sotto/sdk";
import { nodePlatform } from "@sotto/sdk/node";
import { beforeAll, describe, expect, it } from "vitest";
import { fixtureOf, type People } from "../../contract/engine/fixture.js";
import { copyOf, meet, Speaker } from "../../contract/engine/group-talk.js";
import { KeyWatch } from "./key-watch.js";

let watch: KeyWatch;
let engine: Engine;
const fixture = fixtureOf(() => engine);

beforeAll(async () => {
  const inner = await nodePlatform.engine();
  watch = new KeyWatch();
  engine = watch.engine(inner);
});

async function people(): Promise<People> {
  watch = new KeyWatch();
  engine = watch.engine(await nodePlatform.engine());
  return fixture.connected();
}

/** Two texts under one message key: the second from the state before the first. */
async function repeat({ alice, bob }: People): Promise<readonly [Uint8Array, Uint8Array]> {
  const before = alice.sessionWith(bob);
  const first = await alice.send(bob, "one");
  if (before !== undefined) {
    alice.apply([{ kind: "session", address: bob.address, record: before }]);
  }
  return [first, await alice.send(bob, "two")];
}

/** Alice with a key of hers that bob and carol hold. */
async function speaking(): Promise<People & { readonly speaker: Speaker }> {
  const all = await people();
  const speaker = new Speaker(all.engine, all.alice);
  await meet(all.alice, [all.carol]);
  await speaker.handTo(all.bob, all.carol);
  return { ...all, speaker };
}

describe("the watch over sender keys", () => {
  it("finds nothing where a key moves on, whoever opens what, and how often it leaves", async () => {
    const { bob, carol, speaker } = await speaking();
    for (const text of ["one", "two"]) {
      const message = await speaker.say([bob, carol], text);
      watch.left(message);
      watch.left(message);
      for (const member of [bob, carol]) await member.receive(copyOf(message, member));
    }
    expect((await watch.findings()).repeated).toEqual([]);
  });

  it("finds a message key that two different texts left under, though nobody opened them", async () => {
    const { bob, speaker } = await speaking();
    const before = await speaker.encrypt([bob], "one");
    watch.left(before.message);
    watch.left(await speaker.say([bob], "two"));
    expect((await watch.findings()).repeated).toEqual(["device 1 to a group, iteration 0"]);
  });

  it("finds it when two members open one each", async () => {
    const { bob, carol, speaker } = await speaking();
    const before = await speaker.encrypt([bob, carol], "one");
    await bob.receive(copyOf(before.message, bob));
    await carol.receive(copyOf(await speaker.say([bob, carol], "two"), carol));
    expect((await watch.findings()).repeated).toEqual(["device 1 to a group, a senderKey message, counter 0"]);
  });

  it("does not mind what never left, nor one text that is encrypted again", async () => {
    const { bob, carol, speaker } = await speaking();
    await speaker.encrypt([bob, carol], "never left");
    const { message: first } = await speaker.encrypt([bob, carol], "one");
    const second = await speaker.say([bob, carol], "one");
    for (const message of [first, second]) watch.left(message);
    await bob.receive(copyOf(first, bob));
    await carol.receive(copyOf(second, carol));
    expect((await watch.findings()).repeated).toEqual([]);
  });
});

describe("the watch over message keys", () => {
  it("finds nothing where sessions go on as they should", async () => {
    const { alice, bob } = await people();
    for (const text of ["one", "two", "three"]) {
      await bob.receive(await alice.send(bob, text));
      await alice.receive(await bob.send(alice, text));
    }
    expect(await watch.findings()).toEqual({ repeated: [], watched: 8, unread: 0 });
  });

  it("finds a key that was used twice when the recipient sees both", async () => {
    const all = await people();
    const [first, second] = await repeat(all);
    await all.bob.receive(first);
    await expect(all.bob.receive(second)).rejects.toThrow();
    expect((await watch.findings()).repeated).toHaveLength(1);
  });

  it("finds it when nobody opens what left", async () => {
    const all = await people();
    for (const sealed of await repeat(all)) watch.left(sealed);
    expect((await watch.findings()).repeated).toHaveLength(1);
  });

  it("does not mind what never left", async () => {
    const all = await people();
    const [first] = await repeat(all);
    watch.left(first);
    expect(await watch.findings()).toMatchObject({ repeated: [], unread: 0 });
  });

  it("does not mind one ciphertext that comes twice", async () => {
    const { alice, bob } = await people();
    const sealed = await alice.send(bob, "one");
    await bob.receive(sealed);
    await expect(bob.receive(sealed)).rejects.toThrow();
    expect((await watch.findings()).repeated).toEqual([]);
  });
});
