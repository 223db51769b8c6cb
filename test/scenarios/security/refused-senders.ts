/** Everybody a relay refuses, and why: the classes whose answers must not be told apart, by bytes or by time. */

import { randomBytes } from "node:crypto";
import {
  type AccountId,
  accountIdFromBytes,
  type DeviceId,
  type FrameToClient,
  hashDeliveryKey,
} from "@sotto/protocol";
import { type Asking, FrameSocket, newMessageId, RawDevice } from "../../support/raw-client/index.js";

/** Which requests are compared with each other: those that only their reason tells apart. */
export type Group = "identified send" | "sealed send" | "anonymous bundles";

/** One reason to be refused. */
export interface RefusedClass {
  readonly group: Group;
  readonly reason: string;
  /** A fresh request of this class. */
  request(): Asking;
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

  /** Registers the accounts. `lanes` connections of each kind ask at the same time, each by a stranger of its own. */
  static async open(url: string, lanes: number): Promise<RefusedSender> {
    const strangers = await Promise.all(Array.from({ length: lanes }, () => stranger(url)));
    const blocked = strangers.map(({ account }) => account);
    const [blocker, closed, open] = await Promise.all([stranger(url), stranger(url), stranger(url)]);
    await access(blocker, "everyone", blocked);
    await access(closed, "nobody", []);
    const sealed = await Promise.all(strangers.map(() => FrameSocket.anonymous(url)));
    const identified = strangers.map(({ socket }) => socket);
    return new RefusedSender(
      [...strangers, blocker, closed, open],
      identified,
      sealed,
      classesOf({ blocker, closed, open }),
    );
  }

  /** Asks on one lane and waits for the answer. */
  async ask(lane: number, refused: RefusedClass): Promise<Answered> {
    const sockets = refused.group === "identified send" ? this.identified : this.sealed;
    const socket = sockets[lane % sockets.length];
    if (socket === undefined) throw new Error("no such lane");
    const request = refused.request();
    const startedMs = performance.now();
    const answer = await socket.ask(request);
    return { answer, tookMs: performance.now() - startedMs };
  }

  async close(): Promise<void> {
    await Promise.all([...this.people.map((one) => one.close()), ...this.sealed.map((one) => one.close())]);
  }
}

function stranger(url: string): Promise<RawDevice> {
  return RawDevice.register(url, `stranger-${randomBytes(6).toString("hex")}`);
}

async function access(
  owner: RawDevice,
  firstContact: "everyone" | "nobody",
  blocked: readonly AccountId[],
): Promise<void> {
  const deliveryKeyHash = hashDeliveryKey(owner.deliveryKey);
  const answer = await owner.socket.ask({ type: "setAccess", deliveryKeyHash, firstContact, blocked });
  if (answer.type !== "done") throw new Error(`expected done, not ${answer.type}`);
}

function classesOf(people: {
  readonly blocker: RawDevice;
  readonly closed: RawDevice;
  readonly open: RawDevice;
}): readonly RefusedClass[] {
  const { blocker, closed, open } = people;
  const nobody = () => accountIdFromBytes(randomBytes(16));
  const wrongKey = () => new Uint8Array(randomBytes(16));
  const body = new Uint8Array(randomBytes(1_000));
  const send = (account: AccountId, registrationId: number, deliveryKey?: Uint8Array): Asking => ({
    type: "send",
    messageId: newMessageId(),
    storage: "stored",
    urgency: "normal",
    recipients: [{ account, deliveryKey, envelopes: [{ device: 1 as DeviceId, registrationId, body }] }],
  });
  const to = (one: RawDevice, deliveryKey?: Uint8Array) => send(one.account, one.registrationId, deliveryKey);
  const bundles = (account: AccountId): Asking => ({
    type: "fetchBundles",
    account,
    devices: [],
    deliveryKey: wrongKey(),
  });
  const row = (group: Group, reason: string, request: () => Asking): RefusedClass => ({ group, reason, request });
  return [
    row("identified send", "unknown account", () => send(nobody(), 1)),
    row("identified send", "unknown account, with a key", () => send(nobody(), 1, wrongKey())),
    row("identified send", "wrong key", () => to(open, wrongKey())),
    row("identified send", "blocked sender", () => to(blocker)),
    row("identified send", "blocked sender, with the right key", () => to(blocker, blocker.deliveryKey)),
    row("identified send", "policy nobody", () => to(closed)),
    row("sealed send", "unknown account", () => send(nobody(), 1, wrongKey())),
    row("sealed send", "wrong key", () => to(open, wrongKey())),
    row("sealed send", "wrong key, policy nobody", () => to(closed, wrongKey())),
    row("sealed send", "no key", () => to(open)),
    row("anonymous bundles", "unknown account", () => bundles(nobody())),
    row("anonymous bundles", "wrong key", () => bundles(open.account)),
  ];
}
