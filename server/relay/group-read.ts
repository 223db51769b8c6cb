/** Reading a group's log: the present epoch's key reads everything, a former one's up to the entry that ended it. */

import { type Frame, groupReadText, limits } from "@sotto/protocol";
import type { LogEntry } from "../ports.js";
import { absentGroup } from "./group-keys.js";
import type { LoadedGroup } from "./groups.js";
import { type Caller, type Rules, refuse } from "./rules.js";

/** How far a request's time may be from ours; as long a signature that somebody else saw can be used again. */
const READ_WINDOW_MS = 5 * 60_000;

/** Entries in one answer, in bytes. With the last one's excess and a checkpoint it fits a frame several times. */
const PAGE_BYTES = 262_144;

/**
 * Answers `readGroup`. The checkpoint comes with it where entries that were deleted are missing from the answer, and for who
 * reads from the beginning, unless it stands for what came after the reader's last epoch.
 *
 * A time that is not ours is `badFrame` whether or not there is such a group.
 */
export async function readGroup(
  rules: Rules,
  caller: Caller,
  frame: Frame<"readGroup">,
  arrivedMs: number,
): Promise<void> {
  const { clock, groups, limiters, store } = rules;
  const { after, group, id } = frame;
  limiters.spend("groupReadsPerAddress", caller.remoteAddress);
  if (Math.abs(frame.atMs - clock.now()) > READ_WINDOW_MS) return caller.fail(id, "badFrame");
  const log = await groups.load(group);
  const head = readableHead(rules, caller, log, frame);
  if (head === undefined) return refuse(rules, caller, id, arrivedMs, "groupNotFound");

  const max = { count: limits.groupEntriesPerFrame.value, bytes: PAGE_BYTES };
  const entries = after < head ? await store.logs.read(group, { after, upTo: head }, max) : [];
  // A checkpoint and the deletions it allows are one commit: where one is missed, the other is there by now.
  // Who begins at 0 may have come in a later epoch than the first, and open nothing that was sealed before it.
  const isWanted = after < head && (after === 0 || isBroken(entries, after));
  const found = isWanted ? await store.logs.checkpoint(group) : undefined;
  const checkpoint = found !== undefined && found.seq <= head ? found : undefined;
  limiters.spend("groupBytesReadPerAddress", caller.remoteAddress, sizeOf(entries) + (checkpoint?.body.length ?? 0));
  caller.answer({ type: "groupEntries", id, head, checkpoint, entries });
}

/** The last number a reader may see; `undefined` if there is no such group or none of its epochs' keys signed. */
function readableHead(
  { limiters, signatures }: Rules,
  caller: Caller,
  log: LoadedGroup | undefined,
  frame: Frame<"readGroup">,
): number | undefined {
  const text = groupReadText(frame);
  const isSignedBy = ({ accessKey }: { readonly accessKey: Uint8Array }) =>
    signatures.verifyDevice(accessKey, text, frame.signature);
  const { former, present } = log?.document ?? absentGroup;
  if (isSignedBy(present)) {
    if (log !== undefined) limiters.spend("groupReadsPerGroup", frame.group);
    return log?.seq;
  }
  limiters.spend("formerKeysPerAddress", caller.remoteAddress);
  // Who was away missed the latest epochs, seldom all of them.
  return former.findLast(isSignedBy)?.endedBy;
}

/** Whether anything is missing behind `after` and between entries. */
function isBroken(entries: readonly LogEntry[], after: number): boolean {
  return entries.length === 0 || entries.some(({ seq }, index) => seq !== after + 1 + index);
}

function sizeOf(entries: readonly LogEntry[]): number {
  return entries.reduce((sum, { entry }) => sum + entry.length, 0);
}
