/**
 * Appends to a group's log: reads it to its end, plans the change on what is there, signs, seals and asks the relay; if somebody
 * was faster, all of it anew. After a lost answer the log itself tells whether the entry is in it.
 */

import {
  type ConversationId,
  decodeGroupEntry,
  encodeGroupEntry,
  equalBytes,
  type GroupChange,
  type GroupState,
  SottoError,
} from "@sotto/protocol";
import type { OwnAccount } from "../../account/own-account.js";
import type { Clock } from "../../ports.js";
import { planChange } from "../state/plan.js";
import type { GroupIntent } from "../state/secrets-needed.js";
import type { Forks } from "./forks.js";
import {
  type EpochSecret,
  freshSecret,
  type GroupCrypto,
  mergedSecrets,
  sealHandover,
  sealRotation,
} from "./group-keys.js";
import { type GroupRows, isIn, type KeptGroup } from "./group-rows.js";
import type { Appending, LogRequests } from "./log-requests.js";
import type { LogSync } from "./log-sync.js";
import { walkEntry } from "./log-walk.js";
import type { OwnKeys } from "./own-keys.js";
import type { Progress } from "./progress.js";
import { sealEntry } from "./sealed-entries.js";

/** How often somebody else may be faster. */
const MAX_ATTEMPTS = 16;

/** What is to be done on a state; `undefined` if nothing is any more. */
export type Wish = (state: GroupState) => GroupIntent | undefined;

/** What writing works with. */
export interface LogWriterParts {
  readonly account: OwnAccount;
  readonly crypto: GroupCrypto;
  readonly clock: Clock;
  readonly rows: GroupRows;
  readonly requests: LogRequests;
  readonly sync: LogSync;
  readonly progress: Pick<Progress, "take">;
  readonly forks: Pick<Forks, "seen">;
  readonly keys: Pick<OwnKeys, "entryNonce">;
}

/** An entry ready to be appended. */
interface Prepared extends Appending {
  readonly hash: Uint8Array;
  readonly secrets: readonly EpochSecret[];
}

/** Writes. Calls for one group are made one after the other. */
export class LogWriter {
  constructor(private readonly parts: LogWriterParts) {}

  /**
   * Does what is wished, on the newest state there is. Resolves once the entry is in the log and durable here.
   *
   * @throws what `planChange` throws; groupLeft if this account is not in the group; busy if others are faster all the time, or
   *   this device lacks the secret it takes; what `LogSync.read` throws; groupLogFull, offline and the like.
   */
  async append(id: ConversationId, wish: Wish): Promise<KeptGroup> {
    const { sync, requests, rows } = this.parts;
    const tried: Uint8Array[] = [];
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const { kept, seen } = await sync.read(id);
      if (tried.some((hash) => seen.some((other) => equalBytes(hash, other)))) return kept;
      const { state } = kept;
      if (state === undefined || !isIn(kept)) throw new SottoError("groupLeft");
      const intent = wish(state);
      if (intent === undefined) return kept;
      const prepared = this.prepared(kept, state, intent);
      tried.push(prepared.hash);
      const answer = await requests.append(prepared).catch(unlessUnknown);
      if (answer?.type === "groupMoved") this.assertOnward(state, answer.seq);
      if (answer?.type !== "groupAppended") continue;
      await this.takeOwn(kept, prepared, answer);
      return rows.get(id) ?? kept;
    }
    throw new SottoError("busy", { detail: "others changed the group all the time" });
  }

  /** Opens the way to the same rules and the same commit as everybody's entries. */
  private async takeOwn(
    kept: KeptGroup,
    { entry, expectedSeq, secrets }: Prepared,
    { seq, acceptedMs }: { readonly seq: number; readonly acceptedMs: number },
  ): Promise<void> {
    const { sync, progress } = this.parts;
    if (seq !== expectedSeq + 1) throw new SottoError("badRelay", { detail: "an entry under another number" });
    const step = walkEntry(sync.walker(kept), { state: kept.state, secrets }, { seq, acceptedMs, entry });
    if (step.kind === "locked")
      throw new SottoError("groupLeft", { detail: "an own entry that this device cannot read" });
    const position = { state: step.walked.after, secrets: step.secrets };
    await progress.take({ batch: { walked: [step.walked], position, from: "position" } });
  }

  private prepared(kept: KeptGroup, state: GroupState, intent: GroupIntent): Prepared {
    const { account, crypto, clock, keys } = this.parts;
    const { group } = kept;
    const secret = kept.secrets.find(({ epoch }) => epoch === state.epoch);
    if (secret === undefined) throw new SottoError("busy", { detail: "the present epoch's secret is not here yet" });
    const { change, fresh } = this.completed(state, intent, secret);
    const entry = encodeGroupEntry(
      { group, previous: state.head, author: account.id, atMs: clock.now(), change },
      (text) => crypto.engine.sign(account.identity, text),
    );
    const place = { group, seq: state.seq + 1 };
    return {
      ...{ group, expectedSeq: state.seq, secret, next: nextKeys(change) },
      entry: sealEntry(crypto, place, { secret, entry, nonce: keys.entryNonce(place, entry) }),
      hash: decodeGroupEntry(entry).hash,
      secrets: fresh === undefined ? kept.secrets : mergedSecrets([fresh], kept.secrets),
    };
  }

  private completed(
    state: GroupState,
    intent: GroupIntent,
    { adminSecret }: EpochSecret,
  ): { readonly change: GroupChange; readonly fresh?: EpochSecret } {
    const { account, crypto } = this.parts;
    const { group } = state;
    const plan = planChange(state, account.id, intent);
    if (plan.needs === "nothing") return { change: plan.change };
    if (adminSecret === undefined) throw new SottoError("busy", { detail: "the admins' secret is not here yet" });
    if (plan.needs === "handover")
      return { change: plan.complete(sealHandover(crypto, group, { to: plan.to, adminSecret })) };
    const fresh = freshSecret(crypto, state.epoch + 1);
    return { change: plan.complete(sealRotation(crypto, group, { stays: plan.stays, fresh })), fresh };
  }

  private assertOnward({ group, seq }: GroupState, movedTo: number): void {
    if (movedTo >= seq) return;
    this.parts.forks.seen({ group, seenBy: "relay" });
    throw new SottoError("groupForked", { detail: "the relay has a shorter log than it showed" });
  }
}

function nextKeys(change: GroupChange): Appending["next"] {
  if (!("rotation" in change) || change.rotation === undefined) return undefined;
  const { accessKey, adminKey } = change.rotation;
  return { accessKey, adminKey };
}

/** After these the entry may be in the log, or an epoch began meanwhile: the log is read, and it tells. */
function unlessUnknown(error: unknown): undefined {
  const isUnknown =
    error instanceof SottoError && ["offline", "timeout", "badRelay", "busy", "groupNotFound"].includes(error.code);
  if (!isUnknown) throw error;
}
