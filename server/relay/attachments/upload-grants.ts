/**
 * Leave to upload: a device asks for it over its own connection, and spends it by HTTP, where it is nobody. The row between
 * the two names no account, and the account's row names no grant.
 */

import {
  decodeRecord,
  encodeRecord,
  type Frame,
  field,
  fromHex,
  SottoError,
  sealedAttachmentSize,
  toHex,
} from "@sotto/protocol";
import type { RelayPolicy } from "../../ports.js";
import type { DeviceCaller, Rules } from "../rules.js";
import type { TableBucket } from "../table-buckets.js";

const GRANTS: TableBucket = "uploadGrant";
/** How long a grant may be spent. */
const GRANT_TTL_MS = 3_600_000;
const TOKEN_BYTES = 16;
/**
 * What a blob counts at least. Of one byte it is two files, 8 KiB of most disks and a look at each start of the relay; file
 * systems commonly have room for one file in 16 KiB.
 */
const LEAST_COUNTED_BYTES = 32_768;

const row = field.record({
  version: field.uint(1, 1),
  bytes: field.uint(Number.MAX_SAFE_INTEGER, 1),
  expiresMs: field.timeMs,
});

/** What a grant allows. */
export interface UploadGrant {
  readonly bytes: number;
  readonly expiresMs: number;
}

/** Bytes of the largest blob the community takes: the sealed form of its largest attachment. */
export function largestBlob({ attachmentBytes }: Pick<RelayPolicy, "attachmentBytes">): number {
  return sealedAttachmentSize(attachmentBytes);
}

/**
 * Answers `requestUpload`. The bytes count against the account's quota from here on, until a blob of this grant would have
 * expired: a grant that is not used, because its answer was lost or its hour went by, costs as much as one that is. It names
 * nobody, so nobody could be given anything back.
 *
 * @throws tooLarge if no attachment of the community is so large, or the quota is smaller altogether.
 * @throws uploadQuota if the account has too little room left now.
 * @throws busy if the relay's folder has none; nothing is counted then.
 */
export async function requestUpload(rules: Rules, caller: DeviceCaller, frame: Frame<"requestUpload">): Promise<void> {
  const { blobs, clock, ledger, limiters, policy, random } = rules;
  const { account } = caller.device;
  const { bytes } = frame;
  limiters.spend("uploadGrantsPerAccount", account);
  rules.sanctions.check(account, "upload");
  const { attachmentQuotaBytes: quotaBytes, attachmentTtlMs } = policy;
  const countedBytes = Math.max(bytes, LEAST_COUNTED_BYTES);
  if (bytes > largestBlob(policy) || countedBytes > quotaBytes) throw new SottoError("tooLarge");
  const usage = blobs.usage();
  if (usage.bytes + bytes > usage.maxBytes) throw new SottoError("busy", { detail: "the blob folder is full" });

  const nowMs = clock.now();
  await ledger.charge(account, { bytes: countedBytes, quotaBytes, keptMs: GRANT_TTL_MS + attachmentTtlMs, nowMs });
  const token = random.bytes(TOKEN_BYTES);
  const expiresMs = nowMs + GRANT_TTL_MS;
  if (!(await putGrant(rules, grantKey(rules, token), { bytes, expiresMs }))) {
    throw new SottoError("internal", { detail: "a fresh token was taken" });
  }
  rules.metrics.count("uploads", "granted");
  caller.answer({ type: "uploadGranted", id: frame.id, token, expiresMs });
}

/** What came of showing a token. */
export type Spent =
  | { readonly kind: "spent"; readonly grant: UploadGrant }
  /** Never granted, spent already, or out of its time. */
  | { readonly kind: "unknown" }
  /** Good for less than was asked; it is not spent. */
  | { readonly kind: "tooSmall" };

/**
 * Spends the grant of a token, given in hex, for an upload of `bytes`. Of any number of callers exactly one gets `spent`; if
 * the relay dies before its upload is begun, the grant is gone, and another one must be asked for.
 */
export async function spendGrant(rules: Rules, tokenHex: string, bytes: number): Promise<Spent> {
  const key = grantKey(rules, fromHex(tokenHex));
  const stored = await rules.store.table.get(GRANTS, key);
  if (stored === undefined) return { kind: "unknown" };
  const grant = decodeGrant(stored.value);
  if (bytes > grant.bytes) return { kind: "tooSmall" };
  const { won } = await rules.store.table.compareAndSet(GRANTS, key, stored.revision, undefined);
  return won ? { kind: "spent", grant } : { kind: "unknown" };
}

/** Puts a grant back whose upload could not be begun, so that the client may try again with the same token. */
export async function unspendGrant(rules: Rules, tokenHex: string, grant: UploadGrant): Promise<void> {
  await putGrant(rules, grantKey(rules, fromHex(tokenHex)), grant);
}

async function putGrant({ clock, store }: Rules, key: string, { bytes, expiresMs }: UploadGrant): Promise<boolean> {
  const value = encodeRecord(row, { version: 1, bytes, expiresMs });
  const ttlMs = Math.max(1, expiresMs - clock.now());
  return (await store.table.compareAndSet(GRANTS, key, undefined, value, ttlMs)).won;
}

/** Tokens are looked up by their hash and never compared, so that no time tells how much of one was right. */
function grantKey({ signatures }: Rules, token: Uint8Array): string {
  return signatures.keyedHash("sotto/upload/1", toHex(token));
}

function decodeGrant(value: Uint8Array): UploadGrant {
  try {
    const { bytes, expiresMs } = decodeRecord(row, value);
    return { bytes, expiresMs };
  } catch (cause) {
    throw new SottoError("internal", { detail: "a stored upload grant does not parse", cause });
  }
}
