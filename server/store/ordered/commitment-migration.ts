/**
 * The way from format 2 to 3: bodies of then have no commitment, and get 32 zero bytes in its place, which nobody can have
 * committed to. A shared end gets them once; every envelope's key says how long its whole body is from then on. So does each
 * send that is remembered: its repeats are other sends to the relay, and get no stamps.
 */

import { catalogue } from "../catalogue.js";
import type { Engine, EngineBatch, KeyRange } from "../engine.js";
import { EnvelopeKeys, envelopesBetween, envelopesFrom, readEnvelopeKey, singleKey } from "../row-keys.js";

/** Zeros that nobody writes into. */
const NO_COMMITMENT = Buffer.alloc(32);
/** Bytes of a remembered send in format 2. */
const SEND_BYTES = 22;
/** Rows that are rewritten in one batch; of 96 KiB each at most. */
const STEP = 64;

/**
 * Rewrites all rows with bodies in bounded batches, in the order of their keys. Each batch says where the next one begins: the
 * process may die anywhere, and no row gets the bytes twice. The last word on it goes with the new version.
 */
export async function appendCommitments(engine: Engine): Promise<void> {
  const to = Buffer.of(catalogue.sharedEnd.prefix + 1);
  let from: Buffer | undefined = engine.get(singleKey("migration")) ?? envelopesFrom(0).from;
  while (from !== undefined) from = await rewriteSome(engine, { from, to });
}

/** Rewrites the next rows of a range, and answers where those behind them begin; `undefined` if there were none. */
async function rewriteSome(engine: Engine, range: KeyRange): Promise<Buffer | undefined> {
  const rows = await engine.entries(range, STEP);
  const last = rows.at(-1)?.[0];
  if (last === undefined) return undefined;
  const batch = engine.batch();
  for (const [key, value] of rows) rewrite(batch, key, value);
  const next = behind(last);
  batch.put(singleKey("migration"), next);
  await batch.write("synced");
  return next;
}

function rewrite(batch: EngineBatch, key: Buffer, value: Buffer): void {
  switch (key[0]) {
    case catalogue.envelope.prefix:
      rewriteEnvelope(batch, key, value);
      break;
    case catalogue.dedupe.prefix:
      batch.put(key, withMarks(value));
      break;
    case catalogue.sharedEnd.prefix:
      batch.put(key, Buffer.concat([value, NO_COMMITMENT]));
      break;
  }
}

function rewriteEnvelope(batch: EngineBatch, key: Buffer, value: Buffer): void {
  const { cursor, isHead, mailboxNumber, sharedEnd, sizeBytes } = readEnvelopeKey(key);
  if (isHead) return;
  batch.delete(key);
  const longer = new EnvelopeKeys().write(mailboxNumber, cursor, sizeBytes + NO_COMMITMENT.length, sharedEnd);
  batch.put(longer, sharedEnd === undefined ? Buffer.concat([value, NO_COMMITMENT]) : value);
}

/** The first key behind a row, whatever it was rewritten to: an envelope's new key stands behind its old one. */
function behind(key: Buffer): Buffer {
  if (key[0] !== catalogue.envelope.prefix) return Buffer.concat([key, Buffer.of(0)]);
  const { cursor, isHead, mailboxNumber } = readEnvelopeKey(key);
  return isHead ? envelopesFrom(mailboxNumber + 1).from : envelopesBetween(mailboxNumber, cursor + 1, cursor + 1).from;
}

function withMarks(sends: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < sends.length; at += SEND_BYTES) parts.push(sends.subarray(at, at + SEND_BYTES), NO_COMMITMENT);
  return Buffer.concat(parts);
}
