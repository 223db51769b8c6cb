/** People of one host at one relay, and the ways they can stand to each other. */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { SottoError } from "@sotto/protocol";
import {
  type Client,
  type ClientOptions,
  type GroupInvitation,
  levelStore,
  type MessageRequest,
  PolicyDeniedError,
} from "@sotto/sdk/node";
import { OwnAccount } from "../../../sdk/core/account/own-account.js";
import { SealedStore } from "../../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../../sdk/node/platform.js";
import { befriend, nextEvent, World } from "../../support/world.js";
import { GrantingHost } from "./granting-host.js";

/** One person: the host's name for them, and their client. */
export interface Person {
  readonly name: string;
  readonly client: Client;
}

/** A relay and the host it trusts. */
export class Town {
  private constructor(
    readonly world: World,
    readonly host: GrantingHost,
  ) {}

  /** Opens a relay that takes mutual follows as a ground, and refuses without making anybody wait. */
  static async open(settings: Parameters<typeof World.open>[0] = {}): Promise<Town> {
    const host = new GrantingHost();
    const rules = { ...host.settings, grantBases: ["mutual_follow"], refusalDelay: 1, ...settings };
    return new Town(await World.open(rules), host);
  }

  /** A new person, logged in at the host; with the same name again, the same one. */
  async person(name = randomBytes(6).toString("hex"), options: Partial<ClientOptions> = {}): Promise<Person> {
    const auth = () => this.host.token(name);
    const client = await this.world.client(name, { auth, ...options });
    if (client.state !== "ready") await nextEvent<{ state: string }>(client, "state", ({ state }) => state === "ready");
    return { name, client };
  }

  /** A new person for whom the host vouches to everybody. */
  async vouchedFor(): Promise<Person> {
    const name = randomBytes(6).toString("hex");
    return this.person(name, { grant: ({ to }) => this.host.grant(name, to.userId ?? "") });
  }

  /** Two who accepted each other. */
  async contacts(): Promise<readonly [Person, Person]> {
    const [one, other] = await Promise.all([this.person(), this.person()]);
    await befriend(one.client, other.client, { userId: other.name }, { userId: one.name });
    return [one, other];
  }

  /** Gives a person another profile key that no contact is told of, as if every order to hand it over were lost. */
  async rotateUnheard({ name, client }: Person): Promise<Person> {
    await client.close();
    const store = await SealedStore.open(levelStore(join(this.world.folder, "clients", name)), nodePlatform);
    const account = await OwnAccount.load(store);
    if (account === undefined) throw new Error("nobody registered in this store");
    const { profileKeyVersion } = account.current;
    const profileKey = new Uint8Array(randomBytes(32));
    await store.commit([account.change({ profileKey, profileKeyVersion: profileKeyVersion + 1 })]);
    await store.close();
    return this.person(name);
  }

  close(): Promise<void> {
    return this.world.close();
  }
}

/** The code a promise rejects with, or `fulfilled`. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "fulfilled";
  } catch (error) {
    if (error instanceof SottoError) return error.code;
    throw error;
  }
}

/** The next request of somebody, pending or to come. */
export async function requestOf(client: Client, from: Client): Promise<MessageRequest> {
  for await (const request of client.requests()) {
    if (request.from.accountId === from.accountId) return request;
  }
  throw new Error("the client closed before the request came");
}

/** The requests that wait now: at least so many, and whatever else comes in the turns behind them. */
export async function pendingRequests(client: Client, atLeast = 0): Promise<readonly MessageRequest[]> {
  const pending: MessageRequest[] = [];
  const ending = new AbortController();
  const reading = (async () => {
    for await (const request of client.requests({ signal: ending.signal })) pending.push(request);
  })();
  while (pending.length < atLeast) await new Promise(setImmediate);
  for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
  ending.abort();
  await reading;
  return pending;
}

/** The invitations that wait now, everything included that the relay had for this client when it was asked. */
export async function pendingInvitations(client: Client): Promise<readonly GroupInvitation[]> {
  // The answer comes behind the mail that the relay holds.
  await client.devices.list();
  const pending: GroupInvitation[] = [];
  const ending = new AbortController();
  const reading = (async () => {
    for await (const invitation of client.invitations({ signal: ending.signal })) pending.push(invitation);
  })();
  for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
  ending.abort();
  await reading;
  return pending;
}

/** On what grounds somebody could be written to, if opening the conversation is refused. */
export async function needOf(client: Client, userId: string): Promise<readonly string[] | undefined> {
  try {
    await client.openDM({ userId });
    return undefined;
  } catch (error) {
    if (error instanceof PolicyDeniedError) return error.need;
    throw error;
  }
}
