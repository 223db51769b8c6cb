/** The table of content kinds: number, body and meaning. Numbers are never reused; a new kind is a new row. */

import { limits } from "../limits.js";
import { bytes, choice, type Field, list, messageId, optional, record, type TypeOf, text } from "../schema/field.js";

/** One kind: its number, its body, and what a reader does with it. */
export interface ContentKindRow {
  readonly number: number;
  readonly doc: string;
  readonly body: Field<unknown>;
}

const words = text(limits.textBytes.value, 1);

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
} as const satisfies Record<string, ContentKindRow>;

/** The name of a kind. */
export type ContentKind = keyof typeof contentKinds;

/** The fields a kind adds to the header. */
export type ContentBodyOf<Kind extends ContentKind> = TypeOf<(typeof contentKinds)[Kind]["body"]>;
