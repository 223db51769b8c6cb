/** Whom a word to a group goes to: the other members, as their devices and keys are known here, and who cannot be reached. */

import { type AccountId, type ConversationId, equalBytes } from "@sotto/protocol";
import type { OwnAccount } from "../../account/own-account.js";
import { hasCode } from "../../outbox/outcome.js";
import type { KnownDevice, Sessions } from "../../sessions/sessions.js";
import type { GroupSnapshot } from "../log/group-logs.js";
import type { Distributions, Holder } from "./distributions.js";
import type { Fellows } from "./fellows.js";
import type { Member, Unreached } from "./key-sharing.js";

/** What finding an audience works with. */
export interface AudienceParts {
  readonly account: OwnAccount;
  readonly fellows: Pick<Fellows, "of">;
  readonly sessions: Pick<Sessions, "devicesOf">;
  readonly distributions: Pick<Distributions, "holders">;
}

/** A member that a word goes to. */
export interface Reached extends Member {
  readonly devices: readonly KnownDevice[];
}

/** Everybody a word is for. */
export interface Audience {
  readonly reached: readonly Reached[];
  /** Their identity is another than the group's log says: nothing is encrypted to them. */
  readonly mistrusted: readonly AccountId[];
  /** Nothing is known that shows the relay the right to write to them. */
  readonly denied: readonly AccountId[];
}

/** Who could not be reached in one try to say something, and with which keys that was tried. */
export type Tried = ReadonlyMap<AccountId, { readonly why: Unreached; readonly member: Member }>;

/** The audience of a word; without those who could not be reached just now, unless more is known of them since. */
export async function audienceOf(
  { account: own, fellows, sessions }: AudienceParts,
  { id, state }: GroupSnapshot,
  tried: Tried,
): Promise<Audience> {
  const reached: Reached[] = [];
  const mistrusted: AccountId[] = [];
  const denied: AccountId[] = [];
  const others = state.members.filter(({ account }) => account !== own.id);
  await Promise.all(
    others.map(async ({ account }) => {
      const fellow = await fellows.of(id, account);
      if (fellow === undefined) return;
      const member = { account, fellow };
      const before = tried.get(account);
      if (before?.why === "identity") return void mistrusted.push(account);
      const isHopeless = before !== undefined && !knowsMore(member, before.member);
      if (isHopeless || fellow.deliveryKeyHashes.length === 0) return void denied.push(account);
      try {
        reached.push({ ...member, devices: await sessions.devicesOf(account, fellow) });
      } catch (error) {
        if (!hasCode(error, "identityChanged")) throw error;
        mistrusted.push(account);
      }
    }),
  );
  // Reads end in any order, and the order of members is told to nobody.
  reached.sort((one, other) => (one.account < other.account ? -1 : 1));
  return { reached, mistrusted, denied };
}

function knowsMore({ fellow }: Member, { fellow: before }: Member): boolean {
  return fellow.deliveryKeyHashes.some((hash) => !before.deliveryKeyHashes.some((shown) => equalBytes(shown, hash)));
}

/** How a key stands to an audience. */
export interface Holding {
  /** Devices hold it that are gone, or are others by now: they would read on. */
  readonly isLeaked: boolean;
  /** Members of whose devices some do not hold it yet. */
  readonly lacking: readonly Reached[];
}

/** Compares who holds a key with who should. */
export async function holdingOf(
  { distributions }: AudienceParts,
  { reached, mistrusted }: Audience,
  { group, distribution }: { readonly group: ConversationId; readonly distribution: Uint8Array },
): Promise<Holding> {
  const lacking: Reached[] = [];
  const { length: former } = (
    await Promise.all(mistrusted.map((account) => distributions.holders(group, account, distribution)))
  ).flat();
  let isLeaked = former > 0;
  await Promise.all(
    reached.map(async (member) => {
      const holders = await distributions.holders(group, member.account, distribution);
      if (holders.some((holder) => isGone(holder, member.devices))) isLeaked = true;
      // A member without known devices is looked for: somebody may have joined, or started over.
      if (member.devices.length === 0 || member.devices.some((device) => !holds(device, holders))) lacking.push(member);
    }),
  );
  return { isLeaked, lacking };
}

/** Without a session nothing is known of a device but its number: it may be the same. */
function isGone(holder: Holder, devices: readonly KnownDevice[]): boolean {
  const present = devices.find(({ device }) => device === holder.device);
  if (present === undefined) return true;
  return present.registrationId !== undefined && present.registrationId !== holder.registrationId;
}

function holds({ device, registrationId }: KnownDevice, holders: readonly Holder[]): boolean {
  return holders.some((holder) => holder.device === device && holder.registrationId === registrationId);
}
