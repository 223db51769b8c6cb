/** A legal hold on a case's words: one lead asks for it or for its end, another one agrees. */

import type { CaseView } from "../api.js";
import { useDesk } from "./desk-context.js";

const words = {
  held: { ask: "Ask for a legal hold", agree: "Agree to the legal hold", done: "The words stay until the hold ends." },
  none: { ask: "Ask to end the hold", agree: "Agree to end the hold", done: "The words go when their time is over." },
} as const;

/** What stands of a hold, and a lead's buttons. Nothing for everybody else while nobody asked. */
export function CaseHold({
  view,
  nameOf,
  put,
}: {
  readonly view: CaseView;
  readonly nameOf: (id: string) => string;
  readonly put: (view: CaseView) => void;
}) {
  const { api, moderator, say, fail } = useDesk();
  const wanted = view.hold === "held" ? "none" : "held";
  const [asker] = view.holdBy;
  const ask = (what: CaseView["hold"], otherwise: string) => () =>
    api.hold(view.id, what).then((changed) => {
      put(changed);
      say(changed.hold === view.hold ? otherwise : words[changed.hold].done);
    }, fail);
  return (
    <>
      {asker === undefined ? undefined : (
        <p class="aside">
          {wanted === "held" ? "A legal hold" : "The end of the hold"} was asked for by {nameOf(asker)}; a second lead
          decides.
        </p>
      )}
      {moderator.role === "lead" ? (
        <div class="form-actions start">
          {view.holdBy.includes(moderator.id) ? undefined : (
            <button type="button" class="button small" onClick={ask(wanted, "A second lead has to agree.")}>
              {asker === undefined ? words[wanted].ask : words[wanted].agree}
            </button>
          )}
          {asker === undefined ? undefined : (
            <button type="button" class="button small" onClick={ask(view.hold, "Nobody asks for it any more.")}>
              {asker === moderator.id ? "Withdraw" : "Reject"}
            </button>
          )}
        </div>
      ) : undefined}
    </>
  );
}
