/** The keys a report is verified with, on a second machine: from a copied data folder, or from the file `sotto-desk keys export` writes. */

import { fromHex, type HeadKeys, type Realm, realmOf, sealKeysOf, type Team, toHex } from "@sotto/protocol";
import { type KeyFileForm, readKeyFile, writeKeyFile } from "../../keys/key-file.js";
import { OperatorError } from "../../ops/operator-error.js";
import { isSoundKey, verifySignature } from "../keys/ed25519.js";
import type { Tables } from "../rows.js";

/** A team's key, sealed to one person. */
export interface SealedTeamKey {
  readonly team: Team;
  readonly publicKey: Uint8Array;
  readonly moderator: string;
  readonly sealed: Uint8Array;
}

/** What a desk's reports are verified with. Whoever holds it can make reports that verify. */
export interface VerifyKeys {
  readonly realm: Realm;
  readonly accountKeys: ReadonlyMap<number, Uint8Array>;
  readonly stampKeys: ReadonlyMap<number, Uint8Array>;
  readonly revokedAfterMs: ReadonlyMap<number, number>;
  /** Seeds. */
  readonly triage: readonly Uint8Array[];
  readonly teamKeys: readonly SealedTeamKey[];
}

/** The keys in a desk's rows. @throws OperatorError if no desk ever ran on them. */
export async function keysIn(tables: Tables): Promise<VerifyKeys> {
  const root = await tables.root.get("root");
  if (root === undefined) throw new OperatorError("No desk ever ran on this data folder: it holds no keys.");
  const byEpoch = <Value, Of>(rows: readonly { key: string; value: Value }[], of: (value: Value) => Of) =>
    new Map(rows.map(({ key, value }) => [Number(key), of(value)] as const));
  const issuer = (await tables.issuerKey.all()).filter(({ value }) => value.revokedAfterMs !== undefined);
  const teamKeys = new Map((await tables.teamKey.all()).map(({ key, value }) => [key, value]));
  const grants = await tables.teamGrant.all();
  return {
    realm: realmOf(root.publicKey),
    accountKeys: byEpoch(await tables.accountKey.all(), ({ key }) => key),
    stampKeys: byEpoch(await tables.stampKey.all(), ({ key }) => key),
    revokedAfterMs: byEpoch(issuer, ({ revokedAfterMs }) => revokedAfterMs ?? 0),
    triage: (await tables.triageKey.all()).map(({ value }) => value.seed),
    teamKeys: grants.flatMap(({ key, value }) => {
      const [keyId = "", moderator = ""] = key.split("/");
      const row = teamKeys.get(keyId);
      return row === undefined ? [] : [{ team: row.team, publicKey: row.publicKey, moderator, sealed: value.sealed }];
    }),
  };
}

/** What the desk's checks ask of keys. */
export function headKeysOf(keys: VerifyKeys, nowMs: number): HeadKeys {
  return {
    realm: keys.realm,
    accountKey: (epoch) => keys.accountKeys.get(epoch),
    stampKey: (epoch) => keys.stampKeys.get(epoch),
    revokedAfterMs: (epoch) => keys.revokedAfterMs.get(epoch),
    isSoundKey,
    verify: verifySignature,
    nowMs,
  };
}

const form: KeyFileForm<"realm" | "accountKeys" | "stampKeys" | "revoked" | "triage" | "teamKeys"> = {
  sotto: "desk verification keys",
  holds: "file of verification keys",
  fields: ["realm", "accountKeys", "stampKeys", "revoked", "triage", "teamKeys"],
  access: "owner",
};

/** Writes the keys to a file that only its owner may read. @throws OperatorError if there is one already. */
export async function writeVerifyKeys(file: string, keys: VerifyKeys): Promise<void> {
  const byEpoch = (held: ReadonlyMap<number, Uint8Array>) =>
    [...held].map(([epoch, key]) => `${epoch}:${toHex(key)}`).join(",");
  const values = {
    realm: toHex(keys.realm),
    accountKeys: byEpoch(keys.accountKeys),
    stampKeys: byEpoch(keys.stampKeys),
    revoked: [...keys.revokedAfterMs].map(([epoch, ms]) => `${epoch}:${ms}`).join(","),
    triage: keys.triage.map(toHex).join(","),
    teamKeys: keys.teamKeys
      .map(({ team, publicKey, moderator, sealed }) => [team, toHex(publicKey), moderator, toHex(sealed)].join(":"))
      .join(","),
  };
  await writeKeyFile(file, form, values, "create");
}

/** Reads the file. @throws OperatorError if there is none, or it is damaged. */
export async function readVerifyKeys(file: string): Promise<VerifyKeys> {
  const held = await readKeyFile(file, form);
  if (held === undefined) throw new OperatorError(`There are no keys at ${file}.`);
  const items = (text: string) => (text === "" ? [] : text.split(","));
  const byEpoch = (text: string) => new Map(items(text).map((item) => pair(item)));
  try {
    return {
      realm: fromHex(held.realm),
      accountKeys: byEpoch(held.accountKeys),
      stampKeys: byEpoch(held.stampKeys),
      revokedAfterMs: new Map(items(held.revoked).map((item) => item.split(":").map(Number) as [number, number])),
      triage: items(held.triage).map((item) => sealKeysOf(fromHex(item)).secretKey),
      teamKeys: items(held.teamKeys).map((item) => {
        const [team = "", publicKey = "", moderator = "", sealed = ""] = item.split(":");
        return { team: team as Team, publicKey: fromHex(publicKey), moderator, sealed: fromHex(sealed) };
      }),
    };
  } catch (cause) {
    throw new OperatorError(`${file} is damaged.`, 1, { cause });
  }
}

function pair(item: string): readonly [number, Uint8Array] {
  const [epoch = "", key = ""] = item.split(":");
  return [Number(epoch), fromHex(key)];
}
