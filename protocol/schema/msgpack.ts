/**
 * Msgpack bytes of the five families Sotto uses, out and in: exactly the forms the walker accepts, in a hundred lines.
 * Libraries know many more families, which a stranger's bytes would reach, and spend most of their time telling them
 * apart.
 */

const encoder = new TextEncoder();

/** Small results are cut from shared blocks: allocating a buffer for each costs more than filling it. */
const BLOCK_BYTES = 16_384;

let block = new Uint8Array(BLOCK_BYTES);
let used = 0;

/**
 * Packs a value made of null, unsigned integers up to 2^53-1, strings, byte strings and arrays.
 *
 * The result is a plain `Uint8Array` that no later call writes to. It may be a view of a larger buffer.
 */
export function pack(value: unknown): Uint8Array<ArrayBuffer> {
  const packed = space(sizeOf(value));
  new Writer(packed).value(value);
  return packed;
}

function space(size: number): Uint8Array<ArrayBuffer> {
  if (size > BLOCK_BYTES / 4) return new Uint8Array(size);
  if (used + size > BLOCK_BYTES) {
    block = new Uint8Array(BLOCK_BYTES);
    used = 0;
  }
  used += size;
  return block.subarray(used - size, used);
}

/** How many bytes a value takes. */
function sizeOf(value: unknown): number {
  if (typeof value === "number") return uintSize(value);
  if (value instanceof Uint8Array) return value.length + (value.length <= 0xff ? 2 : value.length <= 0xffff ? 3 : 5);
  if (Array.isArray(value)) {
    let size = value.length <= 0x0f ? 1 : 3;
    for (const item of value) size += sizeOf(item);
    return size;
  }
  if (typeof value === "string") {
    const length = utf8Length(value);
    return length + (length <= 0x1f ? 1 : length <= 0xff ? 2 : length <= 0xffff ? 3 : 5);
  }
  return 1;
}

function uintSize(value: number): number {
  if (value <= 0x7f) return 1;
  if (value <= 0xff) return 2;
  if (value <= 0xffff) return 3;
  return value <= 0xffff_ffff ? 5 : 9;
}

/** Bytes of a text; a lone surrogate counts as U+FFFD, which the encoder writes for it. */
function utf8Length(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit <= 0x7f) continue;
    length += unit <= 0x7ff ? 1 : 2;
    if (unit >= 0xd800 && unit <= 0xdbff && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00) index += 1;
  }
  return length;
}

/** Writes values one after the other into a space that holds them exactly. */
class Writer {
  private position = 0;

  constructor(private readonly bytes: Uint8Array<ArrayBuffer>) {}

  value(value: unknown): void {
    if (typeof value === "number") this.uint(value);
    else if (value instanceof Uint8Array) this.binary(value);
    else if (Array.isArray(value)) {
      if (value.length <= 0x0f) this.big(0x90 | value.length, 1);
      else this.head(0xdc, value.length, 2);
      for (const item of value) this.value(item);
    } else if (typeof value === "string") this.text(value);
    else if (value === null) this.big(0xc0, 1);
    else throw new TypeError("pack was given a value of no family");
  }

  private uint(value: number): void {
    if (value <= 0x7f) this.big(value, 1);
    else if (value <= 0xff) this.head(0xcc, value, 1);
    else if (value <= 0xffff) this.head(0xcd, value, 2);
    else if (value <= 0xffff_ffff) this.head(0xce, value, 4);
    else this.head(0xd3, value, 8);
  }

  private binary(bytes: Uint8Array): void {
    if (bytes.length <= 0xff) this.head(0xc4, bytes.length, 1);
    else if (bytes.length <= 0xffff) this.head(0xc5, bytes.length, 2);
    else this.head(0xc6, bytes.length, 4);
    this.bytes.set(bytes, this.position);
    this.position += bytes.length;
  }

  private text(text: string): void {
    const length = utf8Length(text);
    if (length <= 0x1f) this.big(0xa0 | length, 1);
    else if (length <= 0xff) this.head(0xd9, length, 1);
    else if (length <= 0xffff) this.head(0xda, length, 2);
    else this.head(0xdb, length, 4);
    encoder.encodeInto(text, this.bytes.subarray(this.position));
    this.position += length;
  }

  private head(family: number, value: number, size: number): void {
    this.bytes[this.position++] = family;
    this.big(value, size);
  }

  /** Numbers up to 2^53-1, so no shifts: they would cut at 32 bits. */
  private big(value: number, size: number): void {
    let rest = value;
    for (let at = this.position + size - 1; at >= this.position; at--) {
      this.bytes[at] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    this.position += size;
  }
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
    this.bytes =
      bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
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
    // Of the right length from the start: a growing array leaves its smaller selves behind.
    const items: unknown[] = new Array(length);
    for (let index = 0; index < length; index++) items[index] = this.value();
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
