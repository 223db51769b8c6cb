/** What somebody at work should know about team keys: that they wait for one, or that others wait for theirs. */

import type { Team } from "@sotto/protocol";
import { useDesk } from "./desk-context.js";
import type { Route } from "./routes.js";
import { countText } from "./time-words.js";
import { teamWords } from "./vocabulary.js";

/** Above every page. */
export function KeyNotices({ awaited, here }: { readonly awaited: readonly Team[]; readonly here: Route["page"] }) {
  const { waiting, fingerprint } = useDesk();
  return (
    <>
      {awaited.length === 0 ? undefined : (
        <div class="banner doubt">
          You wait for the key of {awaited.map((team) => teamWords[team]).join(", ")}. Call a colleague who holds it,
          and read them your fingerprint: <Fingerprint text={fingerprint} />
        </div>
      )}
      {waiting.length === 0 || here === "people" ? undefined : (
        <p class="banner doubt">
          {countText(waiting.length, "person waits", "people wait")} for a team key that you hold.{" "}
          <a href="#/people">Compare and seal</a>
        </p>
      )}
    </>
  );
}

/** A fingerprint, to be read aloud. */
export function Fingerprint({ text }: { readonly text: string }) {
  return <code class="fingerprint">{text}</code>;
}
