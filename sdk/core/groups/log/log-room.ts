/** What a client's group logs consist of, and what they need of the rest of it. */

import type { AccountId, DeviceId } from "@sotto/protocol";
import type { OwnAccount } from "../../account/own-account.js";
import type { Counters } from "../../counters.js";
import type { Plan } from "../../inbox/plan.js";
import type { KeyedLock } from "../../keyed-lock.js";
import type { Outbox } from "../../outbox/outbox.js";
import type { Clock } from "../../ports.js";
import type { SealedStore } from "../../storage/sealed-store.js";
import { inviting } from "../inviting.js";
import type { Shown } from "../shown.js";
import { Checkpoints } from "./checkpoints.js";
import { Claims, type LogGap } from "./claims.js";
import { Forks, type GroupFork } from "./forks.js";
import type { GroupCrypto } from "./group-keys.js";
import { GroupRows, isIn } from "./group-rows.js";
import { LogReader } from "./log-reader.js";
import { type LogRequestParts, LogRequests } from "./log-requests.js";
import { LogSync } from "./log-sync.js";
import { LogTurns } from "./log-turns.js";
import { LogWriter } from "./log-writer.js";
import { OwnGroups } from "./own-groups.js";
import { OwnKeys } from "./own-keys.js";
import { type GroupChanged, Progress } from "./progress.js";
import { Upkeep, type UpkeepParts } from "./upkeep.js";

/** What group logs work with. */
export interface LogParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly locks: KeyedLock;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly crypto: GroupCrypto;
  readonly relay: LogRequestParts["relay"];
  readonly outbox: Pick<Outbox, "queue" | "room" | "vacancy">;
  /** How groups were stated to be called and to look. */
  readonly shown: Pick<Shown, "of" | "told" | "adopting" | "stating">;
  /** The other devices of this account. */
  others(): readonly DeviceId[];
  /** Accounts that the community allows in one group (`welcome.groupAccounts`). @throws offline, closed. */
  maxAccounts(): Promise<number>;
  /** Whether the relay holds the delivery key of the present profile key (`Access.handedOut`). */
  isKeyOut(): boolean;
  /** Another account's identity key, as it is known or as the relay names it. @throws notAllowed, offline and the like. */
  identityOf(account: AccountId): Promise<Uint8Array>;
  /** What follows from a change, in other rooms: runs under the locks of the group and of its conversation, committed with it. */
  consequences(changed: GroupChanged): Promise<Plan>;
  /** Two logs of one group were seen. */
  fork(fork: GroupFork): void;
  /** The relay withholds entries, or this device was shut out though its account is in the group. */
  logGap(gap: LogGap): void;
  failed(error: unknown): void;
}

/** The parts of it. */
export interface LogRoom {
  readonly turns: LogTurns;
  readonly rows: GroupRows;
  readonly keys: OwnKeys;
  readonly requests: LogRequests;
  readonly forks: Forks;
  readonly claims: Claims;
  readonly progress: Progress;
  readonly sync: LogSync;
  readonly writer: LogWriter;
  readonly checkpoints: Checkpoints;
  readonly ownGroups: OwnGroups;
  readonly upkeep: Upkeep;
}

/** Makes them. */
export function wireLog(parts: LogParts): LogRoom {
  const { store, account, crypto, clock } = parts;
  const turns: LogTurns = new LogTurns(() => ({ sync, writer }));
  const append: UpkeepParts["append"] = (id, wish) => turns.append(id, wish);
  const rows = new GroupRows(store);
  const keys = new OwnKeys({ account, engine: crypto.engine });
  const requests = new LogRequests(parts);
  const forks = new Forks({ store, engine: crypto.engine, fork: (fork) => parts.fork(fork) });
  const claims = new Claims({
    clock,
    async ask(id) {
      return turns.ask(id).catch((error: unknown) => {
        parts.failed(error);
        return "offline";
      });
    },
    readSeq(id) {
      const kept = rows.get(id);
      // Who was invited has no group yet that could lack something.
      return kept !== undefined && !isIn(kept) ? undefined : (kept?.state?.seq ?? 0);
    },
    gap: (gap) => parts.logGap(gap),
  });
  const ownGroups = new OwnGroups({ ...parts, rows, keys });
  const progress = new Progress({
    ...{ ...parts, rows, forks, keys },
    inviting: (whom, to) => inviting({ account, clock, random: crypto.random }, whom, to),
    tellOwn: (group) => ownGroups.tell(group),
  });
  const reader = new LogReader(requests);
  const sync = new LogSync({ account, crypto, rows, reader, progress, forks, claims, keys });
  const writer = new LogWriter({ account, crypto, clock, rows, requests, sync, progress, forks, keys });
  const checkpoints = new Checkpoints({ account, crypto, store, rows, requests, append });
  const upkeep = new Upkeep({ ...parts, rows, keys, checkpoints, append });
  return { turns, rows, keys, requests, forks, claims, progress, sync, writer, checkpoints, ownGroups, upkeep };
}
