/** Vectors of what devices of one account tell each other: three good bodies of each type. */

import { decodeOwnBody, ownBodies } from "@sotto/protocol";
import { hex, join, spell } from "../../test/protocol/spelling.js";
import { printed } from "./json.js";
import { type Size, sample } from "./sample.js";

const sizes: readonly Size[] = ["least", "ordinary", "greatest"];
const types = Object.keys(ownBodies) as (keyof typeof ownBodies)[];

/** The good and the refused bodies. */
export function ownBodyVectors() {
  const good = types.flatMap((type) =>
    sizes.map((size) => ({ type, size, bytes: spell(sample(ownBodies[type].shape, size, type)) })),
  );
  const accepted = good.map(({ type, size, bytes }) => {
    const body = printed(decodeOwnBody(type, bytes));
    return { name: `${type}, ${size} values`, type, hex: hex(bytes), body };
  });
  const refused = types.flatMap((type) => {
    const bytes = spell(sample(ownBodies[type].shape, "ordinary", type));
    return [
      { name: `${type} with a byte behind it`, type, hex: hex(join([bytes, Uint8Array.of(0)])), refused: "badFrame" },
      { name: `${type} cut short`, type, hex: hex(bytes.subarray(0, -1)), refused: "badFrame" },
      { name: `${type} without its last field`, type, hex: hex(spell([])), refused: "badFrame" },
    ];
  });
  return { accepted, refused };
}
