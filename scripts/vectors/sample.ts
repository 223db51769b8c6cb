/** Values for vectors, made from the shape of a field: the same at every run, and different at every place. */

import { createHash } from "node:crypto";
import type { field } from "@sotto/protocol";
import type { Wire } from "../../test/protocol/spelling.js";

/** Which value of a shape: the least it allows, an ordinary one, or the greatest that is not too long to print. */
export type Size = "least" | "ordinary" | "greatest";

const WORDS = "Grüße, 世界 👋";

/** A value of the shape. `place` names where it stands, so that two keys of one frame differ. */
export function sample(shape: field.Shape, size: Size, place: string): Wire {
  switch (shape.kind) {
    case "uint":
      return size === "least" ? shape.min : size === "greatest" ? shape.max : numberAt(place, shape.min, shape.max);
    case "choice":
      return size === "greatest" ? shape.names.length - 1 : 0;
    case "bytes":
      return bytesAt(place, size === "least" ? shape.min : Math.max(shape.min, Math.min(shape.max, 24)));
    case "text":
      return size === "least" ? "x".repeat(shape.min) : WORDS.slice(0, Math.max(2, Math.min(shape.max / 4, 16)));
    case "optional":
      return size === "least" ? null : sample(shape.of, size, place);
    case "list": {
      const length = size === "least" ? shape.min : Math.min(shape.max, 2);
      return Array.from({ length }, (_, at) => sample(shape.of, size, `${place}.${at}`));
    }
    case "record":
      return Object.entries(shape.fields).map(([name, of]) => sample(of, size, `${place}.${name}`));
  }
}

function bytesAt(place: string, length: number): Uint8Array {
  const blocks: Buffer[] = [];
  for (let block = 0; block * 32 < length; block++)
    blocks.push(createHash("sha256").update(`${place}#${block}`).digest());
  return new Uint8Array(Buffer.concat(blocks).subarray(0, length));
}

function numberAt(place: string, min: number, max: number): number {
  const span = Math.min(max - min, 2 ** 40) + 1;
  return min + (createHash("sha256").update(place).digest().readUIntBE(0, 6) % span);
}
