/** A poll, with the votes that were disclosed. */

import type { CommittedContent } from "@sotto/protocol";
import { HostileLine, HostileText } from "./hostile-text.js";
import type { Cast } from "./people-names.js";
import type { ThreadMessage } from "./thread.js";

/** A question, its options, and who is known to have voted for what: of each voter the last word counts. */
export function PollView({
  poll,
  votes,
  cast,
}: {
  readonly poll: Extract<CommittedContent, { kind: "poll" }>;
  readonly votes: ThreadMessage["votes"];
  readonly cast: Cast;
}) {
  const last = new Map(votes.map((vote) => [vote.account, vote.words.content.choices]));
  return (
    <div class="panel">
      <p class="panel-title">A poll · {poll.choose === "one" ? "one choice" : "several choices"}</p>
      <HostileText text={poll.question} />
      <ol class="poll">
        {poll.options.map((option, place) => {
          const voters = [...last].filter(([, choices]) => choices.includes(place)).map(([account]) => account);
          return (
            <li key={place}>
              <HostileLine text={option} />
              {voters.length === 0 ? undefined : (
                <span class="aside"> · {voters.map((account) => cast.nameOf(account)).join(", ")}</span>
              )}
            </li>
          );
        })}
      </ol>
    </div>
  );
}
