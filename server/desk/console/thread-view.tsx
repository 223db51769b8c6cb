/** The thread on screen: messages in order, what is missing between them, and where another conversation begins. */

import { ContentView } from "./content-view.js";
import type { Disclosed } from "./disclosed.js";
import { HostileLine, HostileText } from "./hostile-text.js";
import { Glyph, Id, ProofMark, Time } from "./marks.js";
import type { Cast } from "./people-names.js";
import type { Gap, Said, Thread, ThreadMessage } from "./thread.js";
import { countText } from "./time-words.js";
import { itemRoleWords, refusalWords } from "./vocabulary.js";

/** All rows of a thread. */
export function ThreadView({ thread, cast }: { readonly thread: Thread; readonly cast: Cast }) {
  const shown = new Set(
    thread.rows.flatMap((row) => (row.kind === "message" ? [row.message.said.words.content.messageId as string] : [])),
  );
  return (
    <ol class="thread" aria-label="Disclosed messages, oldest first">
      {thread.rows.map((row) => {
        switch (row.kind) {
          case "conversation":
            return (
              <li key={row.key} class="thread-conversation">
                <span>
                  Conversation {row.number} <Id id={row.conversation} />
                </span>
              </li>
            );
          case "gap":
            return <GapRow key={row.key} gap={row.gap} cast={cast} />;
          case "message":
            return <Message key={row.key} message={row.message} cast={cast} shown={shown} />;
          case "refused":
            return <Refused key={row.key} item={row.item} cast={cast} />;
          default:
            return row satisfies never;
        }
      })}
    </ol>
  );
}

/** What is missing, in words: the same on the page and where it is asked for. */
export function gapText({ account, missing }: Gap, cast: Cast): string {
  return `${countText(missing, "message")} by ${cast.nameOf(account)} withheld here`;
}

function GapRow({ gap, cast }: { readonly gap: Gap; readonly cast: Cast }) {
  return (
    <li class="thread-gap">
      <span>{gapText(gap, cast)}</span>
      <span class="aside">
        between its numbers {gap.after} and {gap.before}
      </span>
    </li>
  );
}

function Message({
  message: { said, edits, deletes, reactions, votes, copies, isOutOfOrder },
  cast,
  shown,
}: {
  readonly message: ThreadMessage;
  readonly cast: Cast;
  readonly shown: ReadonlySet<string>;
}) {
  return (
    <li class={`message by-${cast.partOf(said.account)} role-${said.role}`}>
      <article aria-label={`Message by ${cast.nameOf(said.account)}`}>
        <Head said={said} cast={cast} />
        {copies > 1 || isOutOfOrder ? (
          <p class="message-notes">
            {copies > 1 ? <span class="mark plain">Disclosed {copies} times</span> : undefined}
            {isOutOfOrder ? (
              <span class="mark doubt" title="Its sender counted it before one that the relay took earlier">
                Out of its sender’s order
              </span>
            ) : undefined}
          </p>
        ) : undefined}
        <div class={deletes.length > 0 ? "message-words taken-back" : "message-words"}>
          <ContentView said={said} cast={cast} shown={shown} votes={votes} />
        </div>
        {edits.length === 0 ? undefined : (
          <ol class="edits" aria-label="Edits, oldest first">
            {edits.map((edit) => (
              <li key={edit.key}>
                <p class="aside">
                  Edited <Time atMs={edit.acceptedMs} /> <ProofMark proof={edit.proof} />
                </p>
                <HostileText text={edit.words.content.text} />
              </li>
            ))}
          </ol>
        )}
        {deletes.map((taken) => (
          <p key={taken.key} class="aside taken-note">
            Taken back for everyone <Time atMs={taken.acceptedMs} /> <ProofMark proof={taken.proof} />
          </p>
        ))}
        {reactions.length === 0 ? undefined : (
          <ul class="reactions" aria-label="Reactions">
            {reactions.map((one) => (
              <li key={one.key} class={one.words.content.action === "remove" ? "gone" : undefined}>
                <HostileLine text={one.words.content.emoji} />{" "}
                <span class="aside">
                  {cast.nameOf(one.account)}
                  {one.words.content.action === "remove" ? ", taken back" : ""}
                </span>
              </li>
            ))}
          </ul>
        )}
      </article>
    </li>
  );
}

function Head({ said, cast }: { readonly said: Said; readonly cast: Cast }) {
  return (
    <header class="message-head">
      <span class={`who who-${cast.partOf(said.account)}`}>{cast.nameOf(said.account)}</span>
      <Id id={said.account} />
      <span class="mark plain">{itemRoleWords[said.role]}</span>
      <ProofMark proof={said.proof} />
      <span class="message-time aside">
        <Time atMs={said.acceptedMs} /> · no. {said.words.content.counter}
      </span>
    </header>
  );
}

function Refused({ item, cast }: { readonly item: Disclosed; readonly cast: Cast }) {
  const reason = item.words.kind === "refused" ? item.words.reason : "malformed";
  return (
    <li class="message refused">
      <header class="message-head">
        <span class="who">{cast.nameOf(item.account)}</span>
        <Id id={item.account} />
        <span class="mark bad">
          <Glyph kind="cross" /> Not shown
        </span>
        <span class="message-time aside">
          <Time atMs={item.acceptedMs} />
        </span>
      </header>
      <p>{refusalWords[reason]}. What was handed in under this message is not evidence, and is not shown.</p>
    </li>
  );
}
