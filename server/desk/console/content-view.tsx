/** What one message says, of every kind there is: as text, and nothing in it does anything. */

import type { CommittedContent } from "@sotto/protocol";
import type { ComponentChildren } from "preact";
import { HostileLine, HostileText } from "./hostile-text.js";
import { Id } from "./marks.js";
import { AttachmentView, LocalPicture, PictureView } from "./media-view.js";
import type { Cast } from "./people-names.js";
import { PollView } from "./poll-view.js";
import type { Said, ThreadMessage } from "./thread.js";
import { durationText } from "./time-words.js";

const DEGREE = 1_000_000;
const MAX_PREVIEWED_BYTES = 256;

/** The content of a message. `shown` are the ids of messages that are on screen. */
export function ContentView({
  said,
  cast,
  shown,
  votes,
}: {
  readonly said: Said;
  readonly cast: Cast;
  readonly shown: ReadonlySet<string>;
  readonly votes: ThreadMessage["votes"];
}) {
  const { content, blobs } = said.words;
  switch (content.kind) {
    case "text":
      return <HostileText text={content.text} />;
    case "reply":
      return (
        <>
          <Quoted messageId={content.quoted} shown={shown} />
          <HostileText text={content.text} />
        </>
      );
    case "annotated":
      return (
        <>
          {content.quoted === undefined ? undefined : <Quoted messageId={content.quoted.messageId} shown={shown} />}
          <HostileText text={content.text} />
          {content.mentions.length === 0 ? undefined : (
            <p class="aside">Names {content.mentions.map((one) => cast.nameOf(one.account)).join(", ")}</p>
          )}
          {content.preview === undefined ? undefined : (
            <Panel title="Preview of a page, as its sender saw it. Nothing is fetched.">
              <Line name="Address" text={content.preview.url} />
              <Line name="Title" text={content.preview.title} />
              {content.preview.description === undefined ? undefined : (
                <HostileText text={content.preview.description} />
              )}
              {content.preview.image === undefined ? undefined : (
                <PictureView label="Picture of the preview" blob={blobs.get(0)} />
              )}
            </Panel>
          )}
        </>
      );
    case "attachments": {
      const places = blobPlaces(content.attachments);
      return (
        <>
          {content.quoted === undefined ? undefined : <Quoted messageId={content.quoted.messageId} shown={shown} />}
          {content.text === undefined ? undefined : <HostileText text={content.text} />}
          <ul class="attachments" aria-label="Attachments">
            {content.attachments.map((attachment, index) => (
              <li key={places[index]}>
                <AttachmentView attachment={attachment} blob={blobs.get(places[index] ?? -1)} number={index + 1} />
              </li>
            ))}
          </ul>
        </>
      );
    }
    case "edit":
      return (
        <Panel title="New words for a message that was not disclosed">
          <HostileText text={content.text} />
        </Panel>
      );
    case "delete":
      return <p class="aside">Takes back a message that was not disclosed.</p>;
    case "reaction":
      return (
        <p>
          {content.action === "add" ? "Reacts with " : "Takes back "}
          <HostileLine text={content.emoji} /> <span class="aside">on a message that was not disclosed</span>
        </p>
      );
    case "vote":
      return <p class="aside">Votes in a poll that was not disclosed.</p>;
    case "poll":
      return <PollView poll={content} votes={votes} cast={cast} />;
    case "profile":
      return content.name === undefined ? (
        <p class="aside">Takes its name back.</p>
      ) : (
        <Line name="Calls itself" text={content.name} />
      );
    case "location":
      return (
        <Panel title="A place. No map is fetched.">
          <p class="number">
            {(content.latitude / DEGREE - 90).toFixed(5)}, {(content.longitude / DEGREE - 180).toFixed(5)}
            {content.accuracyMeters === undefined ? "" : ` ± ${content.accuracyMeters} m`}
          </p>
          {content.label === undefined ? undefined : <Line name="Called" text={content.label} />}
        </Panel>
      );
    case "card":
      return (
        <Panel title="A contact card: its sender’s word">
          <Line name="Name" text={content.name} />
          {content.account === undefined ? undefined : (
            <p>
              Account <Id id={content.account} />
            </p>
          )}
          {content.userId === undefined ? undefined : <Line name="User" text={content.userId} />}
          {content.entries.map((entry, index) => (
            <Line key={index} name={entry.kind} text={entry.value} />
          ))}
        </Panel>
      );
    case "timer":
      return (
        <p class="aside">
          {content.durationMs === 0
            ? "Turns disappearing messages off."
            : `Lets messages disappear after ${durationText(content.durationMs)}.`}
        </p>
      );
    case "invitation":
      return (
        <Panel title="An invitation to a group">
          <Line name="Title" text={content.title} />
          <p>
            Group <Id id={content.group} />
          </p>
        </Panel>
      );
    case "groupProfile":
      return (
        <Panel title="What its group is called and looks like">
          <Line name="Title" text={content.title} />
          {content.avatar.length === 0 ? undefined : (
            <LocalPicture label="Picture of the group" bytes={content.avatar} />
          )}
        </Panel>
      );
    case "custom":
      return (
        <Panel title="A kind of an app’s own">
          <Line name="Schema" text={content.schema} />
          <HostileText text={printable(content.data)} />
        </Panel>
      );
    case "receipt":
    case "typing":
      return <p class="aside">A kind that nobody is shown.</p>;
    case "unsupported":
      return <p class="aside">A kind this console does not know (number {content.kindNumber}).</p>;
    default:
      return content satisfies never;
  }
}

/** Where the blob of each attachment is among all blobs: a thumbnail follows its attachment. */
function blobPlaces(attachments: Extract<CommittedContent, { kind: "attachments" }>["attachments"]): readonly number[] {
  let next = 0;
  return attachments.map(({ thumbnail }) => {
    const place = next;
    next += thumbnail === undefined ? 1 : 2;
    return place;
  });
}

function Quoted({ messageId, shown }: { readonly messageId: string; readonly shown: ReadonlySet<string> }) {
  return (
    <p class="quoted aside">
      Answers {shown.has(messageId) ? "a message that is shown here" : "a message that was not disclosed"}{" "}
      <Id id={messageId} />
    </p>
  );
}

/** A part of a message that is no plain words. */
export function Panel({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <div class="panel">
      <p class="panel-title">{title}</p>
      {children}
    </div>
  );
}

function Line({ name, text }: { readonly name: string; readonly text: string }) {
  return (
    <p class="line">
      <span class="aside">{name}</span> <HostileLine text={text} />
    </p>
  );
}

/** Bytes of an app's own: as text where they are text, else as hex digits. */
function printable(bytes: Uint8Array): string {
  const start = bytes.subarray(0, MAX_PREVIEWED_BYTES);
  const more = bytes.length > start.length ? ` … ${bytes.length} bytes` : "";
  try {
    return (
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, MAX_TEXT_BYTES)) || "(empty)"
    );
  } catch {
    return `${Array.from(start, (byte) => byte.toString(16).padStart(2, "0")).join(" ")}${more}`;
  }
}

const MAX_TEXT_BYTES = 49_152;
