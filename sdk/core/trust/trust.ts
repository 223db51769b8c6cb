/** Identities and what the user decided about them. */

import { type AccountId, SottoError } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { KeyedLock } from "../keyed-lock.js";
import type { Engine } from "../ports.js";
import type { Row } from "../rows.js";
import type { Peers } from "../sessions/peers.js";
import type { SealedStore } from "../storage/sealed-store.js";

/** What two people compare to know that nobody sits between them. */
export interface SafetyNumber {
  /** 60 digits, the same on both sides. */
  readonly digits: string;
  /** Bytes for a QR code; compare with `matchesScanned`. */
  readonly scannable: Uint8Array;
  readonly verification: Row<"peer">["verification"];
}

/** Safety numbers and their verification. */
export class Trust {
  constructor(
    private readonly parts: {
      readonly store: SealedStore;
      readonly account: OwnAccount;
      readonly peers: Peers;
      readonly engine: Engine;
      readonly locks: KeyedLock;
    },
  ) {}

  /** The safety number with a peer; `undefined` before its identity is known. */
  async safetyNumber(peer: AccountId): Promise<SafetyNumber | undefined> {
    const { account, peers, engine } = this.parts;
    const { identityKey, verification } = await peers.get(peer);
    if (identityKey === undefined) return undefined;
    const own = { account: account.id, identityKey: account.identity.publicKey };
    return { ...engine.safetyNumber(own, { account: peer, identityKey }), verification };
  }

  /** Whether scanned bytes show the same pair of identities from the other side. */
  async matchesScanned(peer: AccountId, scanned: Uint8Array): Promise<boolean> {
    const mine = await this.safetyNumber(peer);
    return mine !== undefined && this.parts.engine.compareScanned(mine.scannable, scanned);
  }

  /** @throws invalidArgument before the peer's identity is known. */
  async markVerified(peer: AccountId): Promise<void> {
    await this.set(peer, "verified");
  }

  /** Takes a changed identity as the present one, unverified. Does nothing if it did not change. */
  async trustIdentity(peer: AccountId): Promise<void> {
    const { verification } = await this.parts.peers.get(peer);
    if (verification === "changed") await this.set(peer, "unverified");
  }

  private async set(peer: AccountId, verification: Row<"peer">["verification"]): Promise<void> {
    const { store, peers, locks } = this.parts;
    await locks.run(peer, async () => {
      const row = await peers.get(peer);
      if (row.identityKey === undefined) {
        throw new SottoError("invalidArgument", { detail: "there is no safety number before the first contact" });
      }
      await store.commit([peers.change({ ...row, verification })]);
    });
  }
}
