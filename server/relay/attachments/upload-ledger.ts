/** What each account was granted, one row each: exact however many ask at once, here or on another node. */

import { type AccountId, decodeRecord, encodeRecord, field, SottoError } from "@sotto/protocol";
import type { Signatures, Table } from "../../ports.js";
import type { TableBucket } from "../table-buckets.js";
import { countGrant, type GrantedDay, type QuotaQuestion } from "./upload-quota.js";

const UPLOADED: TableBucket = "uploaded";
/** How often a charge is tried against those of other nodes; on this one an account's charges wait for each other. */
const ATTEMPTS = 16;
/** Days that one row can hold: more than the longest setting keeps. */
const MAX_DAYS = 400;

const row = field.record({
  version: field.uint(1, 1),
  days: field.list(
    field.record({ day: field.uint(0xffff_ffff), bytes: field.uint(Number.MAX_SAFE_INTEGER) }),
    MAX_DAYS,
  ),
});

/** Charges accounts for what they are granted. */
export class UploadLedger {
  /** The end of the last charge of each account that has one under way. */
  private readonly last = new Map<AccountId, Promise<void>>();

  constructor(
    private readonly table: Table,
    private readonly signatures: Pick<Signatures, "keyedHash">,
  ) {}

  /**
   * Charges an account, durably.
   *
   * @throws uploadQuota with the time after which there is room.
   * @throws busy if other nodes keep winning.
   */
  async charge(account: AccountId, question: QuotaQuestion): Promise<void> {
    const before = this.last.get(account) ?? Promise.resolve();
    const charged = before.then(() => this.chargeNow(account, question));
    const ended = charged.catch(() => undefined);
    this.last.set(account, ended);
    await ended;
    if (this.last.get(account) === ended) this.last.delete(account);
    return charged;
  }

  private async chargeNow(account: AccountId, question: QuotaQuestion): Promise<void> {
    const key = this.signatures.keyedHash("sotto/uploaded/1", account);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const stored = await this.table.get(UPLOADED, key);
      const answer = countGrant(decodeDays(stored?.value), question);
      if (answer.kind === "full") throw new SottoError("uploadQuota", { retryAfterMs: answer.retryAfterMs });
      const value = encodeRecord(row, { version: 1, days: answer.days });
      const ttlMs = Math.max(1, answer.rememberedUntilMs - question.nowMs);
      if ((await this.table.compareAndSet(UPLOADED, key, stored?.revision, value, ttlMs)).won) return;
    }
    throw new SottoError("busy", { detail: "an account's uploads change too often" });
  }
}

function decodeDays(value: Uint8Array | undefined): readonly GrantedDay[] {
  if (value === undefined) return [];
  try {
    return decodeRecord(row, value).days;
  } catch (cause) {
    throw new SottoError("internal", { detail: "a stored count of uploads does not parse", cause });
  }
}
