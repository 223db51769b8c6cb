/** Everybody a relay refuses, and why: the classes whose answers must not be told apart, by bytes or by time. */

import { randomBytes } from "node:crypto";
import {
  type AccountId,
  accountIdFromBytes,
  type DeviceId,
  type FirstContactPolicy,
  type FrameToClient,
  hashDeliveryKey,
} from "@sotto/protocol";
import { type Asking, FrameSocket, newMessageId, type RawDevice } from "../../support/raw-client/index.js";
import type { GrantingHost } from "../consent/granting-host.js";

/** Which requests are compared with each other: those that only their reason tells apart. */
export type Group = "identified send" | "identified send with a grant" | "sealed send" | "anonymous bundles";

/** One reason to be refused. */
export interface RefusedClass {
  readonly group: Group;
  readonly reason: string;
  /** A fresh request of this class, as the stranger of a lane makes it. */
  request(lane: number): Asking;
}

/** One answer and how long it took, in milliseconds from the call that sent the request. */
export interface Answered {
  readonly answer: FrameToClient;
  readonly tookMs: number;
}

/** A stranger's connections to a relay, and accounts that refuse it for every reason there is. */
export class RefusedSender {
  private constructor(
    private readonly people: readonly RawDevice[],
    private readonly identified: readonly FrameSocket[],
    private readonly sealed: readonly FrameSocket[],
    readonly classes: readonly RefusedClass[],
  ) {}

  /**
   * Registers the accounts, as users of the host whose grants the relay takes. `lanes` connections of each kind ask at the
   * same time, each by a stranger of its own.
   */
  static async open(url: string, lanes: number, host: GrantingHost): Promise<RefusedSender> {
    const names = Array.from({ length: lanes }, newName);
    const strangers = await Promise.all(names.map((name) => host.user(url, name)));
    const blocked = strangers.map(({ account }) => account);
    const user = (name: string) => host.user(url, name);
    const people: Refusing = {
      blocker: await user("blocker"),
      closed: await user("closed"),
      open: await user("open"),
      granting: await user("granting"),
      contactsOnly: await user("contactsOnly"),
      closedSince: await user("closedSince"),
      blockedSince: await user("blockedSince"),
    };
    const rotated = new Uint8Array(randomBytes(16));
    await access(people.blocker, "everyone", blocked);
    await access(people.closed, "nobody", []);
    await access(people.granting, "grant", []);
    await access(people.contactsOnly, "contacts", []);
    await access(people.closedSince, "nobody", [], rotated);
    await access(people.blockedSince, "everyone", blocked, rotated);
    const granted = await Promise.all(
      names.map(async (name) => ({
        blocker: await host.grant(name, "blocker"),
        closed: await host.grant(name, "closed"),
        contactsOnly: await host.grant(name, "contactsOnly"),
      })),
    );
    const sealed = await Promise.all(strangers.map(() => FrameSocket.anonymous(url)));
    const identified = strangers.map(({ socket }) => socket);
    return new RefusedSender([...strangers, ...Object.values(people)], identified, sealed, classesOf(people, granted));
  }

  /** Asks on one lane and waits for the answer. */
  async ask(lane: number, refused: RefusedClass): Promise<Answered> {
    const sockets = refused.group.startsWith("identified") ? this.identified : this.sealed;
    const socket = sockets[lane % sockets.length];
    if (socket === undefined) throw new Error("no such lane");
    const request = refused.request(lane % sockets.length);
    const startedMs = performance.now();
    const answer = await socket.ask(request);
    return { answer, tookMs: performance.now() - startedMs };
  }

  async close(): Promise<void> {
    await Promise.all([...this.people.map((one) => one.close()), ...this.sealed.map((one) => one.close())]);
  }
}

/** Accounts that refuse, by how they do. `…Since`: they replaced the delivery key that contacts held. */
interface Refusing {
  readonly blocker: RawDevice;
  readonly closed: RawDevice;
  readonly open: RawDevice;
  readonly granting: RawDevice;
  readonly contactsOnly: RawDevice;
  readonly closedSince: RawDevice;
  readonly blockedSince: RawDevice;
}

function newName(): string {
  return `stranger-${randomBytes(6).toString("hex")}`;
}

async function access(
  owner: RawDevice,
  firstContact: FirstContactPolicy,
  blocked: readonly AccountId[],
  deliveryKey = owner.deliveryKey,
): Promise<void> {
  const deliveryKeyHash = hashDeliveryKey(deliveryKey);
  const answer = await owner.socket.ask({ type: "setAccess", deliveryKeyHash, firstContact, blocked });
  if (answer.type !== "done") throw new Error(`expected done, not ${answer.type}`);
}

/** The grants of one stranger, by whom they are for. */
type Granted = Readonly<Record<"blocker" | "closed" | "contactsOnly", string>>;

function classesOf(people: Refusing, granted: readonly Granted[]): readonly RefusedClass[] {
  const { blocker, closed, open, granting, contactsOnly, closedSince, blockedSince } = people;
  const nobody = () => accountIdFromBytes(randomBytes(16));
  const wrongKey = () => new Uint8Array(randomBytes(16));
  const body = new Uint8Array(randomBytes(1_000));
  const send = (account: AccountId, registrationId: number, deliveryKey?: Uint8Array, grant?: string): Asking => ({
    type: "send",
    messageId: newMessageId(),
    storage: "stored",
    commitment: new Uint8Array(randomBytes(32)),
    urgency: "normal",
    purpose: "message",
    wantBundles: "no",
    recipients: [
      { account, deliveryKey, grant, scope: "all", envelopes: [{ device: 1 as DeviceId, registrationId, body }] },
    ],
  });
  const to = (one: RawDevice, deliveryKey?: Uint8Array) => send(one.account, one.registrationId, deliveryKey);
  const bundles = (account: AccountId): Asking => ({
    type: "fetchBundles",
    account,
    devices: [],
    deliveryKey: wrongKey(),
  });
  const withGrant = (to: keyof Granted) => (lane: number) =>
    send(people[to].account, people[to].registrationId, undefined, granted[lane]?.[to]);
  const row = (group: Group, reason: string, request: RefusedClass["request"]): RefusedClass => ({
    group,
    reason,
    request,
  });
  return [
    row("identified send", "unknown account", () => send(nobody(), 1)),
    row("identified send", "unknown account, with a key", () => send(nobody(), 1, wrongKey())),
    row("identified send", "wrong key", () => to(open, wrongKey())),
    row("identified send", "blocked sender", () => to(blocker)),
    row("identified send", "blocked sender, with the right key", () => to(blocker, blocker.deliveryKey)),
    row("identified send", "policy nobody", () => to(closed)),
    row("identified send", "policy contacts", () => to(contactsOnly)),
    row("identified send", "policy grant, without a grant", () => to(granting)),
    row("identified send", "policy nobody, with a former key", () => to(closedSince, closedSince.deliveryKey)),
    row("identified send", "blocked contact, with a former key", () => to(blockedSince, blockedSince.deliveryKey)),
    row("identified send", "blocked contact, without a key", () => to(blockedSince)),
    row("identified send with a grant", "policy nobody", withGrant("closed")),
    row("identified send with a grant", "policy contacts", withGrant("contactsOnly")),
    row("identified send with a grant", "blocked sender", withGrant("blocker")),
    row("sealed send", "unknown account", () => send(nobody(), 1, wrongKey())),
    row("sealed send", "wrong key", () => to(open, wrongKey())),
    row("sealed send", "wrong key, policy nobody", () => to(closed, wrongKey())),
    row("sealed send", "no key", () => to(open)),
    row("sealed send", "former key", () => to(blockedSince, blockedSince.deliveryKey)),
    row("anonymous bundles", "unknown account", () => bundles(nobody())),
    row("anonymous bundles", "wrong key", () => bundles(open.account)),
  ];
}
