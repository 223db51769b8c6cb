/** A relay that knows who has which devices and where a group's log is, and answers as the true one does. */

import {
  ACCESS_TAG_BYTES,
  type AccountId,
  accessTag,
  equalBytes,
  type Frame,
  fetchContext,
  parseDeviceId,
  SottoError,
} from "@sotto/protocol";
import type { TakingBack } from "../../../../../sdk/core/link/request-table.js";
import type { AbortSignalLike } from "../../../../../sdk/core/ports.js";
import { hashOf, identityOf } from "./snapshots.js";
import { openMessage } from "./unsafe-group-engine.js";

/** An account as the relay holds it: its devices with their registration ids. */
export interface Held {
  identity: Uint8Array;
  hash: Uint8Array;
  readonly devices: Map<number, number>;
}

type Mismatch = Frame<"deviceMismatch">;
type Wrong = Mismatch["accounts"][number];
type Answer = Frame<"accepted"> | Mismatch | Frame<"groupMoved"> | Frame<"bundles">;
/** A request of any kind, as far as tests look at it. */
export type Request = { readonly type: string } & Partial<
  Pick<Frame<"send">, "messageId" | "recipients"> &
    Pick<Frame<"sendGroup">, "message" | "revision" | "accessTags" | "commitment"> &
    Pick<Frame<"fetchBundles">, "account" | "devices">
>;

export class ScriptedRelay {
  readonly accounts = new Map<AccountId, Held>();
  readonly requests: Request[] = [];
  /** The number of the log's last entry. */
  seq = 9;
  /** Requests that are being answered, and the most there ever were at once. */
  open = 0;
  widest = 0;
  /** Looks at a request first; may refuse it. */
  before: (request: Request) => Promise<void> = async () => {};
  /** Answers in the relay's place, where it answers anything. */
  lie: ((request: Request) => Answer | undefined) | undefined;
  private readonly acceptances = new Map<string, number>();

  add(account: AccountId, ...devices: readonly (readonly [number, number])[]): Held {
    const held = { identity: identityOf(account), hash: hashOf(account), devices: new Map(devices) };
    this.accounts.set(account, held);
    return held;
  }

  /** Everything of one type that was asked. */
  of(type: string): readonly Request[] {
    return this.requests.filter((request) => request.type === type);
  }

  readonly request = async (asked: { readonly type: string }, { signal, recall }: TakingBack = {}): Promise<never> => {
    if (signal?.aborted || recall?.aborted) throw new SottoError("aborted");
    const request = asked as Request;
    this.requests.push(request);
    this.open += 1;
    this.widest = Math.max(this.widest, this.open);
    const answering = this.before(request).then(() => (this.lie?.(request) ?? this.answer(request)) as never);
    try {
      return await (signal === undefined ? answering : Promise.race([answering, given(signal)]));
    } finally {
      this.open -= 1;
    }
  };

  private answer(request: Request): Answer {
    switch (request.type) {
      case "fetchBundles":
        return this.bundles(request as unknown as Frame<"fetchBundles">);
      case "send":
        return this.send(request as unknown as Frame<"send">);
      case "sendGroup":
        return this.sendGroup(request as unknown as Frame<"sendGroup">);
      default:
        throw new Error(`the relay was asked for ${request.type}`);
    }
  }

  private bundles({ account, devices, accessTag: shown }: Frame<"fetchBundles">): Frame<"bundles"> {
    const held = this.held(account);
    if (shown === undefined || !equalBytes(shown, accessTag(fetchContext, account, held.hash))) {
      throw new SottoError("notAllowed");
    }
    const asked = devices.length === 0 ? [...held.devices.keys()] : devices;
    return { type: "bundles", id: 1, ...this.bundlesOf(account, asked) } as Frame<"bundles">;
  }

  private send({ messageId, recipients }: Frame<"send">): Frame<"accepted"> | Mismatch {
    const wrong: Wrong[] = [];
    for (const { account, accessTag: shown, envelopes } of recipients) {
      const { hash } = this.held(account);
      if (shown === undefined || !equalBytes(shown, accessTag(messageId, account, hash)))
        throw new SottoError("notAllowed");
      wrong.push(
        this.compare(account, new Map(envelopes.map(({ device, registrationId }) => [device, registrationId]))),
      );
    }
    return this.mismatch(wrong, []) ?? this.accept(messageId);
  }

  private sendGroup({ messageId, message, accessTags, revision }: Frame<"sendGroup">): Answer {
    const named = new Map<AccountId, Map<number, number>>();
    for (const { account, device, registrationId } of openMessage(message).recipients) {
      named.set(account, (named.get(account) ?? new Map()).set(device, registrationId));
    }
    const repeated = this.acceptances.get(messageId.join());
    if (repeated !== undefined) return { type: "accepted", id: 1, acceptedMs: repeated, stamps: [new Uint8Array(16)] };
    if (revision !== this.seq) return { type: "groupMoved", id: 1, seq: this.seq };
    if (accessTags.length !== ACCESS_TAG_BYTES * named.size) throw new SottoError("badFrame");
    const denied = [...named.keys()].filter((account, at) => {
      const tag = accessTags.subarray(at * ACCESS_TAG_BYTES, (at + 1) * ACCESS_TAG_BYTES);
      return !equalBytes(tag, accessTag(messageId, account, this.held(account).hash));
    });
    const wrong = [...named].map(([account, devices]) => this.compare(account, devices));
    return this.mismatch(wrong, denied) ?? this.accept(messageId);
  }

  private compare(account: AccountId, named: ReadonlyMap<number, number>): Wrong {
    const { devices } = this.held(account);
    const of = (numbers: readonly number[]) => numbers.map(parseDeviceId);
    return {
      account,
      missing: of([...devices.keys()].filter((device) => !named.has(device))),
      extra: of([...named.keys()].filter((device) => !devices.has(device))),
      stale: of([...named].filter(([device, id]) => (devices.get(device) ?? id) !== id).map(([device]) => device)),
    };
  }

  private mismatch(all: readonly Wrong[], denied: readonly AccountId[]): Mismatch | undefined {
    const accounts = all.filter(({ missing, extra, stale }) => missing.length + extra.length + stale.length > 0);
    if (accounts.length + denied.length === 0) return undefined;
    const bundles = accounts
      .filter(({ account }) => !denied.includes(account))
      .map(({ account, missing, stale }) => this.bundlesOf(account, [...missing, ...stale]));
    return { type: "deviceMismatch", id: 1, accounts, denied: [...denied], bundles };
  }

  private bundlesOf(account: AccountId, asked: readonly number[]): Mismatch["bundles"][number] {
    const { identity, devices } = this.held(account);
    const there = asked.filter((device) => devices.has(device));
    const bundles = there.map((device) => ({
      device: parseDeviceId(device),
      registrationId: devices.get(device) ?? 0,
    }));
    return { account, identityKey: identity, devices: bundles } as unknown as Mismatch["bundles"][number];
  }

  private accept(messageId: Uint8Array): Frame<"accepted"> {
    const acceptedMs = 1_000 + this.acceptances.size;
    this.acceptances.set(messageId.join(), acceptedMs);
    return { type: "accepted", id: 1, acceptedMs, stamps: [new Uint8Array(16)] };
  }

  private held(account: AccountId): Held {
    const held = this.accounts.get(account);
    if (held === undefined) throw new SottoError("notAllowed");
    return held;
  }
}

/** Rejects when nobody waits any more. */
function given(signal: AbortSignalLike): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new SottoError("aborted")), { once: true });
  });
}
