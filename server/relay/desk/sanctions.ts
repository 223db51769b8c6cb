/**
 * What the desk did to accounts, as far as this relay carries it out: one row for each account, and what is in force in memory of
 * those that are here. It knows devices that name themselves. Who writes sealed, or to a group, is nobody's to this relay: there
 * it is the token that runs out, and the certificate.
 */

import {
  type AccountId,
  decodeRecord,
  decodeSanction,
  encodeRecord,
  equalBytes,
  field,
  type Sanction,
  SottoError,
  type TypeOf,
} from "@sotto/protocol";
import type { Clock, Signatures, Store } from "../../ports.js";
import type { TableBucket } from "../table-buckets.js";
import type { Realm } from "./realm.js";

const BUCKET: TableBucket = "sanction";
/** Sanctions of one account that are remembered; of more, those that ended first are forgotten. */
const MAX_REMEMBERED = 128;
/** How long a row stays behind the last end in it: the desk may say again what it said before. */
const KEPT_MS = 90 * 86_400_000;
/** How often a row is changed against others that change it. */
const ATTEMPTS = 8;

/** What an account does that may be refused it. */
export type Act = "send" | "firstContact" | "resolve" | "certificate" | "upload";

/** What each kind refuses, and how that is said. The gravest comes first. */
const refusals = [
  { kind: "suspend", code: "suspended", acts: ["send", "firstContact", "resolve", "certificate", "upload"] },
  { kind: "mute", code: "muted", acts: ["firstContact", "certificate", "upload"] },
  { kind: "noNewConversations", code: "restricted", acts: ["firstContact", "resolve"] },
] as const satisfies readonly {
  readonly kind: Sanction["kind"];
  readonly code: string;
  readonly acts: readonly Act[];
}[];

const kinds = refusals.map(({ kind }) => kind);
type LastingKind = (typeof kinds)[number];

const entry = field.record({
  id: field.bytes(16),
  /** `ended`: lifted, or over with being done. */
  kind: field.choice("suspend", "mute", "noNewConversations", "ended"),
  atMs: field.timeMs,
  untilMs: field.optional(field.timeMs),
});
const row = field.record({ sanctions: field.list(entry, MAX_REMEMBERED) });
type Entry = TypeOf<typeof entry>;

/** What the sanctions are made of. */
export interface SanctionParts {
  readonly store: Pick<Store, "table">;
  readonly clock: Pick<Clock, "now">;
  readonly signatures: Pick<Signatures, "verifyDevice">;
  readonly realm: Pick<Realm, "held">;
}

/** Takes sanctions, and says what they refuse. */
export class Sanctions {
  /** What was read of accounts that came, or was done to accounts. Those with nothing in force go with the next sweep. */
  private readonly known = new Map<AccountId, { readonly revision: number; readonly entries: readonly Entry[] }>();

  constructor(
    private readonly parts: SanctionParts,
    /** Removes a device of an account; nothing if there is none such. */
    private readonly removeDevice: (sanction: Sanction) => Promise<void>,
  ) {}

  /** Reads what was done to an account. Asked before one of its devices is welcomed; from then on `refusal` knows. */
  async load(account: AccountId): Promise<void> {
    const stored = await this.parts.store.table.get(BUCKET, account);
    if (stored !== undefined) this.note(account, stored.revision, decodeRow(stored.value));
  }

  /** Why an account may not do this now; `undefined` if it may. */
  refusal(account: AccountId, act: Act): SottoError | undefined {
    const known = this.known.get(account);
    if (known === undefined) return undefined;
    const nowMs = this.parts.clock.now();
    const inForce = known.entries.filter((one) => isInForce(one, nowMs));
    for (const { kind, code, acts } of refusals) {
      const of = inForce.filter((one) => one.kind === kind);
      if (of.length > 0 && acts.some((one) => one === act)) return new SottoError(code, waitOf(of, nowMs));
    }
    return undefined;
  }

  /** As `refusal`. @throws suspended, muted, restricted. */
  check(account: AccountId, act: Act): void {
    const refusal = this.refusal(account, act);
    if (refusal !== undefined) throw refusal;
  }

  /**
   * Carries out what the desk signed. Of several words under one id the first counts, and repeats do nothing. Resolves once it
   * is on disk.
   *
   * @throws badSignature if the signer that the realm's manifest names did not sign these bytes, or there is no manifest yet.
   */
  async enforce(encoded: Uint8Array): Promise<Sanction> {
    const sanction = this.read(encoded);
    switch (sanction.kind) {
      case "warn":
        break;
      case "revokeDevice":
        await this.enforceOnce(sanction, () => this.removeDevice(sanction));
        break;
      case "suspend":
      case "mute":
      case "noNewConversations":
      case "lift":
        await this.enforceOnce(sanction, async () => {});
        break;
    }
    return sanction;
  }

  /** Forgets of whom nothing is in force. To be called now and then. */
  prune(): void {
    const nowMs = this.parts.clock.now();
    for (const [account, { entries }] of this.known) {
      if (!entries.some((one) => isInForce(one, nowMs))) this.known.delete(account);
    }
  }

  private read(encoded: Uint8Array): Sanction {
    const held = this.parts.realm.held;
    if (held === undefined) throw new SottoError("badSignature", { detail: "a sanction before any manifest" });
    try {
      return decodeSanction(encoded, held.id, held.manifest.deskSigner, this.parts.signatures.verifyDevice);
    } catch (cause) {
      throw new SottoError("badSignature", { detail: "a sanction", cause });
    }
  }

  /** What is done at once is done before it is noted: if the process dies in between it is done again, to nobody's harm. */
  private async enforceOnce(sanction: Sanction, act: () => Promise<void>): Promise<void> {
    const { account, id } = sanction;
    const { table } = this.parts.store;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const stored = await table.get(BUCKET, account);
      const before = stored === undefined ? [] : decodeRow(stored.value);
      if (before.some((one) => equalBytes(one.id, id))) return;
      if (attempt === 0) await act();
      const nowMs = this.parts.clock.now();
      const entries = withSanction(before, sanction, nowMs);
      const value = encodeRecord(row, { sanctions: [...entries] });
      const written = await table.compareAndSet(BUCKET, account, stored?.revision, value, ttlOf(entries, nowMs));
      if (!written.won || written.revision === undefined) continue;
      this.note(account, written.revision, entries);
      return;
    }
    throw new SottoError("busy", { detail: "the sanctions of an account change too often" });
  }

  /** What was read before a change and comes after it is not taken. */
  private note(account: AccountId, revision: number, entries: readonly Entry[]): void {
    if ((this.known.get(account)?.revision ?? -1) < revision) this.known.set(account, { revision, entries });
  }
}

function withSanction(before: readonly Entry[], sanction: Sanction, nowMs: number): readonly Entry[] {
  const { atMs, id, kind, lifts, untilMs } = sanction;
  const lasting = kinds.find((one) => one === kind) satisfies LastingKind | undefined;
  const entries = before.map((one) =>
    lifts !== undefined && equalBytes(one.id, lifts) ? { ...one, kind: "ended" as const } : one,
  );
  // A lift may come before what it lifts, which then ends before it began.
  const isLiftedFirst = lifts !== undefined && !before.some((one) => equalBytes(one.id, lifts));
  if (isLiftedFirst) entries.push({ id: lifts.slice(), kind: "ended", atMs });
  entries.push({ id: id.slice(), kind: lasting ?? "ended", atMs, untilMs });
  const goes = entries.filter((one) => !isInForce(one, nowMs)).slice(0, Math.max(0, entries.length - MAX_REMEMBERED));
  return entries.filter((one) => !goes.includes(one)).slice(-MAX_REMEMBERED);
}

function isInForce({ kind, untilMs }: Entry, nowMs: number): boolean {
  return kind !== "ended" && (untilMs === undefined || nowMs < untilMs);
}

/** How long it is until the last of these is over; nothing where one has no end. */
function waitOf(entries: readonly Entry[], nowMs: number): { readonly retryAfterMs?: number } {
  const ends = entries.map(({ untilMs }) => untilMs ?? Number.POSITIVE_INFINITY);
  const last = Math.max(...ends);
  return last === Number.POSITIVE_INFINITY ? {} : { retryAfterMs: last - nowMs };
}

function ttlOf(entries: readonly Entry[], nowMs: number): number | undefined {
  const inForce = entries.filter((one) => isInForce(one, nowMs));
  const { retryAfterMs } = waitOf(inForce, nowMs);
  if (inForce.length === 0) return KEPT_MS;
  return retryAfterMs === undefined ? undefined : retryAfterMs + KEPT_MS;
}

function decodeRow(value: Uint8Array): readonly Entry[] {
  try {
    return decodeRecord(row, value).sanctions;
  } catch (cause) {
    throw new SottoError("internal", { detail: "stored sanctions do not parse", cause });
  }
}
