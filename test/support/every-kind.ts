/** One thing said in every kind that is shown, about messages that are there. */

import { randomBytes } from "node:crypto";
import type { ContentKind, MessageId } from "@sotto/protocol";
import type { Said } from "./raw-client/index.js";

/** What is said about: a text of the same author, and a poll. */
export interface Targets {
  readonly text: MessageId;
  readonly poll: MessageId;
}

/** Kinds that bear no frank: they show no word of anybody's. */
type Unfranked = "receipt" | "typing";
/** An invitation is said inside a payload of its own. */
type Franked = Exclude<ContentKind, Unfranked | "invitation">;

const blob = () => ({ id: bytes(16), key: bytes(32), digest: bytes(32), sizeBytes: 5 });
const bytes = (size: number) => new Uint8Array(randomBytes(size));

/** What somebody says in each kind; a new kind does not compile until it is here. */
export function inEveryKind({ text: target, poll }: Targets): readonly Said[] {
  const expiresMs = Date.now() + 3_600_000;
  const said: { readonly [Kind in Franked]: Extract<Said, { readonly kind: Kind }> } = {
    text: { kind: "text", text: "a text" },
    reply: { kind: "reply", quoted: target, quotedHash: bytes(32), text: "a reply" },
    edit: { kind: "edit", target, text: "edited" },
    reaction: { kind: "reaction", target, emoji: "👍", action: "add" },
    delete: { kind: "delete", target },
    profile: { kind: "profile", name: "a name" },
    custom: { kind: "custom", schema: "org.example/1", data: bytes(8) },
    attachments: {
      kind: "attachments",
      attachments: [{ ...blob(), media: "file", mime: "text/plain", name: "a.txt", expiresMs }],
      text: "a caption",
    },
    annotated: {
      kind: "annotated",
      text: "see https://example.org",
      mentions: [],
      preview: { url: "https://example.org/", title: "a page" },
    },
    location: { kind: "location", latitude: 1, longitude: 2 },
    card: { kind: "card", name: "a card", entries: [] },
    poll: { kind: "poll", question: "a question?", options: ["a", "b"], choose: "one" },
    vote: { kind: "vote", target: poll, choices: [1] },
    timer: { kind: "timer", durationMs: 60_000 },
    groupProfile: { kind: "groupProfile", title: "a title", avatar: new Uint8Array(0) },
  };
  return Object.values(said);
}
