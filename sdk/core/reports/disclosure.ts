/** Exactly what would leave the device with a report, to be shown before it does; and the bytes that say it. */

import {
  type AccountId,
  blobsOf,
  type CommittedContent,
  type ConversationId,
  committedForm,
  type DeskKey,
  type DeviceId,
  decodeCommitted,
  digest,
  encodeHeadLayer,
  encodeWordsLayer,
  headLayerHash,
  type ItemRole,
  labelled,
  limits,
  type MediaKind,
  type MessageId,
  type ReportCategory,
  type ReportKind,
  SottoError,
  type Team,
  toHex,
} from "@sotto/protocol";
import { utf8Length } from "../utf8-length.js";
import type { Selected } from "./selection.js";

/** An attachment, or the picture of a preview, of a disclosed message. */
export interface DisclosedAttachment {
  /** Its place among the message's attachments, from 0. */
  readonly place: number;
  /** `yes`: the desk can open it, and its thumbnail. `no`: the desk is told of it and cannot. */
  readonly opened: "no" | "yes";
  readonly media: MediaKind | "preview";
  readonly mime: string;
  readonly name: string | undefined;
  readonly sizeBytes: number;
}

/** One message as the desk would see it. */
export interface DisclosedMessage {
  /**
   * What it is in the report: what is reported, what others said around it, or what this account said. Of a group the desk also
   * learns roughly how large it was.
   */
  readonly role: ItemRole;
  readonly messageId: MessageId;
  readonly from: AccountId;
  readonly deviceId: DeviceId;
  readonly conversation: ConversationId;
  /** The relay's clock when it took it. */
  readonly acceptedMs: number;
  /** All its words: the content in the form that its sender committed to. */
  readonly said: CommittedContent;
  readonly attachments: readonly DisclosedAttachment[];
}

/**
 * What would leave the device, and nothing else does: show it before `submit`.
 *
 * `category`, who said something and when go to the desk's triage, which reads no words; `note`, the words and opened attachments
 * to the moderators of `team`.
 */
export interface Disclosure {
  /** Of everything below, as it would be sealed: what `submit` takes as consent, so that nothing else is ever sent for it. */
  readonly hash: string;
  readonly kind: ReportKind;
  /** The id of the report that context is for, or of the statement that is appealed against. */
  readonly about: string | undefined;
  /** Whom it is about; of an appeal, this account. */
  readonly accused: AccountId;
  readonly category: ReportCategory;
  /** Whose moderators can open the words. */
  readonly team: Team;
  readonly note: string;
  /** In the order of the conversation. */
  readonly messages: readonly DisclosedMessage[];
  /** What the relay, which passes it on sealed, sees of it besides when it came. */
  readonly relaySees: { readonly reporter: AccountId; readonly sizeBytes: number };
}

/** A disclosure but for what is known once it was sealed. */
export type Disclosed = Omit<Disclosure, "relaySees">;

/** Which attachments are opened: those of the reported messages, or by message and place. */
export type OpenedAttachments =
  | "none"
  | "all"
  | readonly { readonly messageId: MessageId; readonly from: AccountId | undefined; readonly place: number }[];

/** What a disclosure is made from. */
export interface Disclosing {
  readonly id: Uint8Array;
  readonly kind: ReportKind;
  readonly about?: Uint8Array | undefined;
  readonly accused: AccountId;
  readonly category: ReportCategory;
  readonly team: Team;
  readonly teamKey: DeskKey;
  readonly note: string;
  readonly selected: readonly Selected[];
  readonly opened: OpenedAttachments;
}

/** The two layers before they are sealed, and what they say. */
export interface Layers {
  readonly disclosed: Disclosed;
  readonly heads: Uint8Array;
  readonly words: Uint8Array;
}

/**
 * Makes the layers, and what there is to show of them: both from the same bytes.
 *
 * @throws invalidArgument for an attachment that no disclosed message has; tooLarge for a note above the limit.
 */
export function disclose(disclosing: Disclosing): Layers {
  const { id, kind, about, accused, category, team, teamKey, note, selected } = disclosing;
  if (utf8Length(note) > limits.reportNoteBytes.value) {
    throw new SottoError("tooLarge", { detail: `a note has at most ${limits.reportNoteBytes.value} bytes` });
  }
  const pieces = selected.map((one) => ({ ...one, words: committedForm(one.content), blobs: blobsIn(one) }));
  const chosen = pieces.map((one) => placesToOpen(one, disclosing.opened));
  assertAllThere(selected, disclosing.opened);
  const heads = encodeHeadLayer({
    ...{ kind, category, accused, about, team, teamKey: teamKey.id },
    items: pieces.map(({ role, evidence }) => ({ role, head: evidence.head })),
  });
  const words = encodeWordsLayer({
    headHash: headLayerHash(heads),
    note,
    items: pieces.map(({ evidence, words: committed, blobs }, at) => ({
      wordsKey: evidence.wordsKey,
      committed,
      blobs: blobs.flatMap(({ place, reference }, index) => (chosen[at]?.has(place) ? [{ index, ...reference }] : [])),
    })),
  });
  const messages = pieces.map((one, at) => disclosedMessage(one, one.words, chosen[at] ?? new Set()));
  const hash = `sha256:${toHex(digest(labelled("sotto/disclosure/1", id, heads, words)))}`;
  const aboutText = about === undefined ? undefined : toHex(about);
  return { disclosed: { hash, kind, about: aboutText, accused, category, team, note, messages }, heads, words };
}

function disclosedMessage(
  { role, evidence }: Selected,
  committed: Uint8Array,
  opened: ReadonlySet<number>,
): DisclosedMessage {
  const said = decodeCommitted(committed);
  return {
    role,
    messageId: said.messageId,
    from: said.sender,
    deviceId: said.device,
    conversation: said.conversation,
    acceptedMs: evidence.head.acceptedMs,
    said,
    attachments: attachmentsOf(said).map((one) => ({ ...one, opened: opened.has(one.place) ? "yes" : "no" })),
  };
}

/** The blobs of a content in the order of its committed form, each with the attachment it is of: a thumbnail is its attachment's. */
function blobsIn({ said }: Selected) {
  const places =
    said.kind === "attachments"
      ? said.attachments.flatMap(({ thumbnail }, place) => (thumbnail === undefined ? [place] : [place, place]))
      : [0];
  return blobsOf(said).map(({ id, key, digest: hash, sizeBytes }, index) => ({
    place: places[index] ?? 0,
    reference: { id, key, digest: hash, sizeBytes },
  }));
}

function attachmentsOf(said: CommittedContent): readonly Omit<DisclosedAttachment, "opened">[] {
  if (said.kind === "attachments") {
    return said.attachments.map(({ media, mime, name, sizeBytes }, place) => ({ place, media, mime, name, sizeBytes }));
  }
  const image = said.kind === "annotated" ? said.preview?.image : undefined;
  if (image === undefined) return [];
  return [{ place: 0, media: "preview", mime: image.mime, name: undefined, sizeBytes: image.sizeBytes }];
}

function placesToOpen({ role, said }: Selected, opened: OpenedAttachments): ReadonlySet<number> {
  if (opened === "none") return new Set();
  if (opened === "all") return new Set(role === "reported" ? placesOf(said) : []);
  const isMeant = ({ messageId, from }: (typeof opened)[number]) =>
    messageId === said.messageId && (from === undefined || from === said.sender);
  return new Set(opened.filter(isMeant).map(({ place }) => place));
}

function assertAllThere(selected: readonly Selected[], opened: OpenedAttachments): void {
  if (typeof opened === "string") return;
  for (const { messageId, from, place } of opened) {
    const isThere = selected.some(
      ({ said }) =>
        said.messageId === messageId && (from === undefined || said.sender === from) && placesOf(said).includes(place),
    );
    if (!isThere) throw new SottoError("invalidArgument", { detail: "no disclosed message has such an attachment" });
  }
}

function placesOf(said: Selected["said"]): readonly number[] {
  if (said.kind === "attachments") return said.attachments.map((_, place) => place);
  return blobsOf(said).map((_, place) => place);
}
