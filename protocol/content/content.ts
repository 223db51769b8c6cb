/**
 * The canonical content encoding: everything a recipient can see, as one byte string per content.
 *
 * `[version, kind, sender, device, conversation, revision, messageId, counter, sentAtMs, seen, timerMs, body]` in the
 * msgpack subset of the walker, so each content has exactly one spelling. `body` is a byte string that holds the kind's
 * own record: a reader that does not know the kind keeps it whole, and re-encoding gives the same bytes.
 */

import { decodeRecord, encodeRecord } from "../codec.js";
import { SottoError } from "../failures.js";
import type { AccountId, ConversationId, DeviceId, MessageId } from "../ids.js";
import { limits } from "../limits.js";
import {
  accountId,
  bytes,
  conversationId,
  deviceId,
  type Field,
  list,
  messageId,
  optional,
  record,
  timeMs,
  uint,
} from "../schema/field.js";
import { type ContentBodyOf, type ContentKind, contentKinds } from "./kinds.js";

/** The version of the header this file writes. New kinds do not change it. */
export const CONTENT_VERSION = 1;

/** What every content says of itself, whatever its kind. */
export interface ContentHeader {
  readonly sender: AccountId;
  readonly device: DeviceId;
  readonly conversation: ConversationId;
  /** The group's revision the sender knew; absent in a DM. */
  readonly revision?: number | undefined;
  readonly messageId: MessageId;
  /**
   * Counts this device's contents in this conversation from 1, so that replay, reordering and gaps are visible. Receipts and
   * typing repeat the last one.
   */
  readonly counter: number;
  /** The sender's clock. Orders nothing by itself. */
  readonly sentAtMs: number;
  /** Commitments to contents last seen from others (PROTOCOL.md, Franking). */
  readonly seen: readonly Uint8Array[];
  /** How long the content may be kept after it was read; absent = for ever. */
  readonly timerMs?: number | undefined;
}

/** A content whose kind this version knows: `kind` and the fields of its body. */
export type KnownContent = {
  [Kind in ContentKind]: ContentHeader & { readonly kind: Kind } & ContentBodyOf<Kind>;
}[ContentKind];

/** A content of a kind this version does not know. Shown as "update to see this"; its bytes are kept. */
export type UnsupportedContent = ContentHeader & {
  readonly kind: "unsupported";
  readonly kindNumber: number;
  readonly body: Uint8Array;
};

/** Any content. */
export type Content = KnownContent | UnsupportedContent;

const MAX_KIND = 0xffff;

/** The header and the undecoded body; PROTOCOL.md's table is made from this record. */
export const contentFields = {
  version: uint(CONTENT_VERSION, CONTENT_VERSION),
  kindNumber: uint(MAX_KIND, 1),
  sender: accountId,
  device: deviceId,
  conversation: conversationId,
  revision: optional(uint(0xffff_ffff)),
  messageId,
  counter: uint(Number.MAX_SAFE_INTEGER, 1),
  sentAtMs: timeMs,
  seen: list(bytes(32), 8),
  timerMs: optional(uint(Number.MAX_SAFE_INTEGER, 1)),
  body: bytes(0, limits.contentBytes.value),
} as const;

const outer = record(contentFields);
const kindByNumber = new Map<number, ContentKind>();
for (const [kind, row] of Object.entries(contentKinds)) kindByNumber.set(row.number, kind as ContentKind);

/**
 * The canonical bytes of a content.
 *
 * @throws invalidArgument if a field is out of bounds; tooLarge above `limits.contentBytes`.
 */
export function encodeContent(content: Content): Uint8Array<ArrayBuffer> {
  const { kind } = content;
  if (kind === "unsupported" && kindByNumber.has(content.kindNumber))
    throw new SottoError("invalidArgument", { detail: "an unsupported content with the number of a known kind" });
  const header = { ...content, version: CONTENT_VERSION };
  const encoded =
    kind === "unsupported"
      ? encodeRecord(outer, { ...header, kindNumber: content.kindNumber, body: content.body })
      : encodeRecord(outer, {
          ...header,
          kindNumber: contentKinds[kind].number,
          body: encodeRecord(contentKinds[kind].body as Field<unknown>, content),
        });
  if (encoded.length > limits.contentBytes.value)
    throw new SottoError("tooLarge", { detail: "a content above the limit" });
  return encoded;
}

/**
 * Reads canonical content bytes. A kind this version does not know is a typed fallback, never an error. Byte fields are
 * views of `encoded`.
 *
 * @throws badFrame if the bytes are no content: another version, a second spelling, a field out of bounds, a known kind
 *   with a body that is not its own.
 */
export function decodeContent(encoded: Uint8Array): Content {
  if (encoded.length > limits.contentBytes.value)
    throw new SottoError("badFrame", { detail: "a content above the limit" });
  const { version: _version, kindNumber, body, ...header } = decodeRecord(outer, encoded);
  const kind = kindByNumber.get(kindNumber);
  if (kind === undefined) return { ...header, kind: "unsupported", kindNumber, body };
  const fields = decodeRecord(contentKinds[kind].body as Field<object>, body);
  return { ...header, kind, ...fields } as KnownContent;
}
