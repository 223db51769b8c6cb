/** Looks at the raw rows of a store for what a crash could have left: written from the catalogue, not with the store's code. */

import type { Engine } from "../../../../server/store/engine.js";

const U48 = 6;
/** An envelope's key without a shared end, and that of a log's entry. */
const KEY_BYTES = 1 + U48 + U48 + 4;

/** Rows with a prefix. */
async function rowsOf(engine: Engine, prefix: number) {
  return engine.entries({ from: Buffer.of(prefix), to: Buffer.of(prefix + 1) }, Number.POSITIVE_INFINITY);
}

const numberAt = (bytes: Buffer, offset: number) => bytes.readUIntBE(offset, U48);

/** Every broken promise about shared ends and logs; none is right. */
export async function audit(engine: Engine): Promise<readonly string[]> {
  return [...(await auditSharedEnds(engine)), ...(await auditLogs(engine))];
}

/** Rows of shared ends and their counts. */
export async function sharedEndRows(engine: Engine): Promise<number> {
  return (await rowsOf(engine, 0x13)).length + (await rowsOf(engine, 0x14)).length;
}

/** Rows of logs, of all kinds. */
export async function logRows(engine: Engine): Promise<number> {
  let rows = 0;
  for (const prefix of [0x40, 0x41, 0x42, 0x43]) rows += (await rowsOf(engine, prefix)).length;
  return rows;
}

async function auditSharedEnds(engine: Engine): Promise<readonly string[]> {
  const broken: string[] = [];
  const references = new Map<number, number>();
  for (const [key, value] of await rowsOf(engine, 0x11)) {
    if (key.length === KEY_BYTES) continue;
    const end = numberAt(key, KEY_BYTES);
    references.set(end, (references.get(end) ?? 0) + 1);
    const stored = engine.get(Buffer.concat([Buffer.of(0x13), key.subarray(KEY_BYTES)]));
    const size = value.length - 16 - U48 + (stored?.length ?? 0);
    if (stored === undefined) broken.push(`end ${end} was freed while an envelope refers to it`);
    else if (size !== key.readUInt32BE(1 + U48 + U48)) broken.push(`an envelope with end ${end} has another size`);
  }
  const counts = new Map((await rowsOf(engine, 0x14)).map(([key, value]) => [numberAt(key, 1), numberAt(value, 0)]));
  for (const [end, count] of counts) {
    if (count !== references.get(end)) broken.push(`end ${end} counts ${count} and has ${references.get(end) ?? 0}`);
  }
  for (const end of references.keys()) if (!counts.has(end)) broken.push(`end ${end} has no count`);
  for (const [key] of await rowsOf(engine, 0x13)) {
    if (!references.has(numberAt(key, 1))) broken.push(`end ${numberAt(key, 1)} leaked`);
  }
  return broken;
}

async function auditLogs(engine: Engine): Promise<readonly string[]> {
  const broken: string[] = [];
  const entries = new Map<number, { count: number; bytes: number; newest: number; newestMs: number }>();
  for (const [key, value] of await rowsOf(engine, 0x41)) {
    const log = entries.get(numberAt(key, 1)) ?? { count: 0, bytes: 0, newest: 0, newestMs: 0 };
    const size = value.length - U48;
    if (size !== key.readUInt32BE(1 + U48 + U48)) broken.push("an entry has another size than its key says");
    if (numberAt(value, 0) < log.newestMs) broken.push("an entry is older than the one before it");
    log.count += 1;
    log.bytes += size;
    log.newest = numberAt(key, 1 + U48);
    log.newestMs = numberAt(value, 0);
    entries.set(numberAt(key, 1), log);
  }
  const known = new Set((await rowsOf(engine, 0x43)).map(([key]) => numberAt(key, 1)));
  const withHead = new Set<number>();
  for (const [, value] of await rowsOf(engine, 0x40)) {
    const [number = 0, seq = 0, acceptedMs = 0, count, bytes] = [0, 1, 2, 3, 4].map((at) => numberAt(value, at * U48));
    const log = entries.get(number) ?? { count: 0, bytes: 0, newest: 0, newestMs: 0 };
    if (log.count !== count || log.bytes !== bytes) broken.push(`log ${number} counts its entries wrong`);
    if (log.newest > seq || log.newestMs > acceptedMs) broken.push(`log ${number} is ahead of its head`);
    withHead.add(number);
  }
  for (const number of entries.keys()) {
    if (!withHead.has(number) && !known.has(number)) broken.push(`the entries of log ${number} leaked`);
  }
  for (const [key] of await rowsOf(engine, 0x42)) {
    if (!withHead.has(numberAt(key, 1))) broken.push(`the checkpoint of log ${numberAt(key, 1)} leaked`);
  }
  return broken;
}
