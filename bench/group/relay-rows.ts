/** What mail takes in a relay's database, counted by the catalogue of its rows. The relay must have ended. */

import { catalogue } from "../../server/store/catalogue.js";
import { levelEngine } from "../../server/store/level/level-engine.js";
import { readEnvelopeKey } from "../../server/store/row-keys.js";

/** Rows, and the bytes of their keys and values as the rules wrote them; what LevelDB adds or saves is not in it. */
export interface MailRows {
  readonly rows: number;
  readonly bytes: number;
}

/** The rows of all mail: envelopes, shared ends and the counts of these. Not the heads of mailboxes, which stay. */
export async function mailRows(folder: string): Promise<MailRows> {
  const engine = levelEngine(folder);
  await engine.open();
  try {
    let rows = 0;
    let bytes = 0;
    for (const { prefix } of [catalogue.envelope, catalogue.sharedEnd, catalogue.sharedEndCount]) {
      const range = { from: Buffer.of(prefix), to: Buffer.of(prefix + 1) };
      for (const [key, value] of await engine.entries(range, Number.POSITIVE_INFINITY)) {
        if (prefix === catalogue.envelope.prefix && readEnvelopeKey(key).isHead) continue;
        rows += 1;
        bytes += key.length + value.length;
      }
    }
    return { rows, bytes };
  } finally {
    await engine.close();
  }
}
