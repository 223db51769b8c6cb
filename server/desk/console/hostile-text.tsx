/** Words that somebody else wrote: as text nodes, isolated from the text around them, with what is invisible made visible. */

import { flatText, textRuns } from "./safe-text.js";

/** A text over several lines. */
export function HostileText({ text }: { readonly text: string }) {
  return (
    <p class="hostile" dir="auto">
      <Runs text={text} />
    </p>
  );
}

/** A short text within a line. */
export function HostileLine({ text }: { readonly text: string }) {
  return (
    <bdi class="hostile-line" title={flatText(text)}>
      <Runs text={text} />
    </bdi>
  );
}

function Runs({ text }: { readonly text: string }) {
  return (
    <>
      {textRuns(text).map((run, index) =>
        run.kind === "plain" ? (
          run.text
        ) : (
          <span key={index} class="unseen" title={run.meaning}>
            {run.sign}
          </span>
        ),
      )}
    </>
  );
}
