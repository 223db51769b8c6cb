/** Begins a group: its first entry, its first secret, and its log at the relay. */

import {
  type ConversationId,
  encodeGroupEntry,
  type Frame,
  type GroupEntryBody,
  parseConversationId,
  SottoError,
  toHex,
} from "@sotto/protocol";
import type { OwnAccount } from "../../account/own-account.js";
import type { Clock } from "../../ports.js";
import { type AdminEpochSecret, freshSecret, type GroupCrypto } from "./group-keys.js";
import type { KeptGroup } from "./group-rows.js";
import type { LogRequests } from "./log-requests.js";
import { walkEntry } from "./log-walk.js";
import type { OwnKeys } from "./own-keys.js";
import type { Progress } from "./progress.js";
import { sealEntry } from "./sealed-entries.js";

/** How often the same first entry is sent where the answer was lost. */
const MAX_ATTEMPTS = 3;
const GROUP_ID_BYTES = 16;

/** What founding works with. */
export interface FoundingParts {
  readonly account: OwnAccount;
  readonly crypto: GroupCrypto;
  readonly clock: Clock;
  readonly requests: Pick<LogRequests, "create">;
  readonly progress: Pick<Progress, "take">;
  readonly keys: OwnKeys;
  /** Accounts that the community allows in one group. */
  maxAccounts(): Promise<number>;
}

/**
 * Begins a group with this account as its owner. Resolves once that is durable here; a crash before leaves a log at the relay
 * that nobody knows of.
 *
 * @throws invalidArgument for a setting out of bounds; outboxFull; offline and the like.
 */
export async function foundGroup(parts: FoundingParts, settings: GroupEntryBody<"update">): Promise<ConversationId> {
  const { account, crypto, clock, keys, progress, maxAccounts } = parts;
  const group = parseConversationId(toHex(crypto.random.bytes(GROUP_ID_BYTES)));
  const secret = freshSecret(crypto, 1);
  const founder = { maxAccounts: await maxAccounts(), identityKey: account.identity.publicKey, ...keys.published() };
  const change = { kind: "create", ...founder, ...settings } as const;
  const previous = new Uint8Array(32);
  const entry = encodeGroupEntry({ group, previous, author: account.id, atMs: clock.now(), change }, (text) =>
    crypto.engine.sign(account.identity, text),
  );
  const place = { group, seq: 1 };
  const sealed = sealEntry(crypto, place, { secret, entry, nonce: keys.entryNonce(place, entry) });
  const { seq, acceptedMs } = await appended(parts, { group, sealed, secret });
  if (seq !== 1) throw new SottoError("badRelay", { detail: "a first entry under another number" });

  const walker = { crypto, group, me: account.id, wrapKeys: keys.kept([]) };
  const step = walkEntry(walker, { state: undefined, secrets: [secret] }, { seq, acceptedMs, entry: sealed });
  if (step.kind === "locked") throw new Error("an own entry that does not open");
  const seed: KeptGroup = {
    ...{ group, status: "joined", version: 0, state: undefined, claimed: undefined, checkpoint: undefined },
    ...{ secrets: [secret], wrapKeys: [], past: [], writers: [] },
  };
  const batch = {
    walked: [step.walked],
    position: { state: step.walked.after, secrets: step.secrets },
    from: "position",
  } as const;
  await progress.take({ batch, entering: { newsFrom: 1, kept: seed } });
  return group;
}

/** The same bytes again are the same group, so that a lost answer makes no second one. */
async function appended(
  { requests }: FoundingParts,
  log: { readonly group: ConversationId; readonly sealed: Uint8Array; readonly secret: AdminEpochSecret },
): Promise<Frame<"groupAppended">> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await requests.create(log.group, log.sealed, log.secret);
    } catch (error) {
      const isLost = error instanceof SottoError && (error.code === "offline" || error.code === "timeout");
      if (!isLost || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}
