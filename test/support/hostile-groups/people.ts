/** Honest clients in a group, and what each of them shows: so that a test can say that an attack changed nothing. */

import { join } from "node:path";
import { type Client, createClient } from "@sotto/sdk";
import { type Group, type Item, levelStore } from "@sotto/sdk/node";
import { nodePlatform } from "../../../sdk/node/platform.js";
import { reads, until, wordsOf } from "../group-people.js";
import type { World } from "../world.js";
import { LyingRelay } from "./lying-relay.js";
import { SkippingClock } from "./skipping-clock.js";

/** A client whose way to the relay is a liar's, and whose clock a test may move. */
export interface Deceived {
  readonly client: Client;
  readonly relay: LyingRelay;
  readonly clock: SkippingClock;
  close(): Promise<void>;
}

/** Opens a client behind a relay of its own, honest until it is told to lie. */
export async function deceived(world: World, name: string): Promise<Deceived> {
  const relay = await LyingRelay.start(world);
  const clock = new SkippingClock();
  const store = levelStore(join(world.folder, "clients", name));
  const client = await createClient({ ...nodePlatform, clock }, { relay: relay.url, userId: name, store });
  const close = async () => {
    await client.close();
    await relay.close();
  };
  return { client, relay, clock, close };
}

/** What one client shows of a group. */
export interface GroupPicture {
  readonly title: string;
  readonly settings: unknown;
  readonly standing: Group["standing"];
  readonly members: readonly string[];
  readonly items: readonly string[];
}

/** What a client shows of a group now. */
export async function pictureOf(group: Group): Promise<GroupPicture> {
  const members = await group.members();
  return {
    title: group.title,
    settings: group.settings,
    standing: group.standing,
    members: members.map(({ accountId, standing, role }) => `${accountId} ${standing} ${role}`),
    items: (await group.latest(1_000)).map(lineOf),
  };
}

function lineOf(item: Item): string {
  const { atMs: _atMs, ...rest } = item;
  return JSON.stringify(rest, (_key, value) => (value instanceof Promise ? "a promise" : value));
}

/** What a client does by itself, at a time of its own: it sends, and asks the desk for tokens and about a stamp. */
const OF_ITSELF = /^(sends|senderKeys(Made|Shared)|tokensTaken$|stampsGood$)/;

/** What a client has counted since another count; what it does by itself is left out. */
export async function countsSince(
  client: Client,
  before: Readonly<Record<string, number>>,
): Promise<Readonly<Record<string, number>>> {
  const counts = await countsOf(client);
  const rose = Object.entries(counts).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
  return Object.fromEntries(rose.filter(([name, by]) => by !== 0 && !OF_ITSELF.test(name)));
}

/** What a client has counted so far. */
export async function countsOf(client: Client): Promise<Readonly<Record<string, number>>> {
  return (await client.debugBundle()).counts;
}

/** Everybody says something and reads what the others said: the group goes on. */
export async function goesOn(groups: readonly Group[]): Promise<void> {
  for (const [at, speaker] of groups.entries()) {
    const text = `still here, ${at} ${Date.now()}`;
    await speaker.send({ text }).accepted;
    for (const group of groups) await reads(group, text);
  }
}

/** Nothing of a group is undecryptable at this client. */
export async function readsEverything(group: Group): Promise<void> {
  await until(
    async () => !(await group.latest(1_000)).some(({ kind }) => kind === "undecryptable"),
    "a timeline without holes",
  );
}

/** The texts of a group in their order, without who said them. */
export async function textsOf(group: Group): Promise<readonly string[]> {
  return (await wordsOf(group)).map((word) => word.slice(word.indexOf(": ") + 2));
}
