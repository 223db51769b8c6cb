/** Prekey upkeep: enough one-time keys at the relay, long-lived ones rotated, and both sides agreeing on which they are. */

import { equalBytes, type Frame, keyDigest, limits, SottoError } from "@sotto/protocol";
import type { Clock, Engine, NewPrekey, NewSignedPrekey, StoreChange } from "../ports.js";
import type { Relay } from "../relay.js";
import { decodeRow, eachRow, encodeRow, keys, orderOf, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { OwnAccount } from "./own-account.js";

/** One-time keys of each kind are filled up to this many. */
const FULL = limits.oneTimePrekeys.value;
/** Ids that one run takes at most: one-time keys of both kinds, and the long-lived ones. */
const MAX_MADE = 2 * FULL + 2;
/** Fewer than this at the relay, and new ones are made. */
const LOW = 25;
/** The signed and the last-resort key are replaced this often. */
const ROTATE_MS = 2 * 24 * 3_600_000;
/** The relay keeps 100 one-time keys of a kind and hands out the lowest first, so it has none but the last of them. */
const MAY_BE_AT_RELAY = 3 * FULL;
/** A replaced key still opens mail that was written to it, until relays drop such mail. */
const KEEP_MS = 31 * 24 * 3_600_000;

/** One-time keys, and the changes that store them. */
interface OneTime {
  readonly curve: readonly NewPrekey[];
  readonly kyber: readonly NewSignedPrekey[];
  readonly changes: readonly StoreChange[];
}

/** The part of the relay that takes keys. */
interface PublishingRelay {
  readonly device: Pick<Relay["device"], "request">;
}

/** What the relay says of this device's keys. */
interface SeenKeys {
  readonly oneTimeCount: number;
  readonly kyberCount: number;
  readonly keyDigest?: Uint8Array | undefined;
  readonly highestPrekeyId?: number | undefined;
}

/** The long-lived keys as they are published. */
export interface LongLived {
  readonly signedPrekey: Frame<"register">["signedPrekey"];
  readonly lastResortPrekey: Frame<"register">["lastResortPrekey"];
}

/** Makes, stores, publishes and purges this device's prekeys. Private halves are on disk before the relay hears of them. */
export class Prekeys {
  private running: Promise<void> | undefined;
  /** One-time keys that are on disk and of which the relay may not have heard. */
  private unpublished: OneTime | undefined;

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
   * publishes them again if the relay's digest differs (drift, protocol.md §2). Keys that a later state of this device
   * published are replaced, all of them, since their private halves are lost. One run at a time.
   */
  keepUp(relay: PublishingRelay, seen: SeenKeys) {
    this.running ??= this.run(relay, seen).finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  private async run(
    relay: PublishingRelay,
    { oneTimeCount, kyberCount, keyDigest: theirs, highestPrekeyId = 0 }: SeenKeys,
  ): Promise<void> {
    const { store, account, clock } = this.parts;
    const nowMs = clock.now();
    const before = await this.longLived();
    const drifted = theirs !== undefined && !equalBytes(theirs, this.digest(before));
    // Ids only ever rise: one at the relay that was not given out here is a later state's, and its private half is lost.
    const isLost = account.mayHaveGivenOut(highestPrekeyId);
    if (isLost) account.skipPrekeyIds(highestPrekeyId);
    // Only lies lead here, and many of them: the device goes on with the keys it has, before half of new ones are made.
    if (!account.hasPrekeyIds(MAX_MADE)) throw new SottoError("badRelay", { detail: "prekey ids are used up" });
    const isOld = nowMs - account.current.rotatedMs > ROTATE_MS;
    const rotated = isOld || isLost ? this.makeLongLived() : undefined;
    const longLived = rotated?.published ?? before;

    // With a rotation that the relay has not heard of, a replacement may have got lost as well; so drift replaces too.
    const oneTime = isLost || drifted ? "replace" : "add";
    const wanted = (count: number) => (oneTime === "replace" ? FULL : count < LOW ? FULL - count : 0);
    const curve = wanted(oneTimeCount);
    const kyber = wanted(kyberCount);
    if (rotated === undefined && curve === 0 && kyber === 0) return;

    // A publication that failed is made again with the same keys, or every failure would leave some behind.
    const pending = oneTime === "add" && curve + kyber > 0 ? this.unpublished : undefined;
    const made = pending ?? this.makeOneTime(curve, kyber, nowMs);
    await store.commit([...(rotated?.changes ?? []), ...made.changes]);
    this.unpublished = { ...made, changes: [] };
    const publishesLongLived = rotated !== undefined || drifted;
    await relay.device.request({
      type: "publishKeys",
      oneTime,
      signedPrekey: publishesLongLived ? longLived.signedPrekey : undefined,
      lastResortPrekey: publishesLongLived ? longLived.lastResortPrekey : undefined,
      oneTimePrekeys: made.curve.map(({ id, key }) => ({ id, key })),
      kyberPrekeys: made.kyber.map(publicHalf),
    });
    this.unpublished = undefined;
    if (rotated !== undefined) await this.purge(nowMs);
  }

  /** Runs behind a rotation, so that its change of the account row is the later one. */
  private makeOneTime(curveCount: number, kyberCount: number, nowMs: number): OneTime {
    const { account, engine } = this.parts;
    const { ids, change } = account.reservePrekeyIds(curveCount + kyberCount);
    const curve = engine.generateCurvePrekeys(ids.slice(0, curveCount));
    const kyber = engine.generateKyberPrekeys(account.identity, ids.slice(curveCount), nowMs);
    const changes = [
      change,
      ...curve.map((key) => ({ key: keys.curvePrekey(key.id), value: prekeyRow(key, "oneTime", nowMs) })),
      ...kyber.map((key) => ({ key: keys.kyberPrekey(key.id), value: prekeyRow(key, "oneTime", nowMs) })),
    ];
    return { curve, kyber, changes };
  }

  /**
   * Deletes what was replaced or handed out long ago: long-lived keys but the present ones, and one-time keys below those
   * that the relay can still have. Mail that was written to them has expired.
   */
  private async purge(nowMs: number): Promise<void> {
    const { store, account } = this.parts;
    const { signedPrekeyId, lastResortPrekeyId } = account.current;
    const present = new Set([signedPrekeyId, lastResortPrekeyId]);
    const gone: string[] = [];
    for (const prefix of [keys.signedPrekeys, keys.kyberPrekeys, keys.curvePrekeys]) {
      const oneTime: { readonly key: string; readonly isOld: boolean }[] = [];
      for await (const { key, value } of eachRow(store, prefix)) {
        const { use, createdMs } = decodeRow("prekey", value);
        const isOld = nowMs - createdMs >= KEEP_MS;
        if (prefix !== keys.signedPrekeys && use === "oneTime") oneTime.push({ key, isOld });
        else if (isOld && !present.has(orderOf(key))) gone.push(key);
      }
      gone.push(...oneTime.slice(0, -MAY_BE_AT_RELAY).flatMap(({ key, isOld }) => (isOld ? [key] : [])));
    }
    if (gone.length > 0) await store.commit(gone.map((key) => ({ key, value: undefined })));
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
