/** The table of content kinds: number, body and meaning. Numbers are never reused; a new kind is a new row. */

import { attachment, thumbnail } from "../attachment/reference.js";
import { limits } from "../limits.js";
import {
  accountId,
  bytes,
  choice,
  conversationId,
  type Field,
  list,
  messageId,
  optional,
  record,
  type TypeOf,
  text,
  uint,
} from "../schema/field.js";

/** One kind: its number, its body, and what a reader does with it. */
export interface ContentKindRow {
  readonly number: number;
  readonly doc: string;
  readonly body: Field<unknown>;
}

const words = text(limits.textBytes.value, 1);
const line = text(limits.labelBytes.value, 1);
/** A message that is answered, and the SHA-256 of its canonical bytes. */
const quotation = record({ messageId, hash: bytes(32) });
/** Somebody named in a text, at UTF-16 units of it. */
const mention = record({
  account: accountId,
  start: uint(limits.textBytes.value),
  length: uint(limits.textBytes.value, 1),
});
/** What the sender saw of a page, beside its picture. Whoever reads it fetches nothing. */
export const previewFields = {
  url: text(limits.urlBytes.value, 1),
  title: text(limits.previewTitleBytes.value, 1),
  description: optional(text(limits.previewWordsBytes.value, 1)),
} as const;
const preview = record({ ...previewFields, image: optional(thumbnail) });

/** Words that name people, beside a preview. */
export const annotatedFields = {
  text: words,
  quoted: optional(quotation),
  mentions: list(mention, limits.mentions.value),
} as const;

/** What goes with attachments. */
export const attachmentsFields = { text: optional(words), quoted: optional(quotation) } as const;
/** A group's picture; empty for none. */
const groupAvatar = bytes(0, limits.groupAvatarBytes.value);
const cardEntry = record({ kind: choice("phone", "email", "url", "address", "other"), value: line });

/** Every kind of content. */
export const contentKinds = {
  text: { number: 1, doc: "Words.", body: record({ text: words }) },
  reply: {
    number: 2,
    doc: "Words that answer a message. `quotedHash` is the SHA-256 of the quoted content's canonical bytes, so a forged quote is seen.",
    body: record({ quoted: messageId, quotedHash: bytes(32), text: words }),
  },
  edit: {
    number: 3,
    doc: "Replaces the words of an earlier text or reply. Taken only from the account that wrote it.",
    body: record({ target: messageId, text: words }),
  },
  reaction: {
    number: 4,
    doc: "Adds or takes back one emoji of the sender on a message.",
    body: record({ target: messageId, emoji: text(limits.reactionBytes.value, 1), action: choice("add", "remove") }),
  },
  delete: {
    number: 5,
    doc: "Takes an earlier message back for everyone. Taken only from the account that wrote it.",
    body: record({ target: messageId }),
  },
  receipt: {
    number: 6,
    doc: "Says that messages reached a device or were read. Carries no text and is no timeline item.",
    body: record({ receipt: choice("delivered", "read"), targets: list(messageId, limits.receiptTargets.value, 1) }),
  },
  typing: {
    number: 7,
    doc: "Says that the sender began or stopped typing. Only ever sent as an ephemeral envelope.",
    body: record({ typing: choice("started", "stopped") }),
  },
  profile: {
    number: 8,
    doc: "The sender's name, as others may show it. Without one, the name is taken back.",
    body: record({ name: optional(text(limits.profileNameBytes.value, 1)) }),
  },
  custom: {
    number: 9,
    doc: "An app's own kind, named by a schema id.",
    body: record({ schema: text(limits.schemaIdBytes.value, 1), data: bytes(0, limits.customBytes.value) }),
  },
  attachments: {
    number: 10,
    doc: "Pictures, voice notes, videos and files, with words or without. An edit of it replaces the words.",
    body: record({
      attachments: list(attachment, limits.attachmentsPerContent.value, 1),
      ...attachmentsFields,
    }),
  },
  annotated: {
    number: 11,
    doc: "Words that name people, or show what the sender saw of a page. What an edit replaces it with has neither.",
    body: record({ ...annotatedFields, preview: optional(preview) }),
  },
  location: {
    number: 12,
    doc: "A place on earth: degrees in millionths, counted from 90° south and from 180° west.",
    body: record({
      latitude: uint(180_000_000),
      longitude: uint(360_000_000),
      accuracyMeters: optional(uint(40_000_000)),
      label: optional(line),
    }),
  },
  card: {
    number: 13,
    doc: "How somebody is reached. An `account` or `userId` in it is the sender's word.",
    body: record({
      name: line,
      account: optional(accountId),
      userId: optional(text(limits.userIdBytes.value, 1)),
      entries: list(cardEntry, limits.cardEntries.value),
    }),
  },
  poll: {
    number: 14,
    doc: "A question with options, of which a voter may choose one or many.",
    body: record({
      question: text(limits.questionBytes.value, 1),
      options: list(line, limits.pollOptions.value, 2),
      choose: choice("one", "many"),
    }),
  },
  vote: {
    number: 15,
    doc: "The sender's vote in a poll, by the places of the options from 0, ascending; none takes it back. The last one counts.",
    body: record({
      target: messageId,
      choices: list(uint(limits.pollOptions.value - 1), limits.pollOptions.value),
    }),
  },
  timer: {
    number: 16,
    doc: "Sets how long messages of this conversation are kept after they were read; 0 = for ever. Only in DMs: a group's is in its log. The last one counts.",
    body: record({ durationMs: uint(limits.timerMs.value) }),
  },
  invitation: {
    number: 17,
    doc: "Asks its reader into a group. Said between two, inside an `invitation` payload; what is shown of the group before its log was read. No timeline item.",
    body: record({ group: conversationId, title: text(limits.groupTitleBytes.value) }),
  },
  groupProfile: {
    number: 18,
    doc: "How its group is called and looks, as its log says it: shown once a member said so in a message, which can be reported as any other. No timeline item.",
    body: record({ title: text(limits.groupTitleBytes.value), avatar: groupAvatar }),
  },
} as const satisfies Record<string, ContentKindRow>;

/** The name of a kind. */
export type ContentKind = keyof typeof contentKinds;

/** The fields a kind adds to the header. */
export type ContentBodyOf<Kind extends ContentKind> = TypeOf<(typeof contentKinds)[Kind]["body"]>;
