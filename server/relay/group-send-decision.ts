/** What is to become of a group send, decided from a log and accounts in memory: pure, so that it can be decided again. */

import { ACCESS_TAG_BYTES, type AccountId, type Frame } from "@sotto/protocol";
import type { AppendRow, Signatures } from "../ports.js";
import type { Recipient } from "./accounts.js";
import type { CommittedStorage } from "./commitment.js";
import { addressDevices, type DeviceMismatch } from "./device-list.js";
import { absentGroup } from "./group-keys.js";
import type { Group } from "./groups.js";
import type { MessageRecipient, SplitMessage } from "./multi-recipient.js";

/** A group send as it came, and the text its signature is over. */
export interface GroupSend {
  readonly frame: Frame<"sendGroup"> & CommittedStorage;
  readonly message: SplitMessage;
  readonly text: Uint8Array;
}

/** The decision on one group send. */
export type GroupSendDecision =
  | { readonly kind: "write"; readonly rows: readonly AppendRow[]; readonly recipients: readonly Recipient[] }
  | { readonly kind: "refused" }
  | { readonly kind: "moved"; readonly seq: number }
  | Mismatch;

/** Accounts that cannot be written to as the message has it: with the wrong devices, or not at all. */
export interface Mismatch {
  readonly kind: "mismatch";
  readonly accounts: readonly DeviceMismatch[];
  readonly denied: readonly AccountId[];
}

/** A hash no access tag was made with, which stands in for those of accounts that do not exist. */
const NO_HASH = new Uint8Array(32);

const REFUSED: GroupSendDecision = { kind: "refused" };

/**
 * Decides a group send. `recipients` stand in the order of the message's; `undefined` = no such account.
 *
 * The group's key is looked at first, then the log, then accounts: who is not in the group learns nothing of the log, and
 * who shows no tag of an account nothing of its devices. An account that is unknown takes the work of one whose tag is wrong.
 */
export function decideGroupSend(
  { frame, message, text }: GroupSend,
  group: Group | undefined,
  recipients: readonly (Recipient | undefined)[],
  signatures: Pick<Signatures, "verifyDevice" | "isAccessTag">,
): GroupSendDecision {
  const { present } = (group ?? { document: absentGroup }).document;
  const isSigned = signatures.verifyDevice(present.accessKey, text, frame.signature);
  if (group === undefined || !isSigned) return REFUSED;
  if (group.seq !== frame.revision) return { kind: "moved", seq: group.seq };

  const rows: AppendRow[] = [];
  const welcome: Recipient[] = [];
  const accounts: DeviceMismatch[] = [];
  const denied: AccountId[] = [];
  for (let index = 0; index < message.recipients.length; index++) {
    const { account, envelopes } = message.recipients[index] as MessageRecipient;
    const recipient = recipients[index];
    const hash = recipient?.deliveryKeyHash ?? NO_HASH;
    const at = index * ACCESS_TAG_BYTES;
    const isTag = signatures.isAccessTag({ messageId: frame.messageId, account, hash }, frame.accessTags, at);
    if (recipient === undefined || !isTag) {
      denied.push(account);
      continue;
    }
    const wrong = addressDevices(recipient, { envelopes, scope: "all" }, undefined, rows);
    if (wrong !== undefined) accounts.push(wrong);
    else welcome.push(recipient);
  }
  if (accounts.length + denied.length > 0) return { kind: "mismatch", accounts, denied };
  return { kind: "write", rows, recipients: welcome };
}
