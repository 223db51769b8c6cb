/** What a client sends, and when: never before its ratchet is on disk, never ahead of what was said before. */

import { join } from "node:path";
import type { FrameToClient, FrameToRelay } from "@sotto/protocol";
import { type Client, createClient, type DirectConversation } from "@sotto/sdk";
import { levelStore, nodePlatform } from "@sotto/sdk/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Conditions } from "../../support/crash/conditions.js";
import { watchedPlatform, watchedStore } from "../../support/crash/watched-ports.js";
import { itemsUntil, textsOf, World } from "../../support/world.js";

/** Alice, seen through her ports. Each hook may be replaced while she runs. */
class Watched {
  readonly conditions = new Conditions();
  readonly sent: FrameToRelay["type"][] = [];
  readonly received: FrameToClient["type"][] = [];
  sending: (frame: FrameToRelay) => "send" | "drop" = () => "send";
  writing: (keys: readonly string[]) => Promise<void> | void = () => undefined;

  async open(world: World): Promise<Client> {
    const platform = watchedPlatform(nodePlatform, {
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

const holdsRatchet = (keys: readonly string[]) => keys.some((key) => key.startsWith("session/"));

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
  [toBob, toAlice] = await Promise.all([alice.openDM({ userId: "bob" }), bob.openDM({ userId: "alice" })]);
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
      if (!holdsRatchet(keys)) return undefined;
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
    let ratchetWrites = 0;
    let isCut = false;
    watched.sending = ({ type }) => {
      if (type !== "send" || isCut) return "send";
      isCut = true;
      return "drop";
    };
    const welcomes = watched.count("welcome");
    // The ratchets of all but the first become durable only when the next connection is there.
    watched.writing = (keys) => {
      if (!holdsRatchet(keys)) return undefined;
      ratchetWrites += 1;
      if (ratchetWrites === 1) return undefined;
      return watched.conditions.until(() => watched.count("welcome") > welcomes);
    };
    const texts = Array.from({ length: 12 }, (_, index) => `m${index}`);
    await Promise.all(texts.map((text) => toBob.send({ text }).delivered));
    const items = await itemsUntil(toAlice, (item) => item.kind === "text" && item.text === texts.at(-1));
    expect(isCut).toBe(true);
    expect(textsOf(items)).toEqual(["before", "answer", "ready", ...texts]);
  });
});
