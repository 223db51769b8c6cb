/** Changes yet to be made: an intent on a state becomes a change that everybody will take, or a typed failure. */

import {
  type AccountId,
  type GroupChange,
  type GroupHandover,
  type GroupRotation,
  type GroupState,
  SottoError,
} from "@sotto/protocol";
import { breachOf } from "./rules.js";
import { type GroupIntent, type SecretRecipient, secretsNeeded } from "./secrets-needed.js";

/** A change that may be made on exactly this state; where it needs secrets, `complete` takes them once they are sealed. */
export type GroupPlan =
  | { readonly needs: "nothing"; readonly change: GroupChange }
  | {
      readonly needs: "rotation";
      /** Whom the new secret is sealed to, in the order in which `rotation.sealed` names them. */
      readonly stays: readonly SecretRecipient[];
      complete(rotation: GroupRotation): GroupChange;
    }
  | {
      readonly needs: "handover";
      readonly to: SecretRecipient;
      complete(sealed: GroupHandover): GroupChange;
    };

/**
 * What it takes to do this now. If the log moves before the entry is in it, plan again.
 *
 * @throws groupDenied for what the author's role or the settings forbid; groupFull at the cap; invitationGone if there is no
 *   invitation to answer; groupLeft if the author is not in the group; invalidArgument for what makes no sense on this state.
 */
export function planChange(state: GroupState, author: AccountId, wanted: GroupIntent): GroupPlan {
  const intent = ordered(wanted);
  const breach = breachOf(state, author, intent);
  if (breach !== undefined) throw new SottoError(breach.code, { detail: breach.detail });
  const needed = secretsNeeded(state, author, intent);
  switch (needed.kind) {
    case "nothing":
      return { needs: "nothing", change: withNothing(intent) };
    case "rotation":
      return { needs: "rotation", stays: needed.stays, complete: (rotation) => withRotation(intent, rotation) };
    case "handover":
      return { needs: "handover", to: needed.to, complete: (sealed) => withHandover(intent, sealed) };
    default:
      return needed satisfies never;
  }
}

/** Entries name accounts in one order, each once; callers in any. */
function ordered(intent: GroupIntent): GroupIntent {
  return intent.kind === "remove" ? { ...intent, accounts: [...new Set(intent.accounts)].sort() } : intent;
}

function withNothing(intent: GroupIntent): GroupChange {
  if (intent.kind !== "rotate") return intent;
  throw new SottoError("invalidArgument", { detail: "an epoch begins with a new secret" });
}

function withRotation(intent: GroupIntent, rotation: GroupRotation): GroupChange {
  switch (intent.kind) {
    case "remove":
    case "rotate":
    case "role":
      return { ...intent, rotation };
    default:
      throw new SottoError("invalidArgument", { detail: "this change begins no epoch" });
  }
}

function withHandover(intent: GroupIntent, sealed: GroupHandover): GroupChange {
  switch (intent.kind) {
    case "leave":
    case "role":
      return { ...intent, sealed };
    default:
      throw new SottoError("invalidArgument", { detail: "this change hands nothing over" });
  }
}
