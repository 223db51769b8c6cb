/** The manifest: what it says at a time, and the next one in the chain if that is something else. Pure. */

import {
  type DeskKey,
  digest,
  encodeManifest,
  equalBytes,
  FRANK_VERSION,
  fromHex,
  type Manifest,
  type ReadManifest,
  type Sign,
  statementHash,
} from "@sotto/protocol";
import type { IssuerEpoch, TriageKey } from "../keys/key-ring.js";
import { EPOCHS_BACK } from "../keys/upkeep.js";

/** What a manifest is made of. */
export interface ManifestParts {
  readonly root: Uint8Array;
  readonly epochs: readonly IssuerEpoch[];
  readonly triage: readonly TriageKey[];
  readonly teams: readonly { readonly id: string; readonly row: TeamKeyRow }[];
  readonly deskSigner: Uint8Array;
  readonly statement: string;
  readonly presentEpoch: number;
  readonly nowMs: number;
}

/** A team's key. */
export interface TeamKeyRow {
  readonly team: "community" | "platform" | "safety";
  readonly publicKey: Uint8Array;
  readonly notBeforeMs: number;
  readonly expiresMs: number;
}

type ManifestBody = Omit<Manifest, "number" | "previous" | "issuedMs">;

/** As many keys as a manifest lists. */
const MAX_DESK_KEYS = 16;

/**
 * The manifest that should be served, or `undefined` if the one that is says the same. `skipped` leaves out so many numbers, and makes
 * one in any case: for a desk whose rows are older than what is out there.
 */
export function nextManifest(held: ReadManifest | undefined, parts: ManifestParts, skipped = 0): Manifest | undefined {
  const body = bodyOf(parts);
  if (skipped === 0 && held !== undefined && equalBytes(bodyBytes(held), bodyBytes(body))) return undefined;
  return {
    ...body,
    number: (held?.number ?? 0) + 1 + skipped,
    previous: held?.hash ?? new Uint8Array(32),
    issuedMs: Math.max(parts.nowMs, held?.issuedMs ?? 0),
  };
}

/** Whether two manifests say the same in the same place of the chain, whenever they were made. */
export function saysTheSame(one: Manifest, other: Manifest): boolean {
  const isSamePlace = one.number === other.number && equalBytes(one.previous, other.previous);
  return isSamePlace && equalBytes(bodyBytes(one), bodyBytes(other));
}

function bodyOf({ root, epochs, triage, teams, deskSigner, statement, presentEpoch, nowMs }: ManifestParts) {
  const keys: DeskKey[] = [
    ...triage.map((key) => deskKey("triage", key.id, key)),
    ...teams.map(({ id, row }) => deskKey(row.team, id, row)),
  ];
  return {
    root,
    minFrankVersion: FRANK_VERSION,
    epochs: epochs
      .filter(({ epoch }) => epoch >= presentEpoch - EPOCHS_BACK)
      .map(({ epoch, publicKey, revokedAfterMs }) => ({ epoch, issuerKey: publicKey, revokedAfterMs })),
    deskKeys: keys
      .filter(({ expiresMs }) => nowMs < expiresMs)
      .sort((one, other) => other.expiresMs - one.expiresMs)
      .slice(0, MAX_DESK_KEYS),
    deskSigner,
    statementHash: statementHash(statement),
  };
}

function deskKey(role: DeskKey["role"], id: string, row: Omit<TeamKeyRow, "team">): DeskKey {
  const { publicKey, notBeforeMs, expiresMs } = row;
  return { role, id: fromHex(id), key: publicKey, notBeforeMs, expiresMs };
}

/** What stands in a manifest besides its place in the chain, as bytes that can be compared. */
function bodyBytes(body: ManifestBody): Uint8Array {
  const { root, minFrankVersion, epochs, deskKeys, deskSigner, statementHash: statement } = body;
  const manifest = { root, minFrankVersion, epochs, deskKeys, deskSigner, statementHash: statement };
  const place = { number: 1, previous: new Uint8Array(32), issuedMs: 0 };
  return digest(encodeManifest({ ...manifest, ...place }, () => new Uint8Array(64)));
}

/** The bytes of a manifest that a root which is elsewhere has still to sign. */
export function unsignedManifest(manifest: Manifest): Uint8Array {
  return encodeManifest(manifest, () => new Uint8Array(64));
}

/** Signs a manifest that was exported. For the machine where the root is. */
export function signManifest(manifest: Manifest, sign: Sign): Uint8Array {
  return encodeManifest(manifest, sign);
}
