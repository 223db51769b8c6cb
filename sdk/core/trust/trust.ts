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

  /**
   * Marks the identity held now as verified. With the digits that were compared, only if they still are the safety number.
   *
   * @throws invalidArgument before the peer's identity is known; identityChanged if the digits are no longer right.
   */
  async markVerified(peer: AccountId, compared?: string): Promise<void> {
    await this.decide(peer, compared, () => "verified");
  }

  /** Takes a changed identity as the present one, unverified. Does nothing if it did not change. @throws as `markVerified`. */
  async trustIdentity(peer: AccountId, compared?: string): Promise<void> {
    await this.decide(peer, compared, (before) => (before === "changed" ? "unverified" : before));
  }

  private async decide(
    peer: AccountId,
    compared: string | undefined,
    verdict: (before: Verification) => Verification,
  ): Promise<void> {
    const { store, peers, locks } = this.parts;
    await locks.run(peer, async () => {
      const row = await peers.get(peer);
      if (row.identityKey === undefined) {
        throw new SottoError("invalidArgument", { detail: "there is no safety number before the first contact" });
      }
      if (compared !== undefined && compared !== (await this.safetyNumber(peer))?.digits) {
        throw new SottoError("identityChanged");
      }
      await store.commit([peers.change({ ...row, verification: verdict(row.verification) })]);
    });
  }
}

type Verification = Row<"peer">["verification"];
