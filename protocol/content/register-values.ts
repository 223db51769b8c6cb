/**
 * The table of register kinds: what each is about, what its value holds, and how many count. Whoever follows it ends with
 * the same registers as every other device of the account.
 */

import { decodeRecord, encodeRecord } from "../codec.js";
import { SottoError } from "../failures.js";
import { limits } from "../limits.js";
import { type Field, optional, record, type TypeOf, text } from "../schema/field.js";
import type { Register, RegisterKind } from "./registers.js";

/** One kind: its key, its value, and its bounds. */
export interface RegisterKindRow {
  readonly doc: string;
  /** An id of its own or a conversation's, as 32 lower-case hex digits; or a conversation's and another one behind a `/`. */
  readonly key: "id" | "conversation" | "conversation/id";
  readonly value: Field<unknown>;
  /** How many with a value a device makes: of an account, or of one conversation where the key names one. */
  readonly most: number;
  /**
   * How many are kept, emptied ones included. Beyond it those with the earliest words go, by `compareRegisters` and then by
   * their keys: as words only ever become later, what goes is the same on every device, whatever came first.
   */
  readonly kept: number;
}

/** Room for emptied ones, and for what several devices made at once. */
const KEPT = 8;
const line = text(limits.labelBytes.value, 1);

/** Every kind of register. */
export const registerTable = {
  quickReply: {
    doc: "Words to send again and again; `{name}` in them stands for what the sender fills in.",
    key: "id",
    value: record({ title: line, text: text(limits.quickReplyBytes.value, 1) }),
    most: limits.quickReplies.value,
    kept: limits.quickReplies.value * KEPT,
  },
  draft: {
    doc: "Words that were begun in a conversation and not sent.",
    key: "conversation",
    value: record({ text: text(limits.textBytes.value, 1) }),
    most: 1,
    kept: 1,
  },
  pin: {
    doc: "A message of a conversation that is kept at hand; in the order of their words.",
    key: "conversation/id",
    value: record({}),
    most: limits.pinsPerConversation.value,
    kept: limits.pinsPerConversation.value * KEPT,
  },
  label: {
    doc: "Something that conversations can be marked with. Emptied, it is on none any more, whatever `labelled` says.",
    key: "id",
    value: record({ name: line, color: optional(text(32, 1)) }),
    most: limits.labels.value,
    kept: limits.labels.value * KEPT,
  },
  labelled: {
    doc: "A label on a conversation.",
    key: "conversation/id",
    value: record({}),
    most: limits.labelsPerConversation.value,
    kept: limits.labelsPerConversation.value * KEPT,
  },
  assignee: {
    doc: "Who looks after a conversation, by a name of the app's choice.",
    key: "conversation",
    value: record({ agent: line }),
    most: 1,
    kept: 1,
  },
} as const satisfies Record<RegisterKind, RegisterKindRow>;

/** The value of one kind. */
export type RegisterValue<Kind extends RegisterKind> = TypeOf<(typeof registerTable)[Kind]["value"]>;

/**
 * An emptied register is forgotten so long after its word, by the relay's clock. Mail waits far shorter and so does what
 * leaves; a device that was away for longer is told everything anew. Only one that was away for all of this time, and wrote
 * before it was emptied, could bring a value back, which is then there to be removed again.
 */
export const FORGET_EMPTIED_MS = 180 * 24 * 3_600_000;

const ID = /^[0-9a-f]{32}$/;
const PAIR = /^[0-9a-f]{32}\/[0-9a-f]{32}$/;

/** The canonical bytes of a value. @throws invalidArgument for a field out of bounds. */
export function encodeRegisterValue<Kind extends RegisterKind>(
  kind: Kind,
  value: RegisterValue<Kind>,
): Uint8Array<ArrayBuffer> {
  return encodeRecord(registerTable[kind].value as never, value as never);
}

/** Reads a value. @throws badFrame if the bytes are no value of this kind. */
export function decodeRegisterValue<Kind extends RegisterKind>(kind: Kind, encoded: Uint8Array): RegisterValue<Kind> {
  return decodeRecord(registerTable[kind].value as never, encoded) as RegisterValue<Kind>;
}

/** The conversation that a register is about; empty where it is the account's. Bounds hold for each. */
export function registerScope({ kind, key }: Pick<Register, "kind" | "key">): string {
  return registerTable[kind].key === "id" ? "" : key.slice(0, 32);
}

/** Whether key and value are in the form of their kind. Others are not taken, as if nothing had been said. */
export function isFitRegister({ kind, key, value }: Register): boolean {
  const form = registerTable[kind].key === "conversation/id" ? PAIR : ID;
  if (!form.test(key)) return false;
  if (value === undefined) return true;
  try {
    decodeRegisterValue(kind, value);
    return true;
  } catch (error) {
    if (error instanceof SottoError && error.code === "badFrame") return false;
    throw error;
  }
}
