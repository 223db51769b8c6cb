/** Which relay the desk makes its proof for: the one whose root is named, or the one that was there first. */

import { rootFingerprint, SottoError } from "@sotto/protocol";
import { type KeyFileForm, readKeyFile, writeKeyFile } from "../../keys/key-file.js";
import type { CheckRoot } from "./connection.js";

const form: KeyFileForm<"fingerprint"> = {
  sotto: "desk relay root",
  holds: "file of the relay's root",
  fields: ["fingerprint"],
  access: "owner",
};

/** Takes the root with this fingerprint and no other. */
export function namedRoot(fingerprint: string): CheckRoot {
  return async (root) => {
    if (rootFingerprint(root) !== fingerprint) throw new SottoError("wrongRoot");
  };
}

/** Takes the first root it sees, keeps it in a file, and takes no other from then on. */
export function firstRoot(file: string): CheckRoot {
  return async (root) => {
    const held = await readKeyFile(file, form);
    if (held === undefined) await writeKeyFile(file, form, { fingerprint: rootFingerprint(root) }, "create");
    else if (held.fingerprint !== rootFingerprint(root)) throw new SottoError("wrongRoot");
  };
}
