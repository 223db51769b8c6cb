import { TOKENS_PER_BATCH } from "@sotto/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { setToNoon } from "../../support/franking/noon.js";
import { itemsUntil, World } from "../../support/world.js";

const worlds: World[] = [];
async function open(...settings: Parameters<typeof World.open>): Promise<World> {
  const world = await World.open(...settings);
  worlds.push(world);
  return world;
}
// A desk that is away gives no token of the next day.
let setBack: () => void;
beforeEach(() => {
  setBack = setToNoon();
});
afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()));
  setBack();
});

/** The desk inside the relay ends; the relay goes on. */
async function endDesk(world: World): Promise<void> {
  const { desk } = world.running;
  if (desk === undefined) throw new Error("this relay has no desk inside");
  await desk.close();
}

describe("tokens", () => {
  it("keep people talking while the desk is away, over a restart too: the last one is used until its epoch ends", async () => {
    const world = await open();
    const { alice, toBob, toAlice } = await world.pair();
    await endDesk(world);
    const said = TOKENS_PER_BATCH + 4;
    for (let index = 1; index <= said; index++) await (await toBob.send({ text: `t${index}` })).accepted;
    const { counts, tokensLeft } = await alice.debugBundle();
    expect(tokensLeft).toBe(0);
    expect(counts.tokensReused).toBeGreaterThanOrEqual(4);

    await alice.close();
    const again = await world.client("alice");
    const conversation = await again.openDM({ userId: "bob" });
    await (await conversation.send({ text: "still here" })).accepted;
    const items = await itemsUntil(toAlice, (item) => item.kind === "text" && item.text === "still here");
    const texts = items.flatMap((item) => (item.kind === "text" ? [item.text] : []));
    expect(texts).toEqual([...Array.from({ length: said }, (_, index) => `t${index + 1}`), "still here"]);
  });

  it("are waited for by who has none: nothing leaves until the desk is there, and nothing is lost", async () => {
    const world = await open();
    const bob = await world.client("bob");
    await endDesk(world);
    const alice = await world.client("alice");
    const toBob = await alice.openDM({ userId: "bob" });
    const sent = await toBob.send({ text: "first" });
    let isAccepted = false;
    const accepted = sent.accepted.then(() => {
      isAccepted = true;
    });
    await waited(async () => ((await alice.debugBundle()).counts.franksAwaited ?? 0) > 0);
    expect(isAccepted).toBe(false);
    await world.stopRelay();
    await world.startRelay();
    await accepted;
    for await (const request of bob.requests()) {
      expect(request.from.accountId).toBe(alice.accountId);
      break;
    }
  });

  it("come from the pinned realm, and from no other", async () => {
    const world = await open();
    const realm = world.running.desk?.fingerprint as string;
    const bob = await world.client("bob", { realm });
    const alice = await world.client("alice", { realm: `sha256:${"0".repeat(64)}` });
    const toBob = await alice.openDM({ userId: "bob" });
    const sent = await toBob.send({ text: "nobody vouches for this" });
    await expect(sent.accepted).rejects.toMatchObject({ code: "wrongRealm" });
    const toAlice = await bob.openDM({ accountId: alice.accountId });
    await (await toAlice.send({ text: "this one is pinned rightly" })).accepted;
    expect((await alice.debugBundle()).counts.realmRefused).toBeGreaterThan(0);
  });
});

/** Polls until something is true. */
async function waited(isTrue: () => Promise<boolean>): Promise<void> {
  await expect.poll(isTrue, { interval: 20 }).toBe(true);
}
