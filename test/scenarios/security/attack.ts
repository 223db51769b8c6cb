/** Two people who talk, and somebody registered beside them who keeps no rule. What the victim shows is told apart before and after. */

import { join } from "node:path";
import { type Content, deriveDeliveryKey } from "@sotto/protocol";
import type { Client, Item } from "@sotto/sdk/node";
import { expect } from "vitest";
import { loadKeys } from "../../../server/keys/key-folder.js";
import { createSignatures } from "../../../server/keys/signatures.js";
import type { Signatures } from "../../../server/ports.js";
import {
  contentOf,
  type PeerDevice,
  payloadOf,
  RawDevice,
  type Said,
  type SendOver,
} from "../../support/raw-client/index.js";
import { acceptFrom, nextEvent, type Pair, World } from "../../support/world.js";

/** Ciphertexts delivered without waiting for the answers in between. */
const AT_ONCE = 64;
/** What a client counts of what it does by itself, at a time of its own: it sends, and asks the desk for tokens and about a stamp. */
const OF_ITSELF = /^(sends|tokensTaken$|stampsGood$)/;

/** What a client shows and what it has counted. */
export interface Picture {
  readonly items: readonly Item[];
  readonly counts: Readonly<Record<string, number>>;
}

/** What changed between two pictures: new or altered items, and counts of the inbox that rose. */
export interface Difference {
  readonly texts: readonly string[];
  readonly kinds: readonly Item["kind"][];
  readonly altered: readonly Item[];
  readonly counts: Readonly<Record<string, number>>;
}

/** The picture of a client now. Undecryptable items are told by their reason; their promise is no part of the picture. */
export async function pictureOf(client: Client): Promise<Picture> {
  const items: Item[] = [];
  for (const conversation of await client.conversations()) items.push(...(await conversation.latest(1_000)));
  return { items, counts: (await client.debugBundle()).counts };
}

/** What a picture shows that an earlier one did not. */
export function difference(before: Picture, after: Picture): Difference {
  const key = (item: Item) => `${item.from} ${item.cursor} ${item.direction} ${item.atMs}`;
  const known = new Map(before.items.map((item) => [key(item), item]));
  const fresh = after.items.filter((item) => !known.has(key(item)));
  const altered = after.items.filter((item) => known.has(key(item)) && !isSame(item, known.get(key(item)) as Item));
  const rose = Object.entries(after.counts).map(([name, count]) => [name, count - (before.counts[name] ?? 0)] as const);
  return {
    texts: fresh.flatMap((item) => (item.kind === "text" ? [item.text] : [])),
    kinds: fresh.map(({ kind }) => kind),
    altered,
    counts: Object.fromEntries(rose.filter(([name, by]) => by !== 0 && !OF_ITSELF.test(name))),
  };
}

function isSame(one: Item, other: Item): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** A device as a contact that speaks by hand addresses it, and what lets it write there sealed. */
export interface Reached {
  readonly device: PeerDevice;
  readonly deliveryKey: Uint8Array;
}

/** Lets a device that speaks by hand ask a client for contact, and the client accept. */
export async function introduce(raw: RawDevice, client: Client): Promise<Reached> {
  const device = await raw.meet(client.accountId);
  const asking = await raw.seal(device, { type: "contact", profileKey: raw.profileKey });
  expect(await raw.deliver(device, asking)).toMatchObject({ type: "accepted" });
  await acceptFrom(client, raw.account);
  const answer = await raw.receive();
  if (answer.type !== "contact") throw new Error(`expected a contact, not ${answer.type}`);
  return { device, deliveryKey: deriveDeliveryKey(answer.profileKey) };
}

/** Alice and Bob talk; Mallory is a contact of Bob's, and speaks the protocol by hand. */
export class Attack {
  private constructor(
    readonly world: World,
    readonly pair: Pair,
    readonly mallory: RawDevice,
    /** Bob's device, as Mallory addresses it. */
    readonly bob: PeerDevice,
    /** What Bob gave to Mallory, as to every contact. */
    private readonly deliveryKey: Uint8Array,
    /** What a relay that lies could sign. */
    readonly relayKeys: Signatures,
  ) {}

  /** Opens the scenario; one honest message went from Alice to Bob. */
  static async open(settings: Parameters<typeof World.open>[0] = {}): Promise<Attack> {
    const world = await World.open(settings);
    const pair = await world.pair();
    await pair.toBob.send({ text: "before" }).delivered;
    const mallory = await RawDevice.register(world.url, "mallory");
    const keys = await loadKeys(join(world.folder, "relay"));
    if (keys === undefined) throw new Error("the relay has no keys");
    const { device, deliveryKey } = await introduce(mallory, pair.bob);
    return new Attack(world, pair, mallory, device, deliveryKey, createSignatures(keys));
  }

  /** A ciphertext of Mallory's to Bob; `lies` replace what an honest header says. */
  sealed(said: Said, lies: Partial<Content> = {}): Promise<Uint8Array> {
    return this.mallory.seal(this.bob, payloadOf(contentOf(this.mallory, this.bob.account, said, lies)));
  }

  /** Puts ciphertexts into Bob's mailbox, in order; the relay accepts every one, for it cannot tell. */
  async deliver(bodies: readonly Uint8Array[], sendOver: SendOver = {}): Promise<void> {
    const over = { deliveryKey: this.deliveryKey, ...sendOver };
    for (let first = 0; first < bodies.length; first += AT_ONCE) {
      const chunk = bodies.slice(first, first + AT_ONCE);
      const answers = await Promise.all(chunk.map((body) => this.mallory.deliver(this.bob, body, over)));
      for (const answer of answers) expect(answer).toMatchObject({ type: "accepted" });
    }
  }

  /** Says something honestly and waits until Bob's client shows it: everything delivered before was then handled. */
  async sayHonestly(text: string): Promise<void> {
    const isIt = ({ item }: { item: Item }) => item.kind === "text" && item.text === text;
    const arrived = nextEvent<{ item: Item }>(this.pair.bob, "message", isIt);
    await this.deliver([await this.sealed({ kind: "text", text })]);
    await arrived;
  }

  /** Delivers, says something honest behind it, and answers what changed in Bob's client. */
  async changedBy(bodies: readonly Uint8Array[], over: SendOver = {}): Promise<Difference> {
    const before = await pictureOf(this.pair.bob);
    await this.deliver(bodies, over);
    await this.sayHonestly("an honest word");
    return difference(before, await pictureOf(this.pair.bob));
  }

  /** Alice and Bob go on talking in both directions. */
  async expectConversationGoesOn(): Promise<void> {
    await this.pair.toBob.send({ text: "still there?" }).delivered;
    await this.pair.toAlice.send({ text: "still here" }).delivered;
  }

  async close(): Promise<void> {
    await this.mallory.close();
    await this.world.close();
  }
}
