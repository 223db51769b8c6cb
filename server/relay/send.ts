/** Sending: one request, every device of every named account, all or none. */

import { type Frame, SottoError } from "@sotto/protocol";
import type { AppendOutcome, AppendRow, Bus, MailboxId } from "../ports.js";
import type { Asking } from "./access.js";
import type { Recipient } from "./accounts.js";
import { namesTwice } from "./device-list.js";
import { bundlesFor } from "./directory.js";
import { type Caller, type Rules, refuse, sourceOf } from "./rules.js";
import { decideSend, type SendDecision, type Write } from "./send-decision.js";
import { claim, standingsOf } from "./standing.js";

/** How often a send is decided anew because an account changed under it. */
const ATTEMPTS = 4;

/**
 * Answers a `send`.
 *
 * Decides from remembered accounts without waiting; only a yes may rest on them, because the store checks the revisions
 * again. Every no is decided a second time from fresh documents, which is also why all refusals do the same work. (An
 * ephemeral yes is not checked again: on a node that did not make the last change it may be a little out of date.)
 *
 * While the recipients are remembered, everything before the append happens in one go, so that sends of one connection
 * are stored in the order they came. Only an identified send without a good delivery key asks the tables, and a first
 * contact writes them before it is stored.
 */
export async function send(rules: Rules, caller: Caller, frame: Frame<"send">, arrivedMs: number): Promise<void> {
  spendSource(rules, caller, frame);
  if (namesTwice(frame.recipients)) return caller.fail(frame.id, "badFrame");

  const asking = { device: caller.device, signatures: rules.signatures, floor: rules.policy.firstContactFloor };
  let decision = decideSend(frame, rememberedRecipients(rules, frame), asking);
  let isFresh = false;
  let isPaid = false;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (decision.kind === "write") {
      if (!isPaid) spendRecipients(rules, caller, decision);
      isPaid = true;
      if (frame.storage === "ephemeral" || decision.rows.length === 0) return handOn(rules, caller, frame, decision);
      if (decision.claims.length > 0) {
        const code = await claim(rules, decision.claims, frame);
        if (code !== undefined) return refuse(rules, caller, frame.id, arrivedMs, code);
      }
      const storing = { frame, decision, acceptedMs: rules.clock.now(), arrivedMs, isPushed: false };
      const outcome = await append(rules, storing);
      if (tell(rules, caller, storing, outcome)) return;
    } else if (isFresh && decision.kind !== "strangers") {
      return answerNo(rules, caller, frame, decision, arrivedMs);
    }
    decision = await decideAfresh(rules, caller, frame, asking);
    isFresh = true;
  }
  throw new SottoError("busy", { detail: "the recipients' accounts change too often" });
}

/** Decides from the accounts as they are now and, for a stranger, from what the tables say. */
async function decideAfresh(rules: Rules, caller: Caller, frame: Frame<"send">, asking: Asking): Promise<SendDecision> {
  const recipients = await freshRecipients(rules, frame);
  const decision = decideSend(frame, recipients, asking);
  if (decision.kind !== "strangers") return decision;
  rules.limiters.spend("lookUpsPerAccount", sourceOf(caller), frame.recipients.length);
  return decideSend(frame, recipients, asking, await standingsOf(rules, caller, frame));
}

/** Passes on what is not stored; nobody learns whether anybody was there. */
function handOn(rules: Rules, caller: Caller, frame: Frame<"send">, { rows }: Write): void {
  const acceptedMs = rules.clock.now();
  for (const { mailbox, body } of rows) {
    rules.bus.publish(mailbox, { kind: "ephemeral", messageId: frame.messageId, acceptedMs, body });
  }
  caller.answer({ type: "accepted", id: frame.id, acceptedMs });
}

/** One attempt at storing a send. */
interface Storing {
  readonly frame: Frame<"send">;
  readonly decision: Write;
  readonly acceptedMs: number;
  /** Monotonic. */
  readonly arrivedMs: number;
  isPushed: boolean;
}

/** Stores a send, and pushes it to who is online as soon as its cursors are known. */
function append({ bus, policy, store }: Rules, storing: Storing): Promise<AppendOutcome> {
  const { acceptedMs, decision, frame } = storing;
  const { rows, addressed: guards } = decision;
  return store.mail.append(
    { messageId: frame.messageId, acceptedMs, rows, guards, quota: policy.mailboxQuota },
    (cursors) => push(bus, storing, cursors),
  );
}

function push(bus: Bus, storing: Storing, cursors: readonly number[]): void {
  storing.isPushed = true;
  const { acceptedMs, decision, frame } = storing;
  for (let index = 0; index < decision.rows.length; index++) {
    const { mailbox, body } = decision.rows[index] as AppendRow;
    const envelope = { cursor: cursors[index] as number, messageId: frame.messageId, acceptedMs, body };
    bus.publish(mailbox, { kind: "mail", envelope });
  }
}

/** Tells the sender what became of an append; false if an account changed since the decision. */
function tell(rules: Rules, caller: Caller, storing: Storing, outcome: AppendOutcome): boolean {
  const { acceptedMs, arrivedMs, decision, frame } = storing;
  switch (outcome.kind) {
    case "stored":
      if (!storing.isPushed) push(rules.bus, storing, outcome.cursors);
      caller.answer({ type: "accepted", id: frame.id, acceptedMs });
      rules.metrics.count("envelopesAccepted", undefined, decision.rows.length);
      rules.metrics.count("bytesAccepted", undefined, sizeOf(decision));
      rules.metrics.observe("acceptSeconds", (rules.clock.monotonic() - arrivedMs) / 1_000);
      return true;
    case "repeated":
      caller.answer({ type: "accepted", id: frame.id, acceptedMs: outcome.acceptedMs });
      rules.metrics.count("sendsRepeated");
      return true;
    case "full":
      for (const mailbox of outcome.mailboxes) tellOwner(rules, mailbox);
      caller.fail(frame.id, "mailboxFull");
      return true;
    case "changed":
    case "noMailbox":
      return false;
  }
}

async function answerNo(
  rules: Rules,
  caller: Caller,
  { id, wantBundles }: Frame<"send">,
  decision: Exclude<SendDecision, Write | { readonly kind: "strangers" }>,
  arrivedMs: number,
): Promise<void> {
  switch (decision.kind) {
    case "refused":
      return refuse(rules, caller, id, arrivedMs, decision.code);
    case "mismatch": {
      const { accounts } = decision;
      const bundles = wantBundles === "yes" && mayFetch(rules, caller) ? await bundlesFor(rules, accounts) : [];
      return caller.answer({ type: "deviceMismatch", id, accounts, bundles });
    }
    case "revoked":
      throw new SottoError("notAuthenticated", { detail: "the sending device was removed" });
  }
}

/** Bundles with a mismatch cost what a fetch costs; without them the sender fetches, and hears when it may. */
function mayFetch({ limiters }: Rules, { device, remoteAddress }: Caller): boolean {
  return device === undefined
    ? limiters.take("bundlesPerAddress", remoteAddress) === 0
    : limiters.take("bundlesPerAccount", device.account) === 0;
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
      case "contact":
      case "own":
        limiters.spend("sendsPerRecipient", account);
        break;
    }
    limiters.spend("bytesPerRecipient", account, sizeBytes);
  }
}

function sizeOf({ addressed }: Write): number {
  let sum = 0;
  for (const { sizeBytes } of addressed) sum += sizeBytes;
  return sum;
}

function tellOwner({ bus, limiters }: Rules, mailbox: MailboxId): void {
  if (limiters.take("fullNoticesPerMailbox", mailbox) === 0) bus.publish(mailbox, { kind: "mailboxFull" });
}
