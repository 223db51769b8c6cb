/** A real relay and real clients for scenarios: real sockets, real LevelDB, real libsignal, in folders that go away. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AccountId } from "@sotto/protocol";
import { type Log, type RunningRelay, type Settings, settingsFrom, startRelay } from "@sotto/relay";
import {
  type Client,
  type ClientOptions,
  createClient,
  type DirectConversation,
  type Item,
  levelStore,
  type Whom,
} from "@sotto/sdk/node";
import { freePort } from "./free-port.js";

/** A relay log that says nothing; scenarios that read the log bring their own. */
export const silentLog: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** One scenario's relay, clients and folder. */
export class World {
  private relay: RunningRelay | undefined;
  private port: number | undefined;
  private readonly clients = new Set<Client>();

  private constructor(
    /** Everything of this scenario lies below it. */
    readonly folder: string,
    private readonly settings: Partial<Settings>,
    private readonly log: Log,
  ) {}

  /** Makes a folder and starts a development relay on a free port. */
  static async open(settings: Partial<Settings> = {}, log: Log = silentLog): Promise<World> {
    const world = new World(await mkdtemp(join(tmpdir(), "sotto-")), settings, log);
    await world.startRelay();
    return world;
  }

  /** The relay's address; the same over restarts. */
  get url(): string {
    return `http://localhost:${this.port}`;
  }

  /** The running relay. */
  get running(): RunningRelay {
    if (this.relay === undefined) throw new Error("the relay is stopped");
    return this.relay;
  }

  /** Starts the relay, on the port it had before. */
  async startRelay(): Promise<RunningRelay> {
    this.port ??= await freePort();
    const settings = settingsFrom({
      development: true,
      limiterScale: 1_000,
      dataDir: join(this.folder, "relay"),
      ...this.settings,
      port: this.port,
    });
    this.relay = await startRelay({ settings, log: this.log });
    return this.relay;
  }

  /** Stops the relay gracefully. */
  async stopRelay(): Promise<void> {
    await this.relay?.close();
    this.relay = undefined;
  }

  /** Opens or registers a user's client. A second call after closing the first opens the same store. */
  async client(userId: string, options: Partial<ClientOptions> = {}): Promise<Client> {
    const store = levelStore(join(this.folder, "clients", userId));
    const client = await createClient({ relay: this.url, userId, store, ...options });
    this.clients.add(client);
    return client;
  }

  /** Two clients of people who accepted each other, and their conversation seen from both sides; nothing was said yet. */
  async pair(one = "alice", other = "bob"): Promise<Pair> {
    const [alice, bob] = await Promise.all([this.client(one), this.client(other)]);
    return { alice, bob, ...(await befriend(alice, bob, { userId: other }, { userId: one })) };
  }

  /** Closes clients and relay and deletes the folder. */
  async close(): Promise<void> {
    await Promise.all([...this.clients].map((client) => client.close()));
    await this.stopRelay();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Lets one ask and the other accept, without words: both are contacts then, and their timelines are empty. */
export async function befriend(
  alice: Client,
  bob: Client,
  toOther: Whom = { accountId: bob.accountId },
  toOne: Whom = { accountId: alice.accountId },
): Promise<Pick<Pair, "toBob" | "toAlice">> {
  const toBob = await alice.openDM(toOther);
  const accepted = nextEvent<{ conversation: DirectConversation }>(
    alice,
    "contact",
    ({ conversation }) => conversation === toBob,
  );
  await toBob.requestContact();
  await acceptFrom(bob, alice.accountId);
  await accepted;
  return { toBob, toAlice: await bob.openDM(toOne) };
}

/** Accepts the request of an account, once it came. */
export async function acceptFrom(client: Client, account: AccountId): Promise<DirectConversation> {
  for await (const request of client.requests()) {
    if (request.from.accountId === account) return request.accept();
  }
  throw new Error("the client closed before the request came");
}

/** Two people. */
export interface Pair {
  readonly alice: Client;
  readonly bob: Client;
  readonly toBob: DirectConversation;
  readonly toAlice: DirectConversation;
}

/** Reads items from a conversation's beginning until one fits; answers all that were read. */
export async function itemsUntil(
  conversation: DirectConversation,
  fits: (item: Item, items: readonly Item[]) => boolean,
  after?: Item["cursor"],
): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of conversation.messages({ after })) {
    items.push(item);
    if (fits(item, items)) break;
  }
  return items;
}

/** The words of text items, in order. */
export function textsOf(items: readonly Item[]): readonly string[] {
  return items.flatMap((item) => (item.kind === "text" ? [item.text] : []));
}

/** Resolves with the next event of a type that fits. */
export function nextEvent<E>(
  target: {
    addEventListener(type: never, listener: (event: never) => void): void;
    removeEventListener(type: never, listener: (event: never) => void): void;
  },
  type: string,
  fits: (event: E) => boolean = () => true,
): Promise<E> {
  return new Promise((resolve) => {
    const listener = (event: E) => {
      if (!fits(event)) return;
      target.removeEventListener(type as never, listener as never);
      resolve(event);
    };
    target.addEventListener(type as never, listener as never);
  });
}
