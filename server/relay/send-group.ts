/** Sending to a group: one message for all devices of many accounts, all or none, whose payload is stored once. */

import {
  ACCESS_TAG_BYTES,
  type AccountId,
  type Frame,
  fromHex,
  groupSendText,
  limits,
  SottoError,
} from "@sotto/protocol";
import type { Recipient } from "./accounts.js";
import { type Attempted, inTurns, type Settled } from "./attempts.js";
import { isCommitted } from "./commitment.js";
import { bundlesFor } from "./directory.js";
import { decideGroupSend, type GroupSend, type GroupSendDecision, type Mismatch } from "./group-send-decision.js";
import { HEAD_BYTES, splitMessage } from "./multi-recipient.js";
import { type Caller, type Rules, refuse } from "./rules.js";
import {
  handOn,
  handOver,
  type Sending,
  type Storing,
  tellOwner,
  tellRepeated,
  tellReused,
  tellStored,
} from "./store-send.js";

/**
 * Answers a `sendGroup`.
 *
 * Decided as a send is: from what is remembered, without waiting, and a yes rests on that because the store looks at the
 * log's number and at the accounts' revisions again. Every no is decided a second time from what is on disk. There is no
 * promise for a recipient but then.
 *
 * An account that cannot take the message now, because its mailbox is full or too much was sent to it, is `denied` like
 * one whose access tag is wrong: what one account does must not mute a group.
 */
export async function sendGroup(
  rules: Rules,
  caller: Caller,
  frame: Frame<"sendGroup">,
  arrivedMs: number,
): Promise<void> {
  const { limiters, policy } = rules;
  const isStored = frame.storage === "stored";
  limiters.spend(isStored ? "sendsPerAddress" : "ephemeralPerSource", caller.remoteAddress);
  limiters.spend("groupSendBytesPerAddress", caller.remoteAddress, frame.message.length);
  if (!isCommitted(frame)) return caller.fail(frame.id, "badFrame");
  const message = splitMessage(frame.message, { accounts: policy.groupAccounts, devices: policy.groupRecipients });
  if (message.kind === "tooMany") throw new SottoError("tooManyRecipients");
  if (message.kind === "malformed" || frame.accessTags.length !== message.recipients.length * ACCESS_TAG_BYTES) {
    return caller.fail(frame.id, "badFrame");
  }
  if (HEAD_BYTES + message.shared.length > limits.ciphertextBytes.value) throw new SottoError("tooLarge");
  limiters.spend("groupRowsPerAddress", caller.remoteAddress, message.devices);

  const send: GroupSend = { frame, message, text: groupSendText(frame, rules.signatures.sha256) };
  return inTurns(caller, (isFirst) => attempt(rules, caller, { send, arrivedMs, isFirst }));
}

/** A send to be attempted. */
interface Attempt {
  readonly send: GroupSend;
  /** Monotonic. */
  readonly arrivedMs: number;
  readonly isFirst: boolean;
}

/** Decides a send, and hands it to the store if it may go ahead: within the call, where what is remembered says yes. */
function attempt(rules: Rules, caller: Caller, attempted: Attempt): Attempted | Promise<Attempted> {
  const { send, isFirst } = attempted;
  const isReady = send.frame.storage === "ephemeral" || rules.stamps.isReady;
  const decision = isFirst && isReady ? decideRemembered(rules, send) : undefined;
  return decision?.kind === "write"
    ? goAhead(rules, caller, attempted, decision)
    : attemptAfresh(rules, caller, attempted);
}

async function attemptAfresh(rules: Rules, caller: Caller, attempted: Attempt): Promise<Attempted> {
  const { send, arrivedMs } = attempted;
  const { frame } = send;
  if (frame.storage === "stored" && !rules.stamps.isReady) await rules.stamps.ready();
  const decision = await decideAfresh(rules, send);
  if (decision.kind !== "write") {
    return { kind: "answer", answer: () => answerNo(rules, caller, frame, decision, arrivedMs) };
  }
  return goAhead(rules, caller, attempted, decision);
}

function goAhead(
  rules: Rules,
  caller: Caller,
  { send, arrivedMs, isFirst }: Attempt,
  decision: Extract<GroupSendDecision, { readonly kind: "write" }>,
): Attempted {
  const { frame } = send;
  const { recipients, rows } = decision;
  const denied = isFirst ? spend(rules, send, recipients) : [];
  if (denied.length > 0) {
    return { kind: "answer", answer: () => answerMismatch(rules, caller, frame, { accounts: [], denied }, arrivedMs) };
  }
  const sending = sendingOf(send, decision, arrivedMs);
  if (frame.storage === "ephemeral" || rows.length === 0) {
    handOn(rules, caller, sending);
    return { kind: "done" };
  }
  return handOver(rules, sending, frame.commitment, (storing, outcome) =>
    tell(rules, caller, { storing, frame, recipients }, outcome),
  );
}

/** The decision by what is remembered; `undefined` if the log is not. */
function decideRemembered(rules: Rules, send: GroupSend): GroupSendDecision | undefined {
  const group = rules.groups.remembered(send.frame.group);
  if (group === undefined) return undefined;
  const recipients = send.message.recipients.map(({ account }) => rules.accounts.remembered(account));
  return decideGroupSend(send, group, recipients, rules.signatures);
}

/** The decision by the log and the accounts as they are now. Who is not in the group does not make us read accounts. */
async function decideAfresh(rules: Rules, send: GroupSend): Promise<GroupSendDecision> {
  const group = await rules.groups.load(send.frame.group);
  const withNobody = { ...send, message: { ...send.message, recipients: [] } };
  const first = decideGroupSend(withNobody, group, [], rules.signatures);
  if (first.kind !== "write") return first;
  const recipients = await Promise.all(send.message.recipients.map(({ account }) => rules.accounts.recipient(account)));
  return decideGroupSend(send, group, recipients, rules.signatures);
}

function sendingOf(
  { frame, message }: GroupSend,
  { recipients: guards, rows }: Extract<GroupSendDecision, { readonly kind: "write" }>,
  arrivedMs: number,
): Sending {
  const { group, revision: seq } = frame;
  const { shared } = message;
  const sizeBytes = rows.length * HEAD_BYTES + shared.length;
  const logGuard = { group, seq };
  const stampedFor = frame.storage === "stored" ? [fromHex(group)] : [];
  const sharing = { shared, logGuard };
  return { request: frame, stampedFor, rows, guards, group: sharing, from: "members", sizeBytes, arrivedMs };
}

/**
 * What a send that may go ahead costs its group and its recipients. A recipient pays for whole bodies, as if they came one
 * by one: that is what its devices fetch.
 *
 * @returns the accounts to which too much was sent.
 */
function spend({ limiters }: Rules, { frame, message }: GroupSend, recipients: readonly Recipient[]): AccountId[] {
  limiters.spend(frame.storage === "stored" ? "groupSendsPerGroup" : "groupEphemeralPerGroup", frame.group);
  const bodyBytes = HEAD_BYTES + message.shared.length;
  const denied: AccountId[] = [];
  for (const { account, devices } of recipients) {
    const waitMs =
      limiters.take("groupSendsPerRecipient", account) ||
      limiters.take("groupBytesPerRecipient", account, devices.length * bodyBytes);
    if (waitMs > 0) denied.push(account);
  }
  return denied;
}

/** What was stored, of whom, for whom. */
interface Stored {
  readonly storing: Storing;
  readonly frame: Frame<"sendGroup">;
  readonly recipients: readonly Recipient[];
}

/** Tells the sender what became of an append. */
async function tell(
  rules: Rules,
  caller: Caller,
  { storing, frame, recipients }: Stored,
  outcome: Settled,
): Promise<void> {
  switch (outcome.kind) {
    case "stored":
      tellStored(rules, caller, storing, outcome.cursors);
      rules.metrics.count("groupSendsAccepted");
      break;
    case "repeated":
      tellRepeated(rules, caller, storing, outcome.acceptedMs);
      break;
    case "reused":
      tellReused(rules, caller, storing, outcome.acceptedMs);
      break;
    case "full": {
      for (const mailbox of outcome.mailboxes) tellOwner(rules, mailbox);
      const full = new Set(outcome.mailboxes);
      const isFull = ({ devices }: Recipient) => devices.some(({ mailbox }) => full.has(mailbox));
      const denied = recipients.filter(isFull).map(({ account }) => account);
      await answerMismatch(rules, caller, frame, { accounts: [], denied }, storing.arrivedMs);
      break;
    }
    case "moved":
      // Whose log went away meanwhile is no group's member any more; it hears so when it asks again.
      caller.answer({ type: "groupMoved", id: frame.id, seq: outcome.seq });
      break;
  }
}

async function answerNo(
  rules: Rules,
  caller: Caller,
  frame: Frame<"sendGroup">,
  decision: Exclude<GroupSendDecision, { readonly kind: "write" }>,
  arrivedMs: number,
): Promise<void> {
  switch (decision.kind) {
    case "refused":
      return refuse(rules, caller, frame.id, arrivedMs, "groupNotFound");
    case "moved":
      return caller.answer({ type: "groupMoved", id: frame.id, seq: decision.seq });
    case "mismatch":
      return answerMismatch(rules, caller, frame, decision, arrivedMs);
  }
}

/** One answer for all accounts. With anybody denied it comes as late as a refusal, so that its time does not tell why. */
async function answerMismatch(
  rules: Rules,
  caller: Caller,
  { id, wantBundles }: Frame<"sendGroup">,
  { accounts, denied }: Omit<Mismatch, "kind">,
  arrivedMs: number,
): Promise<void> {
  if (denied.length > 0 && (await rules.refusals.hold(arrivedMs)) === "crowded") return caller.fail(id, "busy");
  const bundles = wantBundles === "yes" ? await bundlesFor(rules, caller, accounts) : [];
  caller.answer({ type: "deviceMismatch", id, accounts, denied, bundles });
}
