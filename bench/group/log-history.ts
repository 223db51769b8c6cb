/** A group's log as it comes from the relay: 1,000 changes of a group of 200, signed for real and sealed under its epochs' keys. */

import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { PrivateKey, PublicKey } from "@signalapp/libsignal-client";
import {
  type AccountId,
  accountIdFromBytes,
  type ConversationId,
  decodeGroupEntry,
  deriveGroupEntryKey,
  encodeGroupEntry,
  encodeGroupState,
  type GroupChange,
  type GroupState,
  groupCheckpointContext,
  groupEntryContext,
  groupStateHash,
  parseConversationId,
  toHex,
} from "@sotto/protocol";
import { applyEntry, beginGroup, type Verify } from "../../sdk/core/groups/state/apply.js";
import { planChange } from "../../sdk/core/groups/state/plan.js";
import type { GroupIntent } from "../../sdk/core/groups/state/secrets-needed.js";

const MEMBERS = 200;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

interface Person {
  readonly account: AccountId;
  readonly key: PrivateKey;
  readonly identityKey: Uint8Array;
}

/** A sealed entry, or a checkpoint, with the epoch it was sealed in. */
export interface Sealed {
  readonly seq: number;
  readonly epoch: number;
  readonly bytes: Uint8Array;
}

/** A log, the keys that open it, and a checkpoint shortly before its end. */
export interface History {
  readonly group: ConversationId;
  readonly entries: readonly Sealed[];
  readonly checkpoint: Sealed;
  readonly entryKeys: ReadonlyMap<number, Uint8Array>;
}

/** Checks XEdDSA signatures as the engine does. */
export const verify: Verify = (identityKey, text, signature) =>
  PublicKey.deserialize(Buffer.from(identityKey)).verify(Buffer.from(text), Buffer.from(signature));

/** Opens an entry or checkpoint; both are sealed alike. */
export function open({ bytes, epoch }: Sealed, context: Uint8Array, keys: History["entryKeys"]): Uint8Array {
  const key = keys.get(epoch);
  if (key === undefined) throw new Error("an epoch without a key");
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, NONCE_BYTES));
  decipher.setAAD(context);
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  return new Uint8Array(
    Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, bytes.length - TAG_BYTES)), decipher.final()]),
  );
}

function seal(plain: Uint8Array, context: Uint8Array, key: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(context);
  return new Uint8Array(Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]));
}

function person(): Person {
  const key = PrivateKey.generate();
  return { account: accountIdFromBytes(randomBytes(16)), key, identityKey: key.getPublicKey().serialize() };
}

const curveKey = () => Uint8Array.of(5, ...randomBytes(32));

/** Writes a log of so many changes, with a checkpoint so many entries before its end. */
export class Historian {
  private readonly group = parseConversationId(toHex(randomBytes(16)));
  private readonly entries: Sealed[] = [];
  private readonly entryKeys = new Map<number, Uint8Array>([[1, deriveGroupEntryKey(randomBytes(32))]]);
  private readonly owner = person();
  private readonly members: Person[] = [];
  private state: GroupState;

  constructor() {
    const { identityKey } = this.owner;
    const keys = { identityKey, wrapKey: curveKey(), deliveryKeyHash: randomBytes(32) };
    const change: GroupChange = { kind: "create", maxAccounts: MEMBERS + 1, title: "a large group", ...keys };
    const bytes = this.signed(this.owner, change, new Uint8Array(32));
    const begun = beginGroup(this.group, decodeGroupEntry(bytes), verify);
    if (begun.kind === "refused") throw new Error(begun.reason);
    this.log(bytes, 1);
    this.state = begun.state;
  }

  write(changes: number, behindCheckpoint: number): History {
    while (this.entries.length < changes - behindCheckpoint - 1) this.next();
    const stored = encodeGroupState(this.state);
    const { epoch } = this.state;
    this.does(this.owner, { kind: "checkpoint", stateHash: groupStateHash(this.state) });
    const { seq } = this.state;
    const sealed = seal(stored, groupCheckpointContext(this.group, seq, epoch), this.keyOf(epoch));
    for (let at = 0; at < behindCheckpoint; at++)
      this.does(this.owner, { kind: "update", title: `a large group, ${at}` });
    const { group, entries, entryKeys } = this;
    return { group, entries, checkpoint: { seq, epoch, bytes: sealed }, entryKeys };
  }

  /** Until the group is full people join; then one is removed, and the group says other things of itself. */
  private next(): void {
    if (this.members.length < MEMBERS) {
      const joining = person();
      this.does(this.owner, { kind: "invite", ...joining, wrapKey: curveKey() });
      this.does(joining, { kind: "accept", wrapKey: curveKey(), deliveryKeyHash: randomBytes(32) });
      this.members.push(joining);
      return;
    }
    const [leaving] = this.members.splice(0, 1);
    if (leaving !== undefined) this.does(this.owner, { kind: "remove", accounts: [leaving.account] });
    for (const member of this.members.slice(0, 4))
      this.does(member, { kind: "keys", wrapKey: curveKey(), deliveryKeyHash: randomBytes(32) });
    this.does(this.owner, { kind: "update", timerMs: this.state.seq });
  }

  private does(by: Person, intent: GroupIntent): void {
    const plan = planChange(this.state, by.account, intent);
    if (plan.needs === "handover") throw new Error("nobody becomes an admin here");
    const change = plan.needs === "nothing" ? plan.change : plan.complete(rotation(plan.stays));
    const bytes = this.signed(by, change, this.state.head);
    const { epoch } = this.state;
    const seq = this.state.seq + 1;
    const outcome = applyEntry(this.state, { seq, entry: decodeGroupEntry(bytes) }, verify);
    if (outcome.kind === "ignored") throw new Error(outcome.reason);
    this.log(bytes, epoch);
    this.state = outcome.state;
    if (outcome.state.epoch > epoch) this.entryKeys.set(outcome.state.epoch, deriveGroupEntryKey(randomBytes(32)));
  }

  private signed({ account, key }: Person, change: GroupChange, previous: Uint8Array): Uint8Array {
    const entry = { group: this.group, previous, author: account, atMs: Date.now(), change };
    return encodeGroupEntry(entry, (text) => key.sign(Buffer.from(text)));
  }

  private log(bytes: Uint8Array, epoch: number): void {
    const seq = this.entries.length + 1;
    const sealed = seal(bytes, groupEntryContext(this.group, seq, epoch), this.keyOf(epoch));
    this.entries.push({ seq, epoch, bytes: sealed });
  }

  private keyOf(epoch: number): Uint8Array {
    const key = this.entryKeys.get(epoch);
    if (key === undefined) throw new Error("an epoch without a key");
    return key;
  }
}

function rotation(stays: readonly { readonly account: AccountId }[]) {
  const sealed = stays.map(({ account }) => ({ account, secret: new Uint8Array(randomBytes(48)) }));
  return { ephemeral: curveKey(), accessKey: randomBytes(32), adminKey: randomBytes(32), sealed };
}
