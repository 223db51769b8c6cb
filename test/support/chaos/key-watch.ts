/**
 * Watches every message key of a run. A key repeats if two different ciphertexts of one device to another name the same
 * ratchet key and counter, or two of one device the same distribution and iteration, and both left their device: whoever
 * holds both learns what they differ in.
 *
 * What recipients open is seen as they open it. What left and nobody opened (mail to a device that was revoked, or that
 * the relay refused) is opened here at the end: all devices of a run live in one process, so their identities are known.
 * What goes to a group is seen as it leaves, because the iteration it is encrypted at can be asked for.
 */

import { toHex } from "@sotto/protocol";
import type { Address, Engine, EngineRecords, IdentityKeys, Unsealed } from "@sotto/sdk";
import { hashOf, iterationOf, messageKeyUse } from "./signal-message.js";

/** An envelope that was encrypted, as long as no recipient opened it. */
interface Sealed {
  readonly sender: Address;
  readonly recipient: Address;
  readonly recipientIdentity: Uint8Array | undefined;
  readonly body: Uint8Array;
  readonly nowMs: number;
  left: boolean;
}

/** One use of a message key. */
interface KeyUse {
  readonly use: string;
  /** A hash of what was encrypted: of the ciphertext where it was opened, of the plaintext where it left. */
  readonly what: string;
  /** The line that says it was used again. */
  readonly finding: string;
}

/** What a run's watch found. */
export interface KeyFindings {
  /** One line for each repetition; names devices by place, no keys. */
  readonly repeated: readonly string[];
  /** Envelopes whose keys were read. */
  readonly watched: number;
  /** Envelopes that left and could not be looked into. */
  readonly unread: number;
}

/** The watch of one run, over all its devices and their lives. */
export class KeyWatch {
  private readonly sealed = new Map<string, Sealed>();
  private readonly toGroups = new Map<string, KeyUse>();
  private readonly identities = new Map<string, IdentityKeys>();
  private readonly seen = new Map<string, string>();
  private readonly repeated: string[] = [];
  private readonly opened = new Set<string>();
  private roots: readonly Uint8Array[] = [];
  private inner: Engine | undefined;

  /** The same engine, watched. */
  engine(inner: Engine): Engine {
    this.inner = inner;
    return {
      ...inner,
      encrypt: async (records, peer, plaintext, certificate, nowMs) => {
        const result = await inner.encrypt(records, peer, plaintext, certificate, nowMs);
        const { identity, address } = records.own();
        this.know(identity);
        this.sealed.set(hashOf(result.sealed), {
          sender: address,
          recipient: peer,
          recipientIdentity:
            peer.account === address.account ? identity.publicKey : await records.peerIdentity(peer.account),
          body: result.sealed,
          nowMs,
          left: false,
        });
        return result;
      },
      encryptToGroup: async (records, encrypting) => {
        const { distribution, plaintext } = encrypting;
        const result = await inner.encryptToGroup(records, encrypting);
        // From the records as they are before the changes are committed: the iteration that was just used.
        const { message: handed } = await inner.distributeSenderKey(records, distribution);
        const { address } = records.own();
        const iteration = iterationOf(handed);
        this.toGroups.set(hashOf(result.message), {
          use: `left ${address.account}.${address.device} ${toHex(distribution)}/${iteration}`,
          what: hashOf(plaintext),
          finding: `device ${address.device} to a group, iteration ${iteration}`,
        });
        return result;
      },
      unseal: async (records, sealed, roots, nowMs) => {
        const unsealed = await inner.unseal(records, sealed, roots, nowMs);
        this.roots = roots;
        const { identity, address } = records.own();
        this.know(identity);
        const hash = hashOf(sealed);
        this.opened.add(hash);
        this.sealed.delete(hash);
        this.note(unsealed, address);
        return unsealed;
      },
    };
  }

  /** An envelope, or a message to a group, was handed to a socket. */
  left(body: Uint8Array): void {
    const hash = hashOf(body);
    const sealed = this.sealed.get(hash);
    if (sealed !== undefined) sealed.left = true;
    const toGroup = this.toGroups.get(hash);
    if (toGroup !== undefined) this.see(toGroup);
  }

  /** Looks into what left and was never opened, and answers what was found in all. */
  async findings(): Promise<KeyFindings> {
    let unread = 0;
    for (const [hash, sealed] of [...this.sealed]) {
      if (!sealed.left) continue;
      if (await this.lookInto(sealed)) this.sealed.delete(hash);
      else unread += 1;
    }
    return { repeated: this.repeated, watched: this.seen.size, unread };
  }

  private async lookInto({ recipient, recipientIdentity, body, nowMs }: Sealed): Promise<boolean> {
    const identity = recipientIdentity === undefined ? undefined : this.identities.get(hashOf(recipientIdentity));
    if (identity === undefined || this.inner === undefined) return false;
    try {
      const unsealed = await this.inner.unseal(recordsOf(identity, recipient), body, this.roots, nowMs);
      this.note(unsealed, recipient);
      return true;
    } catch {
      return false;
    }
  }

  private note({ sender, kind, inner }: Unsealed, recipient: Address): void {
    const { key, ciphertext } = messageKeyUse(kind, bytesOf(inner));
    const counter = key.slice(key.indexOf("/") + 1);
    // A message under a sender key is the same for everybody, whoever opens it.
    const to = kind === "senderKey" ? "a group" : `device ${recipient.device}`;
    const whom = kind === "senderKey" ? "a group" : `${recipient.account}.${recipient.device}`;
    this.see({
      use: `${sender.account}.${sender.device} ${whom} ${key}`,
      what: ciphertext,
      finding: `device ${sender.device} to ${to}, a ${kind} message, counter ${counter}`,
    });
  }

  private see({ use, what, finding }: KeyUse): void {
    const before = this.seen.get(use);
    if (before === undefined) this.seen.set(use, what);
    else if (before !== what) this.repeated.push(finding);
  }

  private know(identity: IdentityKeys): void {
    this.identities.set(hashOf(identity.publicKey), identity);
  }
}

/** The inner ciphertext: the native engine keeps it beside what it validated. */
function bytesOf(inner: unknown): Uint8Array {
  if (typeof inner === "object" && inner !== null && "bytes" in inner && inner.bytes instanceof Uint8Array) {
    return inner.bytes;
  }
  throw new Error("the engine shows no ciphertext to watch");
}

/** Records that hold one identity and nothing else: enough to open the outer layer. */
function recordsOf(identity: IdentityKeys, address: Address): EngineRecords {
  return {
    own: () => ({ identity, registrationId: 1, address }),
    peerIdentity: async () => undefined,
    session: async () => undefined,
    curvePrekey: async () => undefined,
    signedPrekey: async () => undefined,
    kyberPrekey: async () => undefined,
    senderKey: async () => undefined,
    lastResortUsed: async () => false,
  };
}
