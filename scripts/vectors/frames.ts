/** Vectors of frames: three good ones for every row, and every class of refusal. */

import { decodeFrame, type FrameName, type field, frames } from "@sotto/protocol";
import { hex, join, raw, spell, type Wire } from "../../test/protocol/spelling.js";
import { printed } from "./json.js";
import { badBinaries, badIntegers, badLists, badTexts, type Mistake } from "./refusals.js";
import { type Size, sample } from "./sample.js";

const names = Object.keys(frames) as FrameName[];
const sizes: readonly Size[] = ["least", "ordinary", "greatest"];

/** The good and the refused frames. */
export function frameVectors() {
  return { accepted: names.flatMap(acceptedOf), refused: refused() };
}

function acceptedOf(name: FrameName) {
  const { direction } = frames[name];
  const seen = new Set<string>();
  return sizes.flatMap((size) => {
    const bytes = spell(valuesOf(name, size));
    if (seen.has(hex(bytes))) return [];
    seen.add(hex(bytes));
    const frame = printed(decodeFrame(bytes, direction));
    return [{ name: `${name}, ${size} values`, direction, hex: hex(bytes), frame }];
  });
}

function valuesOf(name: FrameName, size: Size): Wire[] {
  const fields: Record<string, field.Field<unknown>> = frames[name].fields;
  return [frames[name].tag, ...Object.entries(fields).map(([key, { shape }]) => sample(shape, size, `${name}.${key}`))];
}

function refused() {
  const ping = frames.ping.tag;
  const whole: readonly Mistake[] = [
    { why: "no bytes", wire: raw("") },
    { why: "an integer instead of an array", wire: ping },
    { why: "text instead of an array", wire: "ping" },
    { why: "a map instead of an array", wire: raw("810a01") },
    { why: "an empty array", wire: [] },
    { why: "tag 0", wire: [0, 1] },
    { why: "a tag no row has", wire: [127, 1] },
    { why: "a tag of two bytes no row has", wire: [300, 1] },
    { why: "a tag in a longer form", wire: [raw("cc0a"), 1] },
    { why: "a tag that is text", wire: ["ping", 1] },
    { why: "a frame of the other direction", wire: [frames.pong.tag, 1, 1] },
    { why: "a missing field", wire: [ping] },
    { why: "an additional field", wire: [ping, 1, 1] },
    { why: "an additional nil", wire: [ping, 1, null] },
    { why: "an array head in a longer form", wire: raw("dc00020a01") },
    { why: "an array head that promises more than is there", wire: raw("930a01") },
    { why: "a byte behind the frame", wire: raw("920a0100") },
    { why: "a second frame behind the frame", wire: raw("920a01920a01") },
    { why: "the frame cut short", wire: raw("920a") },
    { why: "a frame that claims 2^32-1 fields", wire: raw("ddffffffff0a01") },
  ];
  const userId = (wire: Wire): Wire => [frames.resolve.tag, 1, wire];
  const devices = (wire: Wire): Wire => [frames.fetchBundles.tag, 1, new Uint8Array(16), wire, null, null];
  const account = (wire: Wire): Wire => [frames.fetchBundles.tag, 1, wire, [], null, null];
  const send = (recipients: Wire, storage = 0): Wire => [
    frames.send.tag,
    1,
    new Uint8Array(16),
    storage,
    0,
    0,
    0,
    recipients,
  ];
  const recipient = (items: readonly Wire[], deliveryKey: Wire = null): Wire[] => [
    new Uint8Array(16),
    deliveryKey,
    null,
    null,
    0,
    items,
  ];
  const envelopes = (...items: readonly Wire[]): Wire => send([recipient(items)]);
  const body = Uint8Array.of(1);
  const nested: readonly Mistake[] = [
    { why: "a send to nobody", wire: send([]) },
    { why: "a send to 17 accounts", wire: send(Array.from({ length: 17 }, () => recipient([]))) },
    { why: "an envelope for device 0", wire: envelopes([0, 1, body]) },
    { why: "an envelope for device 128", wire: envelopes([128, 1, body]) },
    { why: "an envelope with registration id 0", wire: envelopes([1, 0, body]) },
    { why: "an envelope with a registration id of 15 bits", wire: envelopes([1, 0x4000, body]) },
    { why: "an envelope without a body", wire: envelopes([1, 1]) },
    { why: "an envelope with an empty body", wire: envelopes([1, 1, new Uint8Array(0)]) },
    { why: "a recipient with a field too many", wire: send([[...recipient([]), 1]]) },
    { why: "a delivery key of 15 bytes", wire: send([recipient([], new Uint8Array(15))]) },
    { why: "a choice that does not exist", wire: send([recipient([])], 2) },
    { why: "a request id of 2^32", wire: [ping, 2 ** 32] },
  ];
  const within = (of: (wire: Wire) => Wire, field: string, mistakes: readonly Mistake[]): Mistake[] =>
    mistakes.map(({ why, wire }) => ({ why: `${field}: ${why}`, wire: of(wire) }));
  return [
    ...whole,
    ...within((wire) => [ping, wire], "ping.id", badIntegers),
    ...within(userId, "resolve.userId", badTexts),
    ...within(account, "fetchBundles.account", badBinaries),
    ...within(devices, "fetchBundles.devices", badLists),
    ...nested,
  ].map(({ why, wire }) => ({ name: why, direction: "toRelay", hex: hex(join([spell(wire)])), refused: "badFrame" }));
}
