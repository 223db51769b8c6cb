/** Checkpoints: an admin leaves the sealed state of a group, and the log it stands for is deleted. */

import { type Frame, groupCheckpointText, SottoError } from "@sotto/protocol";
import { absentGroup, encodeGroup, endsOfEpochs } from "./group-keys.js";
import type { LoadedGroup } from "./groups.js";
import { type Caller, type Rules, refuse } from "./rules.js";

/** The latest entries stay whatever a checkpoint stands for, so that who was away for a while reads on without it. */
const KEPT_ENTRIES = 200;

/** What a checkpoint costs its address, in entries: it is as large as this many of the largest. */
const WRITE_COST = 6;

/** How often a checkpoint is left anew because an entry was appended meanwhile. */
const ATTEMPTS = 4;

/**
 * Answers `putCheckpoint`. Entries below it are deleted but the latest, and those that ended an epoch which can still be
 * read: they carry the keys of the next. Where a later checkpoint was left, nothing changes.
 *
 * @throws badFrame if the log has no such entry; busy if entries keep coming, or another checkpoint is being left.
 */
export async function putCheckpoint(
  rules: Rules,
  caller: Caller,
  frame: Frame<"putCheckpoint">,
  arrivedMs: number,
): Promise<void> {
  const { groups, limiters, metrics } = rules;
  const { group, id } = frame;
  limiters.spend("groupWritesPerAddress", caller.remoteAddress, WRITE_COST);
  const log = await signedLog(rules, frame);
  if (log === undefined) return refuse(rules, caller, id, arrivedMs, "groupNotFound");
  limiters.spend("groupBytesWrittenPerAddress", caller.remoteAddress, frame.body.length);
  limiters.spend("groupCheckpointsPerGroup", group);
  await groups.whileCheckpointing(group, () => replace(rules, frame));
  metrics.count("groupCheckpoints");
  caller.answer({ type: "done", id });
}

async function replace(rules: Rules, frame: Frame<"putCheckpoint">): Promise<void> {
  const { body, group, seq } = frame;
  const { logs } = rules.store;
  const former = await logs.checkpoint(group);
  if (former !== undefined && seq < former.seq) return;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const log = await signedLog(rules, frame);
    if (log === undefined) throw new SottoError("groupNotFound");
    if (seq < 1 || seq > log.seq) throw new SottoError("badFrame", { detail: "a checkpoint of no entry" });
    const deleteBelow = Math.max(1, Math.min(seq, log.seq - KEPT_ENTRIES + 1));
    const document = encodeGroup(log.document);
    const keep = endsOfEpochs(log.document).filter((end) => end < deleteBelow);
    if (await logs.putCheckpoint({ group, expectedSeq: log.seq, seq, body, document, deleteBelow, keep })) return;
  }
  throw new SottoError("busy", { detail: "a group's log changes too often" });
}

/** The log as it is now, if its present admins' key signed the checkpoint. */
async function signedLog(
  { groups, signatures }: Rules,
  frame: Frame<"putCheckpoint">,
): Promise<LoadedGroup | undefined> {
  const log = await groups.load(frame.group);
  const { adminKey } = (log?.document ?? absentGroup).present;
  return signatures.verifyDevice(adminKey, groupCheckpointText(frame), frame.signature) ? log : undefined;
}
