/** What a client sends, and when: never before its ratchet is on disk, never ahead of what was said before. */

import { join } from "node:path";
import type { FrameToClient, FrameToRelay } from "@sotto/protocol";
import { type Client, createClient, type DirectConversation } from "@sotto/sdk";
import { levelStore } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Conditions } from "../../support/crash/conditions.js";
import { eagerPlatform } from "../../support/crash/eager-platform.js";
import { watchedPlatform, watchedStore } from "../../support/crash/watched-ports.js";
import { befriend, itemsUntil, textsOf, World } from "../../support/world.js";

/** Alice, seen through her ports. Each hook may be replaced while she runs. */
class Watched {
  readonly conditions = new Conditions();
  readonly sent: FrameToRelay["type"][] = [];
  readonly received: FrameToClient["type"][] = [];
  sending: (frame: FrameToRelay) => "send" | "drop" = () => "send";
  writing: (keys: readonly string[]) => Promise<void> | void = () => undefined;

  async open(world: World): Promise<Client> {
    const platform = watchedPlatform(eagerPlatform(), {
      sending: (frame) => this.sending(frame),
      sent: ({ type }) => {
        this.sent.push(type);
        this.conditions.look();
      },
      receiving: ({ type }) => {
        this.received.push(type);
        // The client hears it first.
        setImmediate(() => this.conditions.look());
      },
    });
    const store = watchedStore(levelStore(join(world.folder, "clients", "alice")), {
      writing: (keys) => this.writing(keys),
    });
    return createClient(platform, {
      relay: world.url,
      relayRoot: world.running.rootFingerprint,
      userId: "alice",
      store,
    });
  }

  /** How many frames of a type were received. */
  count(type: FrameToClient["type"]): number {
    return this.received.filter((one) => one === type).length;
  }
}

/** The number of the send that begins the outbox's third window after a failure: one and two went before. */
const FIRST_OF_FOUR = 4;

const holdsRatchet = (keys: readonly string[]) => keys.some((key) => key.startsWith("session/"));
/** The ratchet of something that is said: receipts of the peer, which move it too, take the position in the mailbox along. */
const isToSend = (keys: readonly string[]) => holdsRatchet(keys) && !keys.includes("inbox");

let world: World;
let watched: Watched;
let alice: Client;
let toBob: DirectConversation;
let toAlice: DirectConversation;
beforeEach(async () => {
  world = await World.open();
  watched = new Watched();
  alice = await watched.open(world);
  const bob = await world.client("bob");
  ({ toBob, toAlice } = await befriend(alice, bob));
  await toBob.send({ text: "before" }).delivered;
  // With an answer both have each other's delivery key: from here on everything is sealed, over one connection.
  await toAlice.send({ text: "answer" }).delivered;
  await toBob.send({ text: "ready" }).delivered;
});
afterEach(async () => {
  await alice.close();
  await world.close();
});

describe("a ciphertext", () => {
  it("does not leave while the commit of its ratchet is pending, and leaves once it is durable", async () => {
    let release = () => {};
    let isHeld = false;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    watched.writing = (keys) => {
      if (!isToSend(keys)) return undefined;
      isHeld = true;
      watched.conditions.look();
      return gate;
    };
    const sendsBefore = watched.sent.filter((type) => type === "send").length;
    const handle = toBob.send({ text: "only after the commit" });
    await watched.conditions.until(() => isHeld);

    // Round trips on the same client show that time passes and its sockets work.
    for (let trip = 1; trip <= 3; trip++) {
      const answers = watched.count("failed");
      const asked = alice.openDM({ userId: `nobody-${trip}` }).catch(() => undefined);
      await watched.conditions.until(() => watched.count("failed") > answers);
      await asked;
    }
    expect(watched.sent.filter((type) => type === "send")).toHaveLength(sendsBefore);

    release();
    await handle.delivered;
    expect(watched.sent.filter((type) => type === "send").length).toBeGreaterThan(sendsBefore);
  });
});

describe("what is said after a message whose send was cut off", () => {
  it("does not overtake it on the next connection", async () => {
    // Said while the relay is away, so that many wait. Then the outbox sends one, two, four, eight of them at once.
    await world.stopRelay();
    const texts = Array.from({ length: 15 }, (_, index) => `m${index}`);
    const handles = texts.map((text) => toBob.send({ text }));
    await itemsUntil(toBob, (item) => item.kind === "text" && item.text === texts.at(-1));

    const [cutAt, heldFrom] = [FIRST_OF_FOUR, 2];
    let sends = 0;
    let ratchetWrites = 0;
    let welcomesBeforeCut: number | undefined;
    watched.sending = ({ type }) => {
      if (type !== "send") return "send";
      sends += 1;
      if (sends !== cutAt) return "send";
      welcomesBeforeCut = watched.count("welcome");
      return "drop";
    };
    // The ratchets of those behind it become durable only when the next connection is there.
    watched.writing = (keys) => {
      if (sends < cutAt - 1 || !isToSend(keys)) return undefined;
      ratchetWrites += 1;
      if (ratchetWrites < heldFrom) return undefined;
      return watched.conditions.until(
        () => welcomesBeforeCut !== undefined && watched.count("welcome") > welcomesBeforeCut,
      );
    };
    await world.startRelay();
    await Promise.all(handles.map(({ delivered }) => delivered));
    const items = await itemsUntil(toAlice, (item) => item.kind === "text" && item.text === texts.at(-1));
    expect(welcomesBeforeCut).toBeDefined();
    expect(ratchetWrites).toBeGreaterThanOrEqual(heldFrom);
    expect(textsOf(items)).toEqual(["before", "answer", "ready", ...texts]);
  });
});
