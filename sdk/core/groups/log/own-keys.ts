/** What this account publishes of itself in logs, and the private keys that secrets are sealed to. */

import {
  type AccountId,
  accountIdToBytes,
  type ConversationId,
  deriveDeliveryKey,
  deriveGroupWrapKey,
  digest,
  equalBytes,
  fromHex,
  type GroupState,
  hashDeliveryKey,
  labelled,
} from "@sotto/protocol";
import type { OwnAccount } from "../../account/own-account.js";
import type { GroupCrypto } from "./group-keys.js";
import { type LogPlace, NONCE_BYTES } from "./sealed-entries.js";

/** What a member's entry in the state says of it beside its identity. */
export interface PublishedKeys {
  readonly wrapKey: Uint8Array;
  readonly deliveryKeyHash: Uint8Array;
}

/** Private keys that are kept for one group. */
const MAX_WRAP_KEYS = 8;

/** The keys of this account, as its devices derive them alike. */
export class OwnKeys {
  constructor(
    private readonly parts: {
      readonly account: OwnAccount;
      readonly engine: Pick<GroupCrypto["engine"], "publicKeyOf">;
    },
  ) {}

  /** The private key that new secrets are to be sealed to now. */
  wrapPrivate(): Uint8Array {
    const { account } = this.parts;
    return deriveGroupWrapKey(account.identity.privateKey, account.current.profileKey);
  }

  /** What to publish now. */
  published(): PublishedKeys {
    const { account, engine } = this.parts;
    return {
      wrapKey: engine.publicKeyOf(this.wrapPrivate()),
      deliveryKeyHash: hashDeliveryKey(deriveDeliveryKey(account.current.profileKey)),
    };
  }

  /** Whether the log has this account's keys as they are now. True for who has none in it. */
  arePublished(state: GroupState): boolean {
    const { id } = this.parts.account;
    const mine = [...state.members, ...state.waiting].find(({ account }) => account === id);
    if (mine === undefined) return true;
    const { wrapKey, deliveryKeyHash } = this.published();
    return equalBytes(mine.wrapKey, wrapKey) && equalBytes(mine.deliveryKeyHash, deliveryKeyHash);
  }

  /** Kept private keys with the present one in front: what was sealed to a former one may come yet. */
  kept(wrapKeys: readonly Uint8Array[]): readonly Uint8Array[] {
    return withKey(this.wrapPrivate(), wrapKeys);
  }

  /**
   * The private key that secrets for somebody invited are sealed to until it answers. This device finds it again from the
   * entry's place, so that a crash behind the append loses no invitation; no other device makes the same one.
   */
  invitedPrivate({ group, seq, account }: Invite): Uint8Array {
    const { devicePrivate } = this.parts.account.current;
    return digest(
      labelled("sotto/group-invited/1", devicePrivate, fromHex(group), numbered(seq), accountIdToBytes(account)),
    );
  }

  /** That private key, if this device made the invitation with this public one. */
  invitedBy(invite: Invite, wrapKey: Uint8Array): Uint8Array | undefined {
    const wrapPrivate = this.invitedPrivate(invite);
    return equalBytes(this.parts.engine.publicKeyOf(wrapPrivate), wrapKey) ? wrapPrivate : undefined;
  }

  /**
   * The nonce that an entry of this device is sealed under: random to everybody else, also to other own devices, and another for
   * other bytes. By it the device knows the entry for its own in a later run too, and owes what follows from it.
   */
  entryNonce({ group, seq }: LogPlace, entry: Uint8Array): Uint8Array {
    const { devicePrivate } = this.parts.account.current;
    const text = labelled("sotto/group-own-entry/1", devicePrivate, fromHex(group), numbered(seq), entry);
    return digest(text).slice(0, NONCE_BYTES);
  }
}

/** An invite entry's place, and whom it invites. */
export interface Invite {
  readonly group: ConversationId;
  readonly seq: number;
  readonly account: AccountId;
}

function numbered(seq: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, seq);
  return bytes;
}

/** Keys with one more in front, each once, the newest few. */
export function withKey(key: Uint8Array, keys: readonly Uint8Array[]): readonly Uint8Array[] {
  return [key, ...keys.filter((other) => !equalBytes(key, other))].slice(0, MAX_WRAP_KEYS);
}
