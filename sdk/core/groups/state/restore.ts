/** States from bytes: of this device's own store, or of a checkpoint that somebody else sealed. */

import { decodeGroupState, type GroupState, SottoError } from "@sotto/protocol";
import { accountsIn } from "./permissions.js";
import { isCurveKey } from "./secrets-needed.js";

/**
 * The state that bytes spell, if a log can lead to one like it. Whether one did, its head tells: a checkpoint is believed
 * only once entries chained to it reach a head that is known otherwise (PROTOCOL.md, checkpoints).
 *
 * @throws badFrame if the bytes are no state, or one that breaks what every log keeps.
 */
export function restoreGroup(encoded: Uint8Array): GroupState {
  const state = decodeGroupState(encoded);
  const flaw = flawOf(state);
  if (flaw !== undefined) throw new SottoError("badFrame", { detail: `a group's state with ${flaw}` });
  return state;
}

function flawOf(state: GroupState): string | undefined {
  const { members, waiting, invited, seq, epoch, epochSeq, audience, checkpointSeq } = state;
  const everybody = [...members, ...waiting, ...invited];
  if (new Set(everybody.map(({ account }) => account)).size < everybody.length) return "an account in two places";
  if (accountsIn(state) > state.maxAccounts) return "more accounts than its cap";
  if (members.length === 0 && everybody.length > 0) return "invitations to nobody's group";
  if (members.length > 0 && !members.some(({ role }) => role === "owner")) return "no owner";
  if (!everybody.every(({ identityKey, wrapKey }) => isCurveKey(identityKey) && isCurveKey(wrapKey)))
    return "a key of the wrong type";
  if (members.some(({ joinedSeq }, at) => joinedSeq <= (members[at - 1]?.joinedSeq ?? 0) || joinedSeq > seq))
    return "members out of order";
  // Every entry raises each counter by one at most.
  if (epoch < 1 || epoch > epochSeq || epochSeq > seq) return "more epochs than entries";
  if (audience < epoch || audience > seq) return "more audiences than entries";
  return checkpointSeq > seq ? "a checkpoint that is not there yet" : undefined;
}
