/**
 * Msgpack bytes of the five families Sotto uses, out and in. Writing is msgpackr's, set so that it writes exactly the
 * forms the walker accepts. Reading is our own: after the walk nothing is left to check, msgpackr drops a leading U+FEFF
 * from longer texts wherever its native part is missing, and native code should not be the first to read a stranger's
 * bytes.
 */

import { Packr } from "msgpackr";

const packr = new Packr({ useRecords: false, variableMapSize: true });

/** msgpackr cuts its results out of a shared buffer that grows with the largest; one above this is not worth pinning. */
const PINNED_BYTES = 65_536;

/**
 * Packs a value made of null, unsigned integers (bigint above 2^32-1), strings, byte strings and arrays.
 *
 * The result is a plain `Uint8Array` that no later call writes to. It may be a view of a larger buffer.
 */
export function pack(value: unknown): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = packr.pack(value) as Uint8Array as Uint8Array<ArrayBuffer>;
  const packed = new Uint8Array(buffer, byteOffset, length);
  return buffer.byteLength > PINNED_BYTES ? packed.slice() : packed;
}

/** Unpacks bytes that a walker has already checked. Byte strings in the result are plain views of the input. */
export function unpack(bytes: Uint8Array): unknown {
  return new Reader(bytes).value();
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Texts up to this many bytes are tried without the decoder's overhead first. */
const SHORT_TEXT = 48;

/** Reads what `Walker` has accepted; knows that every length fits. */
class Reader {
  private readonly bytes: Uint8Array;
  private position = 0;

  constructor(bytes: Uint8Array) {
    // A view of Node's Buffer would be a Buffer, whose `slice` does not copy.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  value(): unknown {
    const first = this.big(1);
    if (first <= 0x7f) return first;
    if (first <= 0x9f) return this.array(first & 0x0f);
    if (first <= 0xbf) return this.text(first & 0x1f);
    switch (first) {
      case 0xc0:
        return null;
      case 0xc4:
        return this.take(this.big(1));
      case 0xc5:
        return this.take(this.big(2));
      case 0xc6:
        return this.take(this.big(4));
      case 0xcc:
        return this.big(1);
      case 0xcd:
        return this.big(2);
      case 0xce:
        return this.big(4);
      case 0xd3:
        return this.big(8);
      case 0xd9:
        return this.text(this.big(1));
      case 0xda:
        return this.text(this.big(2));
      case 0xdb:
        return this.text(this.big(4));
      case 0xdc:
        return this.array(this.big(2));
      default:
        throw new Error(`unpack met the byte ${first}, which no walk accepts`);
    }
  }

  private array(length: number): unknown[] {
    const items: unknown[] = [];
    for (let index = 0; index < length; index++) items.push(this.value());
    return items;
  }

  private text(length: number): string {
    const bytes = this.take(length);
    if (length <= SHORT_TEXT) {
      let text = "";
      let seen = 0;
      for (const byte of bytes) {
        text += String.fromCharCode(byte);
        seen |= byte;
      }
      if (seen < 0x80) return text;
    }
    return decoder.decode(bytes);
  }

  private take(length: number): Uint8Array {
    const start = this.position;
    this.position += length;
    return this.bytes.subarray(start, this.position);
  }

  private big(size: number): number {
    let value = 0;
    for (let index = 0; index < size; index++) value = value * 256 + (this.bytes[this.position++] as number);
    return value;
  }
}
