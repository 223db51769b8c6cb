/** Prekey upkeep: enough one-time keys at the relay, long-lived ones rotated, and both sides agreeing on which they are. */

import { type Frame, keyDigest, limits } from "@sotto/protocol";
import type { Clock, Engine, NewPrekey, NewSignedPrekey, StoreChange } from "../ports.js";
import type { Relay } from "../relay.js";
import { decodeRow, encodeRow, keys, orderOf, type Row, range } from "../rows.js";
import { sameBytes } from "../same-bytes.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { OwnAccount } from "./own-account.js";

/** One-time keys of each kind are filled up to this many. */
const FULL = limits.oneTimePrekeys.value;
/** Fewer than this at the relay, and new ones are made. */
const LOW = 25;
/** The signed and the last-resort key are replaced this often. */
const ROTATE_MS = 2 * 24 * 3_600_000;
/** A replaced key still opens mail that was written to it, until relays drop such mail. */
const KEEP_MS = 31 * 24 * 3_600_000;

/** The long-lived keys as they are published. */
export interface LongLived {
  readonly signedPrekey: Frame<"register">["signedPrekey"];
  readonly lastResortPrekey: Frame<"register">["lastResortPrekey"];
}

/** Makes, stores, publishes and purges this device's prekeys. Private halves are on disk before the relay hears of them. */
export class Prekeys {
  private running: Promise<void> | undefined;

  constructor(
    private readonly parts: {
      readonly store: SealedStore;
      readonly account: OwnAccount;
      readonly engine: Engine;
      readonly clock: Clock;
    },
  ) {}

  /** Makes a signed and a last-resort key; the caller commits the changes before it publishes them. */
  makeLongLived(): { readonly changes: readonly StoreChange[]; readonly published: LongLived } {
    const { account, engine, clock } = this.parts;
    const nowMs = clock.now();
    const { ids } = account.reservePrekeyIds(2);
    const [signedId, lastResortId] = ids as [number, number];
    const signed = engine.generateSignedPrekey(account.identity, signedId, nowMs);
    const [lastResort] = engine.generateKyberPrekeys(account.identity, [lastResortId], nowMs) as [NewSignedPrekey];
    return {
      changes: [
        { key: keys.signedPrekey(signedId), value: prekeyRow(signed, "oneTime", nowMs) },
        { key: keys.kyberPrekey(lastResortId), value: prekeyRow(lastResort, "lastResort", nowMs) },
        account.change({ signedPrekeyId: signedId, lastResortPrekeyId: lastResortId, rotatedMs: nowMs }),
      ],
      published: { signedPrekey: publicHalf(signed), lastResortPrekey: publicHalf(lastResort) },
    };
  }

  /** The published halves of the present long-lived keys. */
  async longLived(): Promise<LongLived> {
    const { store, account } = this.parts;
    const { signedPrekeyId, lastResortPrekeyId } = account.current;
    const [signed, lastResort] = await store.getMany([
      keys.signedPrekey(signedPrekeyId),
      keys.kyberPrekey(lastResortPrekeyId),
    ]);
    return {
      signedPrekey: stored(signedPrekeyId, signed),
      lastResortPrekey: stored(lastResortPrekeyId, lastResort),
    };
  }

  /**
   * Brings the relay's copy in line with this device's: fills up one-time keys, rotates old long-lived ones, and
   * publishes them again if the relay's digest differs (drift, protocol.md §2). One run at a time.
   */
  keepUp(relay: Relay, seen: { oneTimeCount: number; kyberCount: number; keyDigest?: Uint8Array | undefined }) {
    this.running ??= this.run(relay, seen).finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  private async run(
    relay: Relay,
    { oneTimeCount, kyberCount, keyDigest: theirs }: Parameters<Prekeys["keepUp"]>[1],
  ): Promise<void> {
    const { store, account, engine, clock } = this.parts;
    const nowMs = clock.now();
    const isOld = nowMs - account.current.rotatedMs > ROTATE_MS;
    const rotated = isOld ? this.makeLongLived() : undefined;
    const longLived = rotated?.published ?? (await this.longLived());
    const drifted = theirs !== undefined && !sameBytes(theirs, this.digest(longLived));

    const curve = oneTimeCount < LOW ? FULL - oneTimeCount : 0;
    const kyber = kyberCount < LOW ? FULL - kyberCount : 0;
    if (rotated === undefined && !drifted && curve === 0 && kyber === 0) return;

    const { ids, change } = account.reservePrekeyIds(curve + kyber);
    const curveKeys = engine.generateCurvePrekeys(ids.slice(0, curve));
    const kyberKeys = engine.generateKyberPrekeys(account.identity, ids.slice(curve), nowMs);
    await store.commit([
      ...(rotated?.changes ?? []),
      change, // behind the rotation's, which was made before these ids were reserved
      ...curveKeys.map((key) => ({ key: keys.curvePrekey(key.id), value: prekeyRow(key, "oneTime", nowMs) })),
      ...kyberKeys.map((key) => ({ key: keys.kyberPrekey(key.id), value: prekeyRow(key, "oneTime", nowMs) })),
    ]);
    const publishesLongLived = rotated !== undefined || drifted;
    await relay.device.request({
      type: "publishKeys",
      signedPrekey: publishesLongLived ? longLived.signedPrekey : undefined,
      lastResortPrekey: publishesLongLived ? longLived.lastResortPrekey : undefined,
      oneTimePrekeys: curveKeys.map(({ id, key }) => ({ id, key })),
      kyberPrekeys: kyberKeys.map(publicHalf),
    });
    if (rotated !== undefined) await this.purge(nowMs);
  }

  /** Deletes long-lived keys that were replaced long ago. */
  private async purge(nowMs: number): Promise<void> {
    const { store, account } = this.parts;
    const { signedPrekeyId, lastResortPrekeyId } = account.current;
    const present = new Set([signedPrekeyId, lastResortPrekeyId]);
    const changes: StoreChange[] = [];
    for (const prefix of [keys.signedPrekeys, keys.kyberPrekeys]) {
      for (const { key, value } of await store.list(range(prefix, 10_000))) {
        const row = decodeRow("prekey", value);
        const isOneTimeKyber = prefix === keys.kyberPrekeys && row.use === "oneTime";
        if (isOneTimeKyber || present.has(orderOf(key)) || nowMs - row.createdMs < KEEP_MS) continue;
        changes.push({ key, value: undefined });
      }
    }
    if (changes.length > 0) await store.commit(changes);
  }

  private digest({ signedPrekey, lastResortPrekey }: LongLived): Uint8Array {
    const { identityPublic, registrationId } = this.parts.account.current;
    return keyDigest({ identityKey: identityPublic, registrationId, signedPrekey, lastResortPrekey });
  }
}

function prekeyRow(prekey: NewPrekey | NewSignedPrekey, use: Row<"prekey">["use"], createdMs: number): Uint8Array {
  const { record, key } = prekey;
  const signature = "signature" in prekey ? prekey.signature : undefined;
  return encodeRow("prekey", { record, key, signature, use, createdMs });
}

function publicHalf({ id, key, signature }: NewSignedPrekey): LongLived["signedPrekey"] {
  return { id, key, signature };
}

function stored(id: number, row: Uint8Array | undefined): LongLived["signedPrekey"] {
  const { key, signature } = decodeRow("prekey", row ?? new Uint8Array(0));
  return { id, key, signature: signature ?? new Uint8Array(0) };
}
