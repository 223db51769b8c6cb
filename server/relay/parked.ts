/**
 * What a device leaves behind when it closes: the hash of a token. Whoever comes back with the token is in the state the
 * device left; whoever comes without it may be an older copy. The row is spent by every greeting, whatever it showed.
 */

import { equalBytes, type Frame, hashResumeToken, SottoError } from "@sotto/protocol";
import type { MailboxId } from "../ports.js";
import type { DeviceCaller, Rules } from "./rules.js";
import type { TableBucket } from "./table-buckets.js";

const PARKED: TableBucket = "parked";

/** A device that stays away for longer counts as one whose state nobody vouches for. */
const PARKED_TTL_MS = 90 * 86_400_000;

/** How often a row is tried against others; only its own device writes it, from connections that displace each other. */
const ATTEMPTS = 8;

/**
 * Answers `park`.
 *
 * The first try takes effect at once, so that a connection that is displaced later cannot leave its token behind what the
 * newer one has already spent.
 */
export async function park(rules: Rules, caller: DeviceCaller, frame: Frame<"park">): Promise<void> {
  const { account, mailbox } = caller.device;
  rules.limiters.spend("parksPerAccount", account);
  const { table } = rules.store;
  let revision: number | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const written = await table.compareAndSet(PARKED, mailbox, revision, frame.tokenHash, PARKED_TTL_MS);
    if (written.won) return caller.answer({ type: "done", id: frame.id });
    revision = written.revision;
  }
  throw new SottoError("busy", { detail: "a device parks in many places at once" });
}

/**
 * Spends what a device left behind, if it left something. `yes` for one caller only, and only with the right token.
 *
 * @throws busy if it cannot be spent; the device must not be greeted then.
 */
export async function spendParked(
  { store: { table } }: Rules,
  mailbox: MailboxId,
  token: Uint8Array | undefined,
): Promise<Frame<"welcome">["resumed"]> {
  const shown = hashResumeToken(token ?? NO_TOKEN);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const row = await table.get(PARKED, mailbox);
    if (row === undefined) return "no";
    const { won } = await table.compareAndSet(PARKED, mailbox, row.revision, undefined);
    if (won) return token !== undefined && equalBytes(row.value, shown) ? "yes" : "no";
  }
  throw new SottoError("busy", { detail: "what a device left behind keeps changing" });
}

/** Forgets what a device that is gone left behind. */
export async function forgetParked(rules: Rules, mailbox: MailboxId): Promise<void> {
  await spendParked(rules, mailbox, undefined);
}

/** Stands in for a token that was not shown. */
const NO_TOKEN = new Uint8Array(16);
