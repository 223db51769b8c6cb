/**
 * A second, independent writer of Sotto's msgpack subset, made from PROTOCOL.md's words and not from the code under
 * test. It also writes what may not be written, so that tests and vectors can show that it is refused.
 */

/** Bytes put into a message as they are. */
export class Raw {
  constructor(readonly bytes: Uint8Array) {}
}

/** A msgpack value of the subset, or raw bytes in place of one. */
export type Wire = null | number | string | Uint8Array | Raw | readonly Wire[];

/** Raw bytes from hex digits; blanks are for the reader. */
export function raw(hex: string): Raw {
  return new Raw(unhex(hex.replaceAll(" ", "")));
}

/** The bytes of a value in its one canonical spelling. */
export function spell(value: Wire): Uint8Array {
  if (value instanceof Raw) return value.bytes;
  if (value === null) return Uint8Array.of(0xc0);
  if (typeof value === "number") return spellUint(value);
  if (typeof value === "string") {
    const bytes = Buffer.from(value, "utf8");
    const { length } = bytes;
    return join([length < 32 ? Uint8Array.of(0xa0 + length) : head(length, 0xd9, 0xda, 0xdb), bytes]);
  }
  if (value instanceof Uint8Array) return join([head(value.length, 0xc4, 0xc5, 0xc6), value]);
  const items = value as readonly Wire[];
  const { length } = items;
  return join([length < 16 ? Uint8Array.of(0x90 + length) : bigEndian(0xdc, length, 2), ...items.map(spell)]);
}

/** Byte strings one behind the other. */
export function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** The hex digits of bytes. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** The bytes of hex digits. */
export function unhex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

function spellUint(value: number): Uint8Array {
  if (value < 0) return bigEndian(0xd3, value, 8);
  if (value < 0x80) return Uint8Array.of(value);
  if (value < 0x1_0000_0000) return head(value, 0xcc, 0xcd, 0xce);
  return bigEndian(0xd3, value, 8);
}

function head(value: number, one: number, two: number, four: number): Uint8Array {
  if (value < 0x100) return bigEndian(one, value, 1);
  return value < 0x1_0000 ? bigEndian(two, value, 2) : bigEndian(four, value, 4);
}

function bigEndian(first: number, value: number, size: 1 | 2 | 4 | 8): Uint8Array {
  const out = Buffer.alloc(1 + size);
  out[0] = first;
  if (size === 8) out.writeBigInt64BE(BigInt(value), 1);
  else out.writeUIntBE(value, 1, size);
  return new Uint8Array(out);
}
