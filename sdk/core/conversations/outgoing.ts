/** What an app hands over to be sent, and what is refused before it becomes a message. */

import {
  type AccountId,
  type ContentBodyOf,
  type ContentKindRow,
  contentKinds,
  encodeRecord,
  limits,
  type MessageId,
  parseAccountId,
  parseMessageId,
  SottoError,
} from "@sotto/protocol";
import type { Attachment } from "../attachments/attachment.js";
import { utf8Length } from "../utf8-length.js";
import { fittingMentions, isOfPage, type LinkPreview, type Mention } from "./annotations.js";
import type { Saying } from "./author.js";
import { type Location, locationBody } from "./location.js";
import { countedChoices, type Poll } from "./polls.js";

/**
 * How somebody is reached: a card that an app makes, and shows. All of it is its sender's word, `account` and `userId` too; an
 * entry of kind `url` may be anything, so link nothing that does not begin with http:// or https://.
 */
export interface ContactCard {
  readonly name: string;
  readonly account?: AccountId | undefined;
  readonly userId?: string | undefined;
  readonly entries?: ContentBodyOf<"card">["entries"] | undefined;
}

/** A question with 2 to 32 options. Each voter has one vote, which names `one` of them or `many`; one if nothing is said. */
export interface NewPoll {
  readonly question: string;
  readonly options: readonly string[];
  readonly choose?: Poll["choose"] | undefined;
}

/**
 * What can be sent: words; attachments, with words or without; a place; a contact card; a poll; or an app's own kind. Words
 * and attachments may answer a message, and words may name people and show what their sender saw of a page.
 */
export type Outgoing =
  | {
      readonly text: string;
      readonly replyTo?: MessageId | undefined;
      readonly mentions?: readonly Mention[] | undefined;
      readonly preview?: LinkPreview | undefined;
    }
  | {
      readonly attachments: readonly Attachment[];
      readonly text?: string | undefined;
      readonly replyTo?: MessageId | undefined;
    }
  | { readonly location: Location }
  | { readonly card: ContactCard }
  | { readonly poll: NewPoll }
  | { readonly custom: { readonly schema: string; readonly data: Uint8Array } };

/** The message that is answered, and the hash of what it said. */
export interface Quotation {
  readonly messageId: MessageId;
  readonly hash: Uint8Array;
}

/** A checked message: what it answers, and what it says once that was found. */
export interface Prepared {
  readonly replyTo: MessageId | undefined;
  saying(quoted: Quotation | undefined): Saying;
}

const UNKNOWN_HASH = new Uint8Array(32);

/**
 * Lets a message pass that can be sent.
 *
 * @throws invalidArgument, tooLarge.
 */
export function prepared(message: Outgoing): Prepared {
  const { replyTo, saying } = draft(message);
  const answered = replyTo === undefined ? undefined : parseMessageId(replyTo);
  assertEncodable(saying(answered && { messageId: answered, hash: UNKNOWN_HASH }));
  return { replyTo: answered, saying };
}

/**
 * Lets words pass that can be sent.
 *
 * @throws invalidArgument, tooLarge.
 */
export function assertText(text: string): void {
  if (typeof text !== "string" || text.length === 0 || !text.isWellFormed())
    throw wrong("a text has at least one character and no lone surrogate");
  assertShort("a text", text, limits.textBytes.value);
}

/**
 * Lets choices pass that a vote can name, whatever the poll, and sorts them.
 *
 * @throws invalidArgument.
 */
export function choicesOf(choices: readonly number[]): readonly number[] {
  const isPlace = (choice: number) => Number.isInteger(choice) && choice >= 0 && choice < limits.pollOptions.value;
  if (!Array.isArray(choices) || !choices.every(isPlace) || new Set(choices).size < choices.length)
    throw wrong("a vote names options of the poll by their places from 0, each at most once; none takes it back");
  return [...choices].sort((one, other) => one - other);
}

/**
 * Lets choices pass that all count in a poll.
 *
 * @throws invalidArgument.
 */
export function assertCounted(poll: Poll, choices: readonly number[]): void {
  if (countedChoices(poll, choices).length < choices.length)
    throw wrong(`this poll has ${poll.options.length} options, of which a vote names ${poll.choose} or none`);
}

function draft(message: Outgoing): Prepared {
  if ("custom" in message) return plain({ kind: "custom", ...message.custom });
  if ("location" in message) {
    const body = locationBody(message.location);
    if (body.label !== undefined) assertLine("the label of a location", body.label);
    return plain({ kind: "location", ...body });
  }
  if ("card" in message) return plain({ kind: "card", ...cardBody(message.card) });
  if ("poll" in message) return plain({ kind: "poll", ...pollBody(message.poll) });
  return "attachments" in message ? withAttachments(message) : withWords(message);
}

function plain(saying: Saying): Prepared {
  return { replyTo: undefined, saying: () => saying };
}

function withAttachments({ attachments, text, replyTo }: Extract<Outgoing, { attachments: unknown }>): Prepared {
  const most = limits.attachmentsPerContent.value;
  if (!Array.isArray(attachments) || attachments.length === 0 || attachments.length > most)
    throw wrong(`a message carries 1 to ${most} attachments`);
  if (text !== undefined) assertText(text);
  return { replyTo, saying: (quoted) => ({ kind: "attachments", attachments, text, quoted }) };
}

function withWords({ text, replyTo, mentions = [], preview }: Extract<Outgoing, { mentions?: unknown }>): Prepared {
  assertText(text);
  if (mentions.length === 0 && preview === undefined) {
    const saying = (quoted: Quotation | undefined): Saying =>
      quoted === undefined
        ? { kind: "text", text }
        : { kind: "reply", quoted: quoted.messageId, quotedHash: quoted.hash, text };
    return { replyTo, saying };
  }
  if (mentions.length > limits.mentions.value) throw wrong(`a text mentions at most ${limits.mentions.value} people`);
  for (const { account } of mentions) parseAccountId(account);
  const fitting = fittingMentions(text, mentions);
  if (fitting.length < mentions.length)
    throw wrong("each mention names a piece of the text, by whole characters, that no other mention touches");
  if (preview !== undefined) assertPreview(preview);
  return { replyTo, saying: (quoted) => ({ kind: "annotated", text, quoted, mentions: fitting, preview }) };
}

function assertPreview(preview: LinkPreview): void {
  const { url, title, description } = preview;
  assertLine("the title of a preview", title, limits.previewTitleBytes.value);
  if (description !== undefined)
    assertLine("the description of a preview", description, limits.previewWordsBytes.value);
  assertLine("the URL of a preview", url, limits.urlBytes.value);
  if (!isOfPage(preview)) throw wrong("the URL of a preview begins with http:// or https://");
}

function cardBody({ name, account, userId, entries = [] }: ContactCard): ContentBodyOf<"card"> {
  assertLine("the name on a card", name);
  if (account !== undefined) parseAccountId(account);
  if (entries.length > limits.cardEntries.value) throw wrong(`a card has at most ${limits.cardEntries.value} entries`);
  for (const { value } of entries) assertLine("an entry of a card", value);
  return { name, account, userId, entries };
}

function pollBody({ question, options, choose = "one" }: NewPoll): ContentBodyOf<"poll"> {
  assertLine("the question of a poll", question, limits.questionBytes.value);
  const most = limits.pollOptions.value;
  if (!Array.isArray(options) || options.length < 2 || options.length > most)
    throw wrong(`a poll has 2 to ${most} options`);
  for (const option of options) assertLine("an option of a poll", option);
  if (new Set(options.map((option) => option.trim())).size < options.length)
    throw wrong("no two options of a poll are the same");
  return { question, options, choose };
}

function assertLine(what: string, value: string, maxBytes: number = limits.labelBytes.value): void {
  if (typeof value !== "string" || value.trim().length === 0 || !value.isWellFormed())
    throw wrong(`${what} is not blank, and has no lone surrogate`);
  assertShort(what, value, maxBytes);
}

function assertShort(what: string, value: string, maxBytes: number): void {
  if (utf8Length(value) > maxBytes)
    throw new SottoError("tooLarge", { detail: `${what} has at most ${maxBytes} bytes` });
}

/** Whatever else is wrong with a message is found here: an app is told at once, and not by a handle. */
function assertEncodable(saying: Saying): void {
  const { body }: ContentKindRow = contentKinds[saying.kind];
  try {
    encodeRecord(body, saying);
  } catch (cause) {
    const of = saying.kind === "attachments" ? "; an attachment is what `upload()` answered" : "";
    throw new SottoError("invalidArgument", {
      detail: `no message of kind ${saying.kind}: ${detailOf(cause)}${of}`,
      cause,
    });
  }
}

function detailOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function wrong(detail: string): SottoError {
  return new SottoError("invalidArgument", { detail });
}
