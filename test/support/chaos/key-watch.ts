/**
 * Watches every message key of a run. A key repeats if two different ciphertexts of one device to another name the same
 * ratchet key and counter, and both left their device: whoever holds both learns what they differ in.
 *
 * What recipients open is seen as they open it. What left and nobody opened (mail to a device that was revoked, or that
 * the relay refused) is opened here at the end: all devices of a run live in one process, so their identities are known.
 */

import type { Address, Engine, EngineRecords, IdentityKeys } from "@sotto/sdk";
import { hashOf, messageKeyUse } from "./signal-message.js";

/** An envelope that was encrypted, as long as no recipient opened it. */
interface Sealed {
  readonly sender: Address;
  readonly recipient: Address;
  readonly recipientIdentity: Uint8Array | undefined;
  readonly body: Uint8Array;
  readonly nowMs: number;
  left: boolean;
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
      unseal: async (records, sealed, roots, nowMs) => {
        const unsealed = await inner.unseal(records, sealed, roots, nowMs);
        this.roots = roots;
        const { identity, address } = records.own();
        this.know(identity);
        const hash = hashOf(sealed);
        this.opened.add(hash);
        this.sealed.delete(hash);
        this.note(unsealed.sender, address, unsealed.kind, bytesOf(unsealed.inner));
        return unsealed;
      },
    };
  }

  /** An envelope was handed to a socket. */
  left(body: Uint8Array): void {
    const sealed = this.sealed.get(hashOf(body));
    if (sealed !== undefined) sealed.left = true;
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
      this.note(unsealed.sender, recipient, unsealed.kind, bytesOf(unsealed.inner));
      return true;
    } catch {
      return false;
    }
  }

  private note(sender: Address, recipient: Address, kind: "prekey" | "signal", message: Uint8Array): void {
    const { key, ciphertext } = messageKeyUse(kind, message);
    const use = `${sender.account}.${sender.device} ${recipient.account}.${recipient.device} ${key}`;
    const before = this.seen.get(use);
    if (before === undefined) this.seen.set(use, ciphertext);
    else if (before !== ciphertext) {
      const counter = key.slice(key.indexOf("/") + 1);
      this.repeated.push(
        `device ${sender.device} to device ${recipient.device}, a ${kind} message, counter ${counter}`,
      );
    }
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
    lastResortUsed: async () => false,
  };
}
