/** Sending: one request, every device of every named account, all or none. */

import { accountIdToBytes, type Frame, SottoError } from "@sotto/protocol";
import { type Asking, isAccessClear } from "./access.js";
import type { Recipient } from "./accounts.js";
import { type Attempted, inTurns, type Settled } from "./attempts.js";
import { type CommittedStorage, isCommitted } from "./commitment.js";
import { namesTwice } from "./device-list.js";
import { bundlesFor } from "./directory.js";
import { type Caller, type DeviceCaller, type Rules, refuse, sourceOf } from "./rules.js";
import { type Addressed, decideSend, type SendDecision, type Write } from "./send-decision.js";
import { claim, standingsOf } from "./standing.js";
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
 * Answers a `send`.
 *
 * Decides from remembered accounts without waiting; only a yes may rest on them, because the store checks the revisions
 * again. Every no is decided a second time from fresh documents, which is also why all refusals do the same work. (An
 * ephemeral yes is not checked again: on a node that did not make the last change it may be a little out of date.)
 *
 * The sends of one connection are decided in turns, and so stored in the order they came.
 */
export async function send(rules: Rules, caller: Caller, frame: Frame<"send">, arrivedMs: number): Promise<void> {
  spendSource(rules, caller, frame);
  if (!isCommitted(frame)) return caller.fail(frame.id, "badFrame");
  if (writesToOthers(caller, frame)) rules.sanctions.check(caller.device.account, "send");
  if (namesTwice(frame.recipients) || !frame.recipients.every((recipient) => isAccessClear(caller, recipient))) {
    return caller.fail(frame.id, "badFrame");
  }
  return inTurns(caller, (isFirst) => attempt(rules, caller, { frame, arrivedMs, isFirst }));
}

/** A send to be attempted. */
interface Attempt {
  readonly frame: Frame<"send"> & CommittedStorage;
  /** Monotonic. */
  readonly arrivedMs: number;
  readonly isFirst: boolean;
}

/** Decides a send, and hands it to the store if it may go ahead: within the call, where what is remembered says yes. */
function attempt(rules: Rules, caller: Caller, attempted: Attempt): Attempted | Promise<Attempted> {
  const { frame, isFirst } = attempted;
  const isReady = frame.storage === "ephemeral" || rules.stamps.isReady;
  if (!isFirst || !isReady) return attemptAfresh(rules, caller, attempted);
  const decision = decideSend(frame, rememberedRecipients(rules, frame), askingOf(rules, caller));
  return decision.kind === "write"
    ? goAhead(rules, caller, attempted, decision)
    : attemptAfresh(rules, caller, attempted);
}

async function attemptAfresh(rules: Rules, caller: Caller, attempted: Attempt): Promise<Attempted> {
  const { frame, arrivedMs } = attempted;
  if (frame.storage === "stored" && !rules.stamps.isReady) await rules.stamps.ready();
  const decision = await decideAfresh(rules, caller, frame, askingOf(rules, caller));
  if (decision.kind !== "write") {
    return { kind: "answer", answer: () => answerNo(rules, caller, frame, decision, arrivedMs) };
  }
  return goAhead(rules, caller, attempted, decision);
}

function goAhead(
  rules: Rules,
  caller: Caller,
  { frame, arrivedMs, isFirst }: Attempt,
  decision: Write,
): Attempted | Promise<Attempted> {
  // Again: it may have waited since it came.
  if (writesToOthers(caller, frame)) rules.sanctions.check(caller.device.account, "send");
  if (caller.device !== undefined && decision.addressed.some(isFirstContact)) {
    rules.sanctions.check(caller.device.account, "firstContact");
  }
  if (isFirst) spendRecipients(rules, caller, decision);
  const sending = sendingOf(frame, decision, arrivedMs);
  if (frame.storage === "ephemeral" || decision.rows.length === 0) {
    handOn(rules, caller, sending);
    return { kind: "done" };
  }
  const { commitment } = frame;
  const store = () => handOver(rules, sending, commitment, (storing, outcome) => tell(rules, caller, storing, outcome));
  return decision.claims.length === 0 ? store() : claimed(rules, caller, { frame, arrivedMs, decision, store });
}

/** Takes hold of what first contacts need before they go ahead. */
async function claimed(
  rules: Rules,
  caller: Caller,
  { frame, arrivedMs, decision, store }: Omit<Attempt, "isFirst"> & { decision: Write; store: () => Attempted },
): Promise<Attempted> {
  const code = await claim(rules, decision.claims, frame);
  if (code === undefined) return store();
  return { kind: "answer", answer: () => refuse(rules, caller, frame.id, arrivedMs, code) };
}

function askingOf(rules: Rules, { device }: Caller): Asking {
  return { device, signatures: rules.signatures, floor: rules.policy.firstContactFloor };
}

/** Decides from the accounts as they are now and, for a stranger, from what the tables say. */
async function decideAfresh(rules: Rules, caller: Caller, frame: Frame<"send">, asking: Asking): Promise<Decided> {
  const recipients = await freshRecipients(rules, frame);
  const decision = decideSend(frame, recipients, asking);
  if (decision.kind !== "strangers") return decision;
  rules.limiters.spend("lookUpsPerAccount", sourceOf(caller), frame.recipients.length);
  const decided = decideSend(frame, recipients, asking, await standingsOf(rules, caller, frame));
  if (decided.kind === "strangers") throw new SottoError("internal", { detail: "a stranger the tables do not know" });
  return decided;
}

/** A decision for which nobody has to be asked any more. */
type Decided = Exclude<SendDecision, { readonly kind: "strangers" }>;

function sendingOf(frame: Frame<"send"> & CommittedStorage, decision: Write, arrivedMs: number): Sending {
  const { addressed: guards, rows } = decision;
  const from = guards.some(({ ground }) => ground === "groupMember") ? "members" : "anybody";
  const stampedFor = stampedForOf(frame);
  return { request: frame, stampedFor, rows, guards, from, sizeBytes: sizeOf(decision), arrivedMs };
}

/** Tells the sender what became of an append. */
function tell(rules: Rules, caller: Caller, storing: Storing, outcome: Settled): void {
  switch (outcome.kind) {
    case "stored":
      tellStored(rules, caller, storing, outcome.cursors);
      break;
    case "repeated":
      tellRepeated(rules, caller, storing, outcome.acceptedMs);
      break;
    case "reused":
      tellReused(rules, caller, storing, outcome.acceptedMs);
      break;
    case "full":
      for (const mailbox of outcome.mailboxes) tellOwner(rules, mailbox);
      caller.fail(storing.request.id, "mailboxFull");
      break;
    case "moved":
      throw new SottoError("internal", { detail: "a log moved that the send did not name" });
  }
}

async function answerNo(
  rules: Rules,
  caller: Caller,
  { id, wantBundles }: Frame<"send">,
  decision: Exclude<Decided, Write>,
  arrivedMs: number,
): Promise<void> {
  switch (decision.kind) {
    case "refused":
      return refuse(rules, caller, id, arrivedMs, decision.code);
    case "mismatch": {
      const { accounts } = decision;
      const bundles = wantBundles === "yes" ? await bundlesFor(rules, caller, accounts) : [];
      return caller.answer({ type: "deviceMismatch", id, accounts, denied: [], bundles });
    }
    case "revoked":
      throw new SottoError("notAuthenticated", { detail: "the sending device was removed" });
  }
}

function rememberedRecipients(rules: Rules, frame: Frame<"send">): readonly (Recipient | undefined)[] {
  return frame.recipients.map(({ account }) => rules.accounts.remembered(account));
}

function freshRecipients(rules: Rules, frame: Frame<"send">): Promise<readonly (Recipient | undefined)[]> {
  return Promise.all(frame.recipients.map(({ account }) => rules.accounts.recipient(account)));
}

/** What every send costs its source, whether it may go ahead or not. */
function spendSource({ limiters }: Rules, caller: Caller, frame: Frame<"send">): void {
  if (frame.storage === "ephemeral") limiters.spend("ephemeralPerSource", sourceOf(caller));
  else if (caller.device === undefined) limiters.spend("sendsPerAddress", caller.remoteAddress);
  else limiters.spend("sendsPerAccount", caller.device.account);
}

/** What a send that may go ahead costs besides: strangers, acquaintances and contacts draw on buckets of their own. */
function spendRecipients({ limiters }: Rules, caller: Caller, { addressed }: Write): void {
  for (const { account, ground, sizeBytes } of addressed) {
    switch (ground) {
      case "firstContact":
        limiters.spend("firstContactsPerAccount", sourceOf(caller));
        limiters.spend("firstContactsPerRecipient", account);
        break;
      case "formerContact":
      case "reply":
        limiters.spend("identifiedPerRecipient", account);
        break;
      case "groupMember":
        limiters.spend("groupSendsPerRecipient", account);
        limiters.spend("groupBytesPerRecipient", account, sizeBytes);
        continue;
      case "contact":
      case "own":
        limiters.spend("sendsPerRecipient", account);
        break;
    }
    limiters.spend("bytesPerRecipient", account, sizeBytes);
  }
}

/** Whether a device writes to anybody but its own account's devices. What these tell each other is nobody else's. */
function writesToOthers(caller: Caller, { recipients }: Frame<"send">): caller is DeviceCaller {
  const own = caller.device?.account;
  return own !== undefined && recipients.some(({ account }) => account !== own);
}

function isFirstContact({ ground }: Addressed): boolean {
  return ground === "firstContact";
}

/** The accounts a stored send is stamped for. */
function stampedForOf({ recipients, storage }: Frame<"send"> & CommittedStorage): readonly Uint8Array[] {
  return storage === "ephemeral" ? [] : recipients.map(({ account }) => accountIdToBytes(account));
}

function sizeOf({ addressed }: Write): number {
  let sum = 0;
  for (const { sizeBytes } of addressed) sum += sizeBytes;
  return sum;
}
