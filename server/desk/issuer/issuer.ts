/**
 * The issuer: says of a device's keys whose they are. It checks standing and quota, and keeps of a batch only the names that would
 * have to be revoked; nothing of what is said with a token ever comes here.
 */

import { createHash } from "node:crypto";
import {
  type AccountId,
  accountTag,
  type DeskAnswer,
  type DeviceId,
  EPOCH_MS,
  epochOf,
  type FrankSpeaker,
  parseAccountId,
  toHex,
  tokenHash,
  tokenName,
  tokenText,
} from "@sotto/protocol";
import type { Ledger } from "../audit/ledger.js";
import { isSoundKey } from "../keys/ed25519.js";
import type { KeyRing } from "../keys/key-ring.js";
import type { Locks } from "../lock.js";
import { type FeedName, isUsable } from "../realm/feed.js";
import { sortable, type Tables } from "../rows.js";
import { barOf } from "./standing.js";

/** What the issuer works on. */
export interface IssuerParts {
  readonly tables: Tables;
  readonly ledger: Ledger;
  readonly locks: Locks;
  readonly keys: KeyRing;
  readonly batchesPerEpoch: number;
  now(): number;
}

/** An account gets as much as so many devices: the feed has to have room for all its tokens. */
const DEVICES_WORTH = 4;

/** Issues tokens. */
export class Issuer {
  readonly #parts: IssuerParts;

  constructor(parts: IssuerParts) {
    this.#parts = parts;
  }

  /** Issues one batch for the present epoch or the next. A batch that was issued before is answered the same, and costs nothing. */
  issue(speaker: FrankSpeaker, epoch: number, keys: readonly Uint8Array[]): Promise<DeskAnswer> {
    return this.#parts.locks.hold(`issue/${speaker.account}`, () => this.#issue(speaker, epoch, keys));
  }

  async #issue(speaker: FrankSpeaker, epoch: number, keys: readonly Uint8Array[]): Promise<DeskAnswer> {
    const { tables, ledger, keys: ring, batchesPerEpoch, now } = this.#parts;
    const present = epochOf(now());
    if (epoch !== present && epoch !== present + 1) return refused("epoch");
    const standing = await tables.standing.all(`${speaker.account}/`);
    const bar = barOf(
      standing.map(({ value }) => value),
      speaker.device,
      now(),
    );
    if (bar !== undefined) return { kind: "refused", reason: bar.reason, untilMs: bar.untilMs };
    const signing = ring.issuer(epoch);
    const accountKey = ring.accountKey(epoch);
    if (signing === undefined || accountKey === undefined) return refused("epoch");
    const prefix = `${sortable(epoch)}/${speaker.account}/${speaker.device}/`;
    const batch = `${prefix}${batchName(keys)}`;
    if ((await tables.batch.get(batch)) === undefined) {
      if (!keys.every(isSoundKey) || new Set(keys.map(toHex)).size !== keys.length) return refused("badAsk");
      const issued = await tables.batch.some(prefix, { limit: batchesPerEpoch });
      const most = batchesPerEpoch * DEVICES_WORTH;
      const ofAll = await tables.batch.some(`${sortable(epoch)}/${speaker.account}/`, { limit: most });
      // A device without any gets its first in any case: others of its account must not keep it from speaking.
      if (issued.length >= batchesPerEpoch || (issued.length > 0 && ofAll.length >= most))
        return { kind: "refused", reason: "quota", untilMs: (epoch + 1) * EPOCH_MS };
      await ledger.commit([tables.batch.put(batch, { names: Buffer.concat(keys.map(tokenName)) })]);
    }
    const tokens = keys.map((publicKey) => {
      const terms = { epoch, publicKey };
      const tag = accountTag(accountKey, ring.realm, speaker, terms);
      const text = tokenText(ring.realm, speaker, tokenHash(ring.realm, terms, tag));
      return { accountTag: tag, signature: signing.sign(text) };
    });
    return { kind: "tokens", epoch, tokens };
  }

  /** The tokens that could still be used, of every account and device that may not speak now. */
  async revokedNames(): Promise<readonly FeedName[]> {
    const { tables, now } = this.#parts;
    const barred = new Map<AccountId, Set<DeviceId | "all">>();
    for (const { key, value } of await tables.standing.all()) {
      if (value.untilMs !== undefined && value.untilMs <= now()) continue;
      const account = parseAccountId(key.slice(0, key.indexOf("/")));
      const devices = barred.get(account) ?? new Set();
      if (value.kind === "suspend" || value.kind === "mute") devices.add("all");
      if (value.kind === "revokeDevice" && value.device !== undefined) devices.add(value.device);
      barred.set(account, devices);
    }
    const present = epochOf(now());
    const found: FeedName[] = [];
    // Not those of an epoch that is over: what was said with them was said before.
    for (const epoch of [present - 1, present, present + 1].filter((one) => isUsable(one, now()))) {
      for (const [account, devices] of barred) {
        const scopes = devices.has("all") ? [""] : [...devices].map((device) => `${device}/`);
        for (const scope of scopes) {
          const batches = await tables.batch.all(`${sortable(epoch)}/${account}/${scope}`);
          for (const { value } of batches) found.push(...namesIn(value.names).map((name) => ({ epoch, name })));
        }
      }
    }
    return found;
  }

  /** Forgets the names of tokens that expired. */
  async forget(): Promise<void> {
    const { tables, ledger, now } = this.#parts;
    const first = sortable(epochOf(now()) - 1);
    for (;;) {
      const page = (await tables.batch.some("", { limit: 256 })).filter(({ key }) => key < first);
      if (page.length === 0) return;
      await ledger.commit(page.map(({ key }) => tables.batch.drop(key)));
    }
  }
}

function refused(reason: "epoch" | "badAsk"): DeskAnswer {
  return { kind: "refused", reason, untilMs: undefined };
}

function namesIn(names: Uint8Array): Uint8Array[] {
  return Array.from({ length: names.length / 8 }, (_, index) => names.slice(index * 8, index * 8 + 8));
}

function batchName(keys: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const key of keys) hash.update(key);
  return hash.digest("hex").slice(0, 32);
}
