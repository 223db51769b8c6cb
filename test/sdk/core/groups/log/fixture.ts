/** Accounts with devices whose logs lie at one relay in memory; everything else of them is real. */

import {
  type AccountId,
  accountIdFromBytes,
  type ConversationId,
  type DeviceId,
  decodeContent,
  decodeGroupBody,
  type GroupBody,
  parseDeviceId,
} from "@sotto/protocol";
import { OwnAccount } from "../../../../../sdk/core/account/own-account.js";
import { Counters } from "../../../../../sdk/core/counters.js";
import {
  type GroupChanged,
  type GroupFork,
  GroupLogs,
  type LogGap,
} from "../../../../../sdk/core/groups/log/group-logs.js";
import { Shown } from "../../../../../sdk/core/groups/shown.js";
import { nothing, type Plan } from "../../../../../sdk/core/inbox/plan.js";
import { KeyedLock } from "../../../../../sdk/core/keyed-lock.js";
import type { Order, Queued } from "../../../../../sdk/core/outbox/order.js";
import type { Engine } from "../../../../../sdk/core/ports.js";
import type { Row } from "../../../../../sdk/core/rows.js";
import type { SealedStore } from "../../../../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../../../../sdk/node/platform.js";
import { type ManualClock, manualClock, settled } from "../../link/manual-clock.js";
import { ownRow } from "../../outbox/fixture.js";
import { openSealed } from "../../storage/fixture.js";
import { MemoryPlace, UnsafeMemoryStore } from "../../storage/unsafe-memory-store.js";
import { UnsafeLogRelay } from "./unsafe-log-relay.js";

const { cipher, deviceKeys, random } = nodePlatform;

/** One account, and the key it has for each time its devices were changed. */
export interface Person {
  readonly account: AccountId;
  readonly identity: { readonly publicKey: Uint8Array; readonly privateKey: Uint8Array };
  readonly profileKey: Uint8Array;
}

/** Everybody, and the relay between them. */
export class LogWorld {
  readonly relay = new UnsafeLogRelay();
  readonly clock: ManualClock = manualClock();
  readonly people = new Map<AccountId, Person>();

  private constructor(readonly engine: Engine) {}

  static async open(): Promise<LogWorld> {
    return new LogWorld(await nodePlatform.engine());
  }

  /** A new account with one device. */
  async client(): Promise<LogClient> {
    const account = accountIdFromBytes(random.bytes(16));
    const person = { account, identity: this.engine.generateIdentity(), profileKey: random.bytes(32) };
    this.people.set(account, person);
    return LogClient.open(this, person, 1);
  }

  /** Lets everything that is due in some seconds happen. */
  async pass(ms = 2_000): Promise<void> {
    await this.clock.advance(ms);
    for (let turn = 0; turn < 40; turn++) await settled();
  }
}

/** One device. */
export class LogClient {
  readonly orders: Order[] = [];
  readonly changes: GroupChanged[] = [];
  readonly forks: GroupFork[] = [];
  readonly gaps: LogGap[] = [];
  readonly failures: unknown[] = [];
  readonly counters = new Counters();
  readonly hooks: Parameters<UnsafeLogRelay["side"]>[0] = {};
  others: readonly DeviceId[] = [];
  keyOut = true;
  consequences: (changed: GroupChanged) => Promise<Plan> = async () => nothing;
  readonly logs: GroupLogs;
  readonly shown: Shown;

  private constructor(
    readonly world: LogWorld,
    readonly person: Person,
    readonly account: OwnAccount,
    readonly raw: UnsafeMemoryStore,
    readonly store: SealedStore,
    private readonly place: MemoryPlace,
  ) {
    this.shown = new Shown(store);
    this.logs = new GroupLogs({
      ...{ store, account, counters: this.counters, clock: world.clock, shown: this.shown },
      locks: new KeyedLock(),
      crypto: { engine: world.engine, cipher, deviceKeys, random },
      relay: world.relay.side(this.hooks),
      outbox: { room: 1_000, queue: (order) => this.queue(order), vacancy: async () => undefined },
      others: () => this.others,
      maxAccounts: async () => 100,
      isKeyOut: () => this.keyOut,
      identityOf: async (id) => world.people.get(id)?.identity.publicKey ?? new Uint8Array(33),
      consequences: async (changed) => {
        const plan = await this.consequences(changed);
        return { build: () => plan.build(), after: [...plan.after, () => this.changes.push(changed)] };
      },
      fork: (fork) => this.forks.push(fork),
      logGap: (gap) => this.gaps.push(gap),
      failed: (error) => this.failures.push(error),
    });
  }

  static async open(
    world: LogWorld,
    person: Person,
    device: number,
    kept?: { readonly place: MemoryPlace; readonly account: OwnAccount },
  ): Promise<LogClient> {
    const place = kept?.place ?? new MemoryPlace();
    const raw = new UnsafeMemoryStore(place);
    const store = await openSealed(raw);
    const { identity, profileKey, account: id } = person;
    const { publicKey: identityPublic, privateKey: identityPrivate } = identity;
    const account =
      kept?.account ??
      OwnAccount.create({
        ...{ ...ownRow(), account: id, device: parseDeviceId(device), identityPublic, identityPrivate, profileKey },
        devicePrivate: random.bytes(32),
      });
    const client = new LogClient(world, person, account, raw, store, place);
    await client.logs.load();
    return client;
  }

  /** The account's next device. */
  second(): Promise<LogClient> {
    return LogClient.open(this.world, this.person, 2);
  }

  /** The same device after its process was killed: only what was written is there. */
  async killed(): Promise<LogClient> {
    this.logs.close();
    this.place.owner = undefined;
    return LogClient.open(this.world, this.person, 1, { place: this.place, account: this.account });
  }

  get id(): AccountId {
    return this.person.account;
  }

  /** What this device told its account's other ones. */
  words(): GroupBody<"groups">[] {
    return this.orders.flatMap(({ type, body }) =>
      type === "groups" && body ? [decodeGroupBody("groups", body)] : [],
    );
  }

  /** Hands the newest invitation of this device to an account's device, as its inbox would. */
  async handInvitation(to: LogClient): Promise<Row<"invitation">> {
    const order = this.orders.findLast(({ type, recipient }) => type === "invitation" && recipient === to.id);
    if (order?.body === undefined || order.group === undefined || order.standing === undefined)
      throw new Error("nobody was invited");
    const { epoch, secret, wrapPrivate, content } = decodeGroupBody("invitation", order.body);
    const said = decodeContent(content);
    const title = said.kind === "invitation" ? said.title : "";
    const { revision, head } = order.standing;
    const row: Row<"invitation"> = {
      ...{ group: order.group, by: this.id, revision, entry: head },
      ...{ epoch, secret, wrapPrivate, title, content: content.slice(), atMs: 1 },
    };
    await to.store.commit([to.logs.withInvitation(row)]);
    return row;
  }

  /** Takes what another own device said. */
  async take(body: GroupBody<"groups">): Promise<void> {
    const plan = await this.logs.adopt(body);
    await this.store.commit(plan.build());
    for (const work of plan.after) work();
    await this.world.pass(0);
  }

  private queue(order: Order): Queued {
    return { order: 1, changes: [], sent: () => void this.orders.push(order) };
  }
}

/** A group of the first, who owns it, and everybody else as members. */
export async function groupOf(owner: LogClient, ...others: readonly LogClient[]): Promise<ConversationId> {
  const { id } = await owner.logs.create({ title: "Garden" });
  for (const other of others) await join(owner, other, id);
  await owner.logs.sync(id);
  return id;
}

/** Invites, hands the invitation over and accepts it. */
export async function join(owner: LogClient, other: LogClient, id: ConversationId): Promise<void> {
  await owner.logs.append(id, { kind: "invite", account: other.id });
  await owner.handInvitation(other);
  await other.logs.accept(id);
}
