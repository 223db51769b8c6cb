/**
 * The log of a group: begun by anybody, continued by who holds a key of its present epoch. Entries are sealed; the relay
 * sees their number, their size and when they came, on connections that are bound to no account.
 */

import {
  type ConversationId,
  equalBytes,
  type Frame,
  groupAppendText,
  groupCreateText,
  limits,
  SottoError,
} from "@sotto/protocol";
import type { LogEntry } from "../ports.js";
import {
  absentGroup,
  type EpochKeys,
  epochOf,
  newGroup,
  type Signer,
  sameKeys,
  signerOf,
  withNextEpoch,
} from "./group-keys.js";
import type { Group, LoadedGroup } from "./groups.js";
import { type Caller, type Rules, refuse } from "./rules.js";

/** How often an entry is decided anew because another was appended meanwhile; the second time it has moved or is a repeat. */
const ATTEMPTS = 3;

/** An admin's entries may fill the log to this many times its bounds, so that a member who fills it stops nobody who can remove it. */
const ADMIN_ROOM = 2;

/**
 * Answers `createGroup`. Idempotent for the same first entry under the same keys, while that is kept.
 *
 * @throws badSignature unless both keys signed; groupExists if there is another log of this id.
 */
export async function createGroup(rules: Rules, caller: Caller, frame: Frame<"createGroup">): Promise<void> {
  const { clock, groups, limiters, metrics, signatures } = rules;
  const { accessKey, adminKey, accessSignature, adminSignature, entry, group, id } = frame;
  limiters.spend("groupsPerAddress", caller.remoteAddress);
  const text = groupCreateText(frame);
  const isSigned =
    signatures.verifyDevice(accessKey, text, accessSignature) &&
    signatures.verifyDevice(adminKey, text, adminSignature);
  if (!isSigned) throw new SottoError("badSignature", { detail: "a new group's keys" });
  limiters.spend("groupBytesWrittenPerAddress", caller.remoteAddress, entry.length);

  const document = newGroup({ accessKey, adminKey });
  const outcome = await groups.append({ group, expectedSeq: 0, acceptedMs: clock.now(), entry, document });
  if (outcome.kind === "appended") {
    metrics.count("groupsCreated");
    return caller.answer({ type: "groupAppended", id, seq: 1, acceptedMs: outcome.acceptedMs });
  }
  const log = await groups.load(group);
  const first = await entryAt(rules, group, 1);
  const isRepeat =
    log !== undefined &&
    first !== undefined &&
    equalBytes(first.entry, entry) &&
    sameKeys(epochOf(log.document, 1).keys, document.present);
  if (!isRepeat) throw new SottoError("groupExists");
  caller.answer({ type: "groupAppended", id, seq: 1, acceptedMs: first.acceptedMs });
}

/**
 * Answers `appendGroup`: of several entries for one number exactly one is appended, the others hear where the log is.
 * Idempotent for the same entry, for who could append it then: so also for the admin whose entry ended an epoch and whose
 * answer was lost. Everybody else hears `groupNotFound`, whatever the reason.
 *
 * @throws groupLogFull; tooLarge for a member's entry that only an admin's could have to be.
 */
export async function appendGroup(
  rules: Rules,
  caller: Caller,
  frame: Frame<"appendGroup">,
  arrivedMs: number,
): Promise<void> {
  const { clock, groups, limiters, metrics, policy } = rules;
  const { entry, expectedSeq, group, id, next } = frame;
  limiters.spend("groupWritesPerAddress", caller.remoteAddress);
  const text = groupAppendText(frame);
  let isPaid = false;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const log = await groups.load(group);
    const signer = mayAppend(rules, log?.document.present ?? absentGroup.present, text, frame);
    if (log === undefined) return refuse(rules, caller, id, arrivedMs, "groupNotFound");
    if (log.seq !== expectedSeq) {
      const repeated = await repeatOf(rules, log, text, frame);
      if (repeated !== undefined) {
        const { seq, acceptedMs } = repeated;
        return caller.answer({ type: "groupAppended", id, seq, acceptedMs });
      }
    }
    if (signer === undefined) return refuse(rules, caller, id, arrivedMs, "groupNotFound");
    if (log.seq !== expectedSeq) return caller.answer({ type: "groupMoved", id, seq: log.seq });

    if (signer === "access" && entry.length > limits.groupMemberEntryBytes.value) throw new SottoError("tooLarge");
    if (!isPaid) {
      limiters.spend("groupBytesWrittenPerAddress", caller.remoteAddress, entry.length);
      limiters.spend(signer === "admin" ? "groupAdminAppendsPerGroup" : "groupAppendsPerGroup", group);
    }
    isPaid = true;
    if (isFull(log, entry.length, policy.groupLog, signer)) throw new SottoError("groupLogFull");
    const seq = expectedSeq + 1;
    const document = next === undefined ? log.document : withNextEpoch(log.document, next, seq);
    const outcome = await groups.append({ group, expectedSeq, acceptedMs: clock.now(), entry, document });
    if (outcome.kind === "moved") continue;
    metrics.count("groupEntriesAppended");
    return caller.answer({ type: "groupAppended", id, seq, acceptedMs: outcome.acceptedMs });
  }
  throw new SottoError("busy", { detail: "a group's log changes too often" });
}

/** Who signed an entry, if it may append it: an entry with the next epoch's keys takes the admin's. */
function mayAppend(
  { signatures }: Pick<Rules, "signatures">,
  keys: EpochKeys,
  text: Uint8Array,
  { next, signature }: Pick<Frame<"appendGroup">, "next" | "signature">,
): Signer | undefined {
  const signer = signerOf(signatures, keys, { text, signature });
  return next !== undefined && signer === "access" ? undefined : signer;
}

/** The entry this one repeats, if it was appended by who signs now, with the same keys behind it. */
async function repeatOf(
  rules: Rules,
  { document, seq: head }: Group,
  text: Uint8Array,
  frame: Frame<"appendGroup">,
): Promise<LogEntry | undefined> {
  const seq = frame.expectedSeq + 1;
  if (seq > head) return undefined;
  const epoch = epochOf(document, seq);
  if (!sameKeys(epoch.next, frame.next) || mayAppend(rules, epoch.keys, text, frame) === undefined) return undefined;
  const found = await entryAt(rules, frame.group, seq);
  return found !== undefined && equalBytes(found.entry, frame.entry) ? found : undefined;
}

async function entryAt({ store }: Rules, group: ConversationId, seq: number): Promise<LogEntry | undefined> {
  const [found] = await store.logs.read(group, { after: seq - 1, upTo: seq }, { count: 1, bytes: 1 });
  return found;
}

function isFull(
  log: LoadedGroup,
  more: number,
  bounds: { readonly entries: number; readonly bytes: number },
  signer: Signer,
): boolean {
  const room = signer === "admin" ? ADMIN_ROOM : 1;
  return log.entries + 1 > bounds.entries * room || log.bytes + more > bounds.bytes * room;
}
