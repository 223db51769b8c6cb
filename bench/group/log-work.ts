/**
 * What it takes to come to a group's state: from its whole log, from a checkpoint, and, to compare, only the signature
 * checks. Prints one line of JSON.
 *
 *   node --conditions=sotto-source --import tsx bench/group/log-work.ts whole|checkpoint|signatures <changes>
 */

import {
  decodeGroupEntry,
  encodeGroupState,
  type GroupEntry,
  type GroupState,
  groupCheckpointContext,
  groupEntryContext,
} from "@sotto/protocol";
import { applyEntry, beginGroup } from "../../sdk/core/groups/state/apply.js";
import { restoreGroup } from "../../sdk/core/groups/state/restore.js";
import { Historian, type History, open, type Sealed, verify } from "./log-history.js";

/** Entries behind the checkpoint. */
const BEHIND = 10;

const [work, changes] = process.argv.slice(2);
const history = new Historian().write(Number(changes), BEHIND);

function entryOf({ group, entryKeys }: History, sealed: Sealed): GroupEntry {
  return decodeGroupEntry(open(sealed, groupEntryContext(group, sealed.seq, sealed.epoch), entryKeys));
}

function followed(state: GroupState, from: readonly Sealed[]): GroupState {
  return from.reduce((before, sealed) => {
    const outcome = applyEntry(before, { seq: sealed.seq, entry: entryOf(history, sealed) }, verify);
    if (outcome.kind === "ignored") throw new Error(`entry ${sealed.seq}: ${outcome.reason}`);
    return outcome.state;
  }, state);
}

function whole(): GroupState {
  const [first, ...rest] = history.entries;
  if (first === undefined) throw new Error("no log");
  const begun = beginGroup(history.group, entryOf(history, first), verify);
  if (begun.kind === "refused") throw new Error(begun.reason);
  return followed(begun.state, rest);
}

function checkpoint(): GroupState {
  const { group, checkpoint: sealed, entryKeys, entries } = history;
  const state = restoreGroup(open(sealed, groupCheckpointContext(group, sealed.seq, sealed.epoch), entryKeys));
  return followed(state, entries.slice(sealed.seq - 1));
}

/** The checks of one key again and again: less than any log takes. */
function signatures(): undefined {
  const [sealed] = history.entries;
  const entry = sealed && entryOf(history, sealed);
  if (entry?.change.kind !== "create") throw new Error("no log");
  for (const _ of history.entries)
    if (!verify(entry.change.identityKey, entry.text, entry.signature)) throw new Error("a good signature is good");
  return undefined;
}

const works = { whole, checkpoint, signatures };
const run = Object.entries(works).find(([name]) => name === work)?.[1];
if (run === undefined) throw new Error(`say one of ${Object.keys(works).join(", ")}`);
const startedMs = performance.now();
const { user, system } = process.cpuUsage();
const state = run();
const wallMs = performance.now() - startedMs;
const after = process.cpuUsage();
const bytes = history.entries.reduce((sum, entry) => sum + entry.bytes.length, 0);
process.stdout.write(
  `${JSON.stringify({
    wallMs,
    cpuMs: (after.user + after.system - user - system) / 1_000,
    kilobytes: Math.round((work === "checkpoint" ? history.checkpoint.bytes.length : bytes) / 1_000),
    // What it came to is what the log's writer has; the work was done.
    lost: state !== undefined && state.seq !== history.entries.length ? 1 : 0,
    stateBytes: state === undefined ? 0 : encodeGroupState(state).length,
  })}\n`,
);
