/**
 * Writes `protocol/vectors/*.json`. Run it only when the wire is meant to change: the checked-in files are what the
 * tests hold the code to.
 *
 *   node --conditions=sotto-source --import tsx scripts/vectors.ts
 */

import { writeFileSync } from "node:fs";
import { attachmentVectors } from "./vectors/attachments.js";
import { contentVectors } from "./vectors/contents.js";
import { deriveVectors } from "./vectors/derive.js";
import { frameVectors } from "./vectors/frames.js";
import { frankVectors } from "./vectors/frank.js";
import { groupVectors } from "./vectors/groups.js";
import { ownBodyVectors } from "./vectors/own-bodies.js";
import { payloadVectors } from "./vectors/payloads.js";
import { registerVectors } from "./vectors/registers.js";

const files = {
  frames: frameVectors(),
  contents: contentVectors(),
  payloads: payloadVectors(),
  "own-bodies": ownBodyVectors(),
  registers: registerVectors(),
  groups: groupVectors(),
  derive: deriveVectors(),
  frank: frankVectors(),
  attachments: await attachmentVectors(),
};
for (const [name, vectors] of Object.entries(files)) {
  writeFileSync(new URL(`../protocol/vectors/${name}.json`, import.meta.url), `${JSON.stringify(vectors, null, 2)}\n`);
}
