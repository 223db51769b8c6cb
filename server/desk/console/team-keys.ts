/**
 * The keys of teams, as browsers hand them on: whoever comes to a team without a key makes one, for themselves; to others it is sealed
 * once a person said so. Who works here is the desk's word alone, and a desk that lies could name a colleague who is itself: so each
 * box has a fingerprint, which people compare by voice. The desk keeps only what is sealed. Pure but for the chance it is given.
 */

import {
  deskKeyId,
  digest,
  fromHex,
  labelled,
  type SealKeys,
  seal,
  sealKeysOf,
  type Team,
  toHex,
  unseal,
} from "@sotto/protocol";
import type { Me, Moderator, NewTeamKey, TeamKeyGrant } from "../api.js";
import { fromBase64, toBase64 } from "../base64.js";
import { teamKeyContext } from "../person-key.js";

/** Groups of five digits in a fingerprint: over 80 bits, so that nobody finds a second box with the same one. */
const GROUPS = 5;
const GROUP_BYTES = 5;

/** A team's key that this browser holds. */
export interface HeldKey {
  readonly team: Team;
  readonly keyId: string;
  /** Its `secretKey` is the seed. */
  readonly keys: SealKeys;
}

/** Somebody who, as the desk says, works in a team and lacks keys that this browser holds. */
export interface WaitingPerson {
  readonly id: string;
  readonly name: string;
  /** What the keys would be sealed to: this and nothing the desk says later. */
  readonly box: Uint8Array;
  /** Of `box`. */
  readonly fingerprint: string;
  readonly lacks: readonly HeldKey[];
}

/** The keys in grants that open with a person's box and are what they say; others are left out. */
export function heldKeys(realm: string, grants: readonly TeamKeyGrant[], box: SealKeys): readonly HeldKey[] {
  return grants.flatMap((grant) => {
    const publicKey = fromBase64(grant.publicKey);
    const sealed = fromBase64(grant.sealed);
    if (publicKey === undefined || sealed === undefined) return [];
    const seed = unseal(box.secretKey, teamKeyContext(realm, grant.team, publicKey), sealed);
    if (seed?.length !== 32) return [];
    const keys = sealKeysOf(seed);
    if (toHex(keys.publicKey) !== toHex(publicKey)) return [];
    return [{ team: grant.team, keyId: toHex(deskKeyId(publicKey)), keys }];
  });
}

/** A new key of a team, sealed to whoever makes it and nobody else. `seed` is 32 random bytes, `box` the maker's own. */
export function newTeamKey(
  realm: string,
  team: Team,
  seed: Uint8Array,
  maker: { readonly id: string; readonly box: Uint8Array },
): NewTeamKey {
  const keys = sealKeysOf(seed);
  const sealed = sealedTo(realm, { team, keys }, maker.box);
  return { team, publicKey: toBase64(keys.publicKey), grants: [{ moderator: maker.id, sealed }] };
}

/** Who waits for keys that this browser holds, each once. Two boxes under one id are two people to look at. */
export function waitingPeople(
  realm: string,
  unsealed: Me["unsealed"],
  held: readonly HeldKey[],
  people: readonly Moderator[],
): readonly WaitingPerson[] {
  const found = new Map<string, WaitingPerson>();
  for (const { moderator: id, box: encoded, keyId } of unsealed) {
    const key = held.find((one) => one.keyId === keyId);
    const box = fromBase64(encoded);
    if (key === undefined || box === undefined) continue;
    const place = `${id}/${encoded}`;
    const name = people.find((one) => one.id === id)?.name ?? id;
    const before = found.get(place) ?? { id, name, box, fingerprint: fingerprintOf(realm, box), lacks: [] };
    found.set(place, { ...before, lacks: [...before.lacks, key] });
  }
  return [...found.values()];
}

/** The keys that somebody lacks, sealed to the box that was looked at. */
export function grantsTo(
  realm: string,
  { id, box, lacks }: WaitingPerson,
): readonly { readonly keyId: string; readonly moderator: string; readonly sealed: string }[] {
  return lacks.map((key) => ({ keyId: key.keyId, moderator: id, sealed: sealedTo(realm, key, box) }));
}

/** What people read to each other to know that a box is theirs: five groups of five digits. */
export function fingerprintOf(realm: string, box: Uint8Array): string {
  const hash = digest(labelled("sotto/desk-box-fingerprint/1", fromHex(realm), box));
  const groups = Array.from({ length: GROUPS }, (_, group) => {
    const bytes = hash.subarray(group * GROUP_BYTES, (group + 1) * GROUP_BYTES);
    const number = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    return String(number % 100_000).padStart(5, "0");
  });
  return groups.join(" ");
}

function sealedTo(realm: string, { team, keys }: Pick<HeldKey, "team" | "keys">, box: Uint8Array): string {
  return toBase64(seal(box, teamKeyContext(realm, team, keys.publicKey), keys.secretKey));
}
