/** What the tables say of a stranger: read for identified sends without a good delivery key only, never for sealed ones. */

import { type Frame, SottoError } from "@sotto/protocol";
import type { AccountDocument } from "./account.js";
import { burn, checkGrant, type GrantStanding, type Nonce } from "./grants.js";
import { claimPair, hasWritten, type PairKey, type PairStanding, pairKey, pairStanding } from "./pairs.js";
import type { Caller, DeviceIdentity, Rules } from "./rules.js";

/** How a stranger stands to one recipient. */
export interface Standing {
  /** Whether the recipient wrote to it first and the row of that still lives. */
  readonly wroteFirst: boolean;
  readonly pair: PairStanding;
  readonly grant: GrantStanding;
  readonly claim: Claim;
}

/** What a first contact must take hold of before it is stored. */
export interface Claim {
  readonly pair: PairKey;
  readonly nonce: Nonce | undefined;
}

/** Stands in for the keys of an account that does not exist, so that asking about it takes the same work. */
const ABSENT: Pick<AccountDocument, "identityKey" | "deliveryKeyHash"> = {
  identityKey: new Uint8Array(33),
  deliveryKeyHash: new Uint8Array(32),
};

/**
 * How the sender stands to every recipient of a send but itself, in their order.
 *
 * @throws tooManyRequests, notAuthenticated if the sender's account is gone.
 */
export async function standingsOf(
  rules: Rules,
  caller: Caller,
  frame: Frame<"send">,
): Promise<readonly (Standing | undefined)[]> {
  const { device } = caller;
  if (device === undefined) return [];
  const own = await rules.accounts.load(device.account);
  if (own === undefined) throw new SottoError("notAuthenticated", { detail: "the sender's account was removed" });
  return Promise.all(
    frame.recipients.map((recipient) =>
      recipient.account === device.account
        ? undefined
        : standing(rules, { device, document: own.document }, { ...frame, ...recipient }),
    ),
  );
}

async function standing(
  rules: Rules,
  own: { readonly device: DeviceIdentity; readonly document: AccountDocument },
  contact: Pick<Frame<"send">, "messageId" | "purpose"> & Frame<"send">["recipients"][number],
): Promise<Standing> {
  const from = { account: own.device.account, ...keysOf(own.document) };
  const { account, messageId } = contact;
  if (contact.grant !== undefined) rules.limiters.spend("grantsPerAccount", from.account);
  const loaded = await rules.accounts.load(account);
  const to = { account, ...keysOf(loaded?.document ?? ABSENT) };
  const pair = pairKey(rules, from, to);
  // Who wrote first did so under a delivery key of then.
  const written = [from.deliveryKeyHash, ...own.document.formerKeyHashes].map((deliveryKeyHash) =>
    pairKey(rules, to, { account: from.account, deliveryKeyHash }),
  );
  const [wroteFirst, pairNow, grant] = await Promise.all([
    hasWritten(rules, written),
    pairStanding(rules, pair, contact),
    checkGrant(rules, contact.grant, { from: from.account, to: account, messageId }),
  ]);
  // What is covered by the pair was vouched for with its message: another nonce need not be spent.
  const nonce = pairNow === "covered" ? undefined : grant.nonce;
  return { wroteFirst, pair: pairNow, grant: grant.standing, claim: { pair, nonce } };
}

/**
 * Takes hold of everything the first contacts of a send need, durably and for this message id. A send that is not stored
 * afterwards may be repeated under its id.
 *
 * @returns why not, if somebody else was first.
 */
export async function claim(
  rules: Rules,
  claims: readonly Claim[],
  contact: Pick<Frame<"send">, "messageId" | "purpose">,
): Promise<"grantSpent" | "requestPending" | undefined> {
  for (const { nonce } of claims) {
    if (nonce !== undefined && !(await burn(rules, nonce, contact.messageId))) return "grantSpent";
  }
  for (const { pair } of claims) {
    if (!(await claimPair(rules, pair, contact))) return "requestPending";
  }
  return undefined;
}

function keysOf({ identityKey, deliveryKeyHash }: Pick<AccountDocument, "identityKey" | "deliveryKeyHash">) {
  return { identityKey, deliveryKeyHash };
}
