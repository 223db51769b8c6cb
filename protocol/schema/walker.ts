/**
 * A cursor over msgpack bytes that only looks: it allocates nothing and copies nothing, and it accepts exactly one
 * spelling of every value (https://github.com/msgpack/msgpack/blob/master/spec.md, shortest forms only). Sotto uses
 * five of msgpack's families: nil, unsigned integers up to 2^53-1 (those above 2^32-1 as int64),
 * strings, binaries and arrays.
 */

/** Why bytes are no frame or content of ours. Developers' words; carries no byte of the input. */
export class Malformed extends Error {
  override readonly name = "Malformed";
}

/** Stops with the reason. */
export function malformed(reason: string): never {
  throw new Malformed(reason);
}

/** Walks one byte string from front to back. Every method throws `Malformed` instead of reading past the end. */
export class Walker {
  private position = 0;

  constructor(private readonly bytes: Uint8Array) {}

  /** True if the next value is nil; then it is consumed. */
  takeNil(): boolean {
    if (this.bytes[this.position] !== 0xc0) return false;
    this.position += 1;
    return true;
  }

  /** Consumes an unsigned integer in its shortest form. */
  uint(): number {
    const first = this.next();
    if (first <= 0x7f) return first;
    if (first === 0xcc) return this.atLeast(this.big(1), 0x80);
    if (first === 0xcd) return this.atLeast(this.big(2), 0x100);
    if (first === 0xce) return this.atLeast(this.big(4), 0x1_0000);
    if (first === 0xd3) {
      const high = this.big(4);
      const low = this.big(4);
      if (high > 0x1f_ffff) malformed("an integer above 2^53-1");
      return this.atLeast(high * 0x1_0000_0000 + low, 0x1_0000_0000);
    }
    return malformed("expected an unsigned integer");
  }

  /** Consumes an array's head and answers its length. */
  array(): number {
    const first = this.next();
    if (first >= 0x90 && first <= 0x9f) return first & 0x0f;
    if (first === 0xdc) return this.atLeast(this.big(2), 0x10);
    return malformed("expected an array of fewer than 65,536 items");
  }

  /** Consumes a binary whose length lies in the bounds. */
  binary(min: number, max: number): void {
    const first = this.next();
    let length: number;
    if (first === 0xc4) length = this.big(1);
    else if (first === 0xc5) length = this.atLeast(this.big(2), 0x100);
    else if (first === 0xc6) length = this.atLeast(this.big(4), 0x1_0000);
    else malformed("expected bytes");
    if (length < min || length > max) malformed(`expected ${min} to ${max} bytes`);
    this.skip(length);
  }

  /** Consumes a string of valid UTF-8 whose length in bytes lies in the bounds. */
  text(min: number, max: number): void {
    const first = this.next();
    let length: number;
    if (first >= 0xa0 && first <= 0xbf) length = first & 0x1f;
    else if (first === 0xd9) length = this.atLeast(this.big(1), 0x20);
    else if (first === 0xda) length = this.atLeast(this.big(2), 0x100);
    else if (first === 0xdb) length = this.atLeast(this.big(4), 0x1_0000);
    else malformed("expected text");
    if (length < min || length > max) malformed(`expected text of ${min} to ${max} bytes`);
    const start = this.position;
    this.skip(length);
    if (!isUtf8(this.bytes, start, this.position)) malformed("expected valid UTF-8");
  }

  /** Refuses bytes behind the last value. */
  end(): void {
    if (this.position !== this.bytes.length) malformed("trailing bytes");
  }

  private next(): number {
    const byte = this.bytes[this.position];
    if (byte === undefined) malformed("the bytes end too early");
    this.position += 1;
    return byte as number;
  }

  private big(size: number): number {
    let value = 0;
    for (let index = 0; index < size; index++) value = value * 256 + this.next();
    return value;
  }

  private atLeast(value: number, min: number): number {
    return value >= min ? value : malformed("a length or integer not in its shortest form");
  }

  private skip(length: number): void {
    if (length > this.bytes.length - this.position) malformed("the bytes end too early");
    this.position += length;
  }
}

/** Whether a range is well-formed UTF-8 (RFC 3629 §4): no overlong form, no surrogate, nothing above U+10FFFF. */
function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    const first = bytes[at++] as number;
    if (first < 0x80) continue;
    let more: number;
    let low = 0x80;
    let high = 0xbf;
    if (first >= 0xc2 && first <= 0xdf) more = 1;
    else if (first >= 0xe0 && first <= 0xef) {
      more = 2;
      if (first === 0xe0) low = 0xa0;
      if (first === 0xed) high = 0x9f;
    } else if (first >= 0xf0 && first <= 0xf4) {
      more = 3;
      if (first === 0xf0) low = 0x90;
      if (first === 0xf4) high = 0x8f;
    } else return false;
    if (at + more > end) return false;
    for (; more > 0; more--) {
      const next = bytes[at++] as number;
      if (next < low || next > high) return false;
      low = 0x80;
      high = 0xbf;
    }
  }
  return true;
}
