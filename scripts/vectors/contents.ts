/** Vectors of contents: three good ones for every kind, unknown kinds, and every class of refusal. */

import { type ContentKind, contentFields, contentKinds, decodeContent, type field } from "@sotto/protocol";
import { hex, join, spell, unhex, type Wire } from "../../test/protocol/spelling.js";
import { printed } from "./json.js";
import type { Mistake } from "./refusals.js";
import { type Size, sample } from "./sample.js";

const kinds = Object.keys(contentKinds) as ContentKind[];
const sizes: readonly Size[] = ["least", "ordinary", "greatest"];
const { version: _version, kindNumber: _kind, body: _body, ...header } = contentFields;

function headerOf(size: Size): Wire[] {
  return Object.entries<field.Field<unknown>>(header).map(([name, { shape }]) => sample(shape, size, `header.${name}`));
}

/** The good and the refused contents. */
export function contentVectors() {
  const accepted = [
    ...kinds.flatMap((kind) =>
      sizes.map((size) => {
        const { number, body } = contentKinds[kind];
        const bytes = spell([1, number, ...headerOf(size), spell(sample(body.shape, size, kind))]);
        return { name: `${kind}, ${size} values`, bytes };
      }),
    ),
    { name: "an unknown kind with an empty body", bytes: spell([1, 900, ...headerOf("ordinary"), new Uint8Array(0)]) },
    {
      name: "an unknown kind whose body is no msgpack",
      bytes: spell([1, 0xffff, ...headerOf("least"), unhex("c1c1ffff")]),
    },
  ].map(({ name, bytes }) => ({ name, hex: hex(bytes), content: printed(decodeContent(bytes)) }));
  const refused = mistakes().map(({ why, wire }) => ({ name: why, hex: hex(spell(wire)), refused: "badFrame" }));
  return { accepted, refused };
}

function mistakes(): readonly Mistake[] {
  const { text, reaction, receipt, typing, attachments, annotated, location, poll, vote, timer } = contentKinds;
  const fields = headerOf("ordinary");
  const of = (kind: number, body: Wire): Wire => [1, kind, ...fields, body instanceof Uint8Array ? body : spell(body)];
  const changed = (name: keyof typeof header, wire: Wire): Wire => [
    1,
    text.number,
    ...fields.with(Object.keys(header).indexOf(name), wire),
    spell(["words"]),
  ];
  const target = new Uint8Array(16);
  const key = new Uint8Array(32);
  const file: readonly Wire[] = [target, key, key, 5, 0, "text/plain", null, 7, null, null, null, null, null, null];
  /** One attachment with another value at a place. */
  const attached = (place: number, wire: Wire): Wire => [[file.with(place, wire)], null, null];
  return [
    { why: "version 0", wire: [0, text.number, ...fields, spell(["words"])] },
    { why: "version 2", wire: [2, text.number, ...fields, spell(["words"])] },
    { why: "kind 0", wire: of(0, ["words"]) },
    { why: "kind 65,536", wire: of(0x1_0000, ["words"]) },
    { why: "a known kind with an empty body", wire: of(text.number, new Uint8Array(0)) },
    { why: "a known kind with another kind's body", wire: of(text.number, [target, "👍", 0]) },
    { why: "a body with a byte behind it", wire: of(text.number, join([spell(["words"]), Uint8Array.of(0)])) },
    { why: "a body in a longer form", wire: of(text.number, unhex("dc0001a161")) },
    { why: "a body with a field too many", wire: of(text.number, ["words", 1]) },
    { why: "a body that is text, not bytes", wire: [1, text.number, ...fields, "words"] },
    { why: "empty text", wire: of(text.number, [""]) },
    { why: "text that is not UTF-8", wire: of(text.number, unhex("91a1ff")) },
    { why: "an emoji of 65 bytes", wire: of(reaction.number, [target, "x".repeat(65), 0]) },
    { why: "an action that does not exist", wire: of(reaction.number, [target, "x", 2]) },
    { why: "a receipt for nothing", wire: of(receipt.number, [0, []]) },
    { why: "a receipt for 65 messages", wire: of(receipt.number, [0, Array.from({ length: 65 }, () => target)]) },
    { why: "a typing state that does not exist", wire: of(typing.number, [2]) },
    { why: "attachments without one", wire: of(attachments.number, [[], null, null]) },
    { why: "17 attachments", wire: of(attachments.number, [Array.from({ length: 17 }, () => file), null, null]) },
    { why: "an attachment with a key of 31 bytes", wire: of(attachments.number, attached(1, target)) },
    { why: "an attachment with a digest of 33 bytes", wire: of(attachments.number, attached(2, new Uint8Array(33))) },
    { why: "an attachment of 4,294,967,297 bytes", wire: of(attachments.number, attached(3, 2 ** 32 + 1)) },
    { why: "an attachment of a media that does not exist", wire: of(attachments.number, attached(4, 4)) },
    { why: "an attachment without a media type", wire: of(attachments.number, attached(5, "")) },
    { why: "a file name of 256 bytes", wire: of(attachments.number, attached(6, "x".repeat(256))) },
    { why: "a picture 0 pixels wide", wire: of(attachments.number, attached(8, 0)) },
    { why: "a waveform of 129 steps", wire: of(attachments.number, attached(11, new Uint8Array(129))) },
    { why: "a blurhash of 5 characters", wire: of(attachments.number, attached(12, "LEHV6")) },
    { why: "a thumbnail that is only an id", wire: of(attachments.number, attached(13, [target])) },
    { why: "a mention of nobody", wire: of(annotated.number, ["@x", null, [[new Uint8Array(0), 0, 2]], null]) },
    { why: "a mention of no length", wire: of(annotated.number, ["@x", null, [[target, 0, 0]], null]) },
    { why: "a preview without a title", wire: of(annotated.number, ["x", null, [], ["https://x", "", null, null]]) },
    { why: "a latitude beyond the pole", wire: of(location.number, [180_000_001, 0, null, null]) },
    { why: "a poll with one option", wire: of(poll.number, ["?", ["yes"], 0]) },
    { why: "a poll with 33 options", wire: of(poll.number, ["?", Array.from({ length: 33 }, () => "x"), 0]) },
    { why: "a vote for option 32", wire: of(vote.number, [target, [32]]) },
    { why: "a timer of more than a year", wire: of(timer.number, [31_536_000_001]) },
    { why: "a sender of 15 bytes", wire: changed("sender", new Uint8Array(15)) },
    { why: "device 0", wire: changed("device", 0) },
    { why: "device 128", wire: changed("device", 128) },
    { why: "counter 0", wire: changed("counter", 0) },
    { why: "a timer of 0", wire: changed("timerMs", 0) },
    { why: "a revision of 2^32", wire: changed("revision", 2 ** 32) },
    {
      why: "nine commitments",
      wire: changed(
        "seen",
        Array.from({ length: 9 }, () => new Uint8Array(32)),
      ),
    },
    { why: "a commitment of 31 bytes", wire: changed("seen", [new Uint8Array(31)]) },
    { why: "a missing header field", wire: [1, text.number, ...fields.slice(1), spell(["words"])] },
    { why: "an additional header field", wire: [1, text.number, ...fields, 1, spell(["words"])] },
  ];
}
