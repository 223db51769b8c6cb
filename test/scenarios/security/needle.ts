/** A string to look for in bytes, in every form it could have been written down. */

/** One form of a string, and its bytes. */
interface Form {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Something to look for. */
export class Needle {
  private constructor(
    readonly name: string,
    /** Every form it could have. */
    readonly forms: readonly Form[],
  ) {}

  /** A text: as UTF-8, UTF-16, hex in both cases, and base64 of both alphabets at every alignment. */
  static ofText(name: string, text: string): Needle {
    const utf16 = Buffer.from(text, "utf16le");
    return new Needle(name, [{ name: "utf16le", bytes: utf16 }, ...spellings(Buffer.from(text))]);
  }

  /** Bytes, such as those of an id: as they are, and spelled like a text's. */
  static ofBytes(name: string, bytes: Uint8Array): Needle {
    return new Needle(name, spellings(Buffer.from(bytes)));
  }

  /**
   * A whole number: in words, in hex, and as an integer or float of both byte orders. The `wide` forms have eight bytes, six, or
   * the tag of a codec; the `narrow` ones four, which a place of many megabytes has by chance.
   */
  static ofNumber(name: string, value: number, width: "wide" | "narrow"): Needle {
    return new Needle(name, width === "wide" ? wideForms(value) : narrowForms(value));
  }
}

function wideForms(value: number): readonly Form[] {
  const wide = Buffer.alloc(8);
  const form = (write: () => unknown) => {
    write();
    return Buffer.from(wide);
  };
  const big = BigInt(value);
  const forms: Form[] = [
    { name: "decimal", bytes: Buffer.from(`${value}`) },
    { name: "decimal in utf16le", bytes: Buffer.from(`${value}`, "utf16le") },
    { name: "u64be", bytes: form(() => wide.writeBigUInt64BE(big)) },
    { name: "u64le", bytes: form(() => wide.writeBigUInt64LE(big)) },
    { name: "f64be", bytes: form(() => wide.writeDoubleBE(value)) },
    { name: "f64le", bytes: form(() => wide.writeDoubleLE(value)) },
  ];
  if (value < 2 ** 32) {
    // A small integer of V8's, and a u32 of the codec's.
    forms.push({ name: "smi", bytes: form(() => wide.writeBigUInt64LE(big << 32n)) });
    forms.push({ name: "msgpack u32", bytes: Buffer.concat([Buffer.from([0xce]), narrow(value, "be")]) });
  }
  return forms;
}

function narrowForms(value: number): readonly Form[] {
  const six = Buffer.alloc(6);
  six.writeUIntBE(value, 0, 6);
  return [
    { name: "u32be", bytes: narrow(value, "be") },
    { name: "u32le", bytes: narrow(value, "le") },
    { name: "u48be", bytes: Buffer.from(six) },
    { name: "u48le", bytes: Buffer.from(six).reverse() },
  ];
}

function narrow(value: number, order: "be" | "le"): Buffer {
  const four = Buffer.alloc(4);
  four.writeUInt32BE(value);
  return order === "be" ? four : four.reverse();
}

function spellings(plain: Buffer): readonly Form[] {
  const hex = plain.toString("hex");
  const forms: Form[] = [
    { name: "plain", bytes: plain },
    { name: "hex", bytes: Buffer.from(hex) },
    { name: "HEX", bytes: Buffer.from(hex.toUpperCase()) },
  ];
  for (const shift of [0, 1, 2]) {
    for (const alphabet of ["base64", "base64url"] as const) {
      const spelled = Buffer.concat([Buffer.alloc(shift), plain])
        .toString(alphabet)
        .replaceAll("=", "");
      // What its neighbours would change is cut off at both ends.
      const inner = spelled.slice(Math.ceil((shift * 4) / 3), Math.floor(((shift + plain.length) * 4) / 3));
      forms.push({ name: `${alphabet}+${shift}`, bytes: Buffer.from(inner) });
    }
  }
  return forms;
}

/** Where something was found: `needle as form in place`. */
export type Find = string;

/** Looks for needles in pieces of one place that follow each other; each needle is told once. */
export async function search(
  place: string,
  pieces: AsyncIterable<Buffer> | Iterable<Buffer>,
  needles: readonly Needle[],
): Promise<readonly Find[]> {
  const wanted = new Wanted(needles);
  const finds = new Map<string, Find>();
  const tell = (needle: string, form: string) => {
    if (!finds.has(needle)) finds.set(needle, `${needle} as ${form} in ${place}`);
  };
  let tail: Buffer = Buffer.alloc(0);
  for await (const piece of pieces) {
    // A core dump is mostly memory that was never used.
    if (isEmpty(piece) && isEmpty(tail)) continue;
    wanted.walk(piece, tell);
    wanted.walk(Buffer.concat([tail, piece.subarray(0, wanted.longest)]), tell);
    tail = Buffer.from(piece.subarray(-wanted.longest));
  }
  return [...finds.values()];
}

/** A form, and where in it two bytes stand that it is found by: not zeros, of which memory is full. */
interface Anchored extends Form {
  readonly needle: string;
  readonly anchor: number;
}

/** All forms of all needles by two of their bytes: one walk looks for all, which a search for each would take minutes for. */
class Wanted {
  private readonly byAnchor: (Anchored[] | undefined)[] = new Array(0x1_0000).fill(undefined);
  /** The longest form; a search over pieces overlaps them by this much. */
  readonly longest: number;

  constructor(needles: readonly Needle[]) {
    const forms = needles.flatMap((needle) => needle.forms.map((form) => anchored(form, needle.name)));
    this.longest = Math.max(...forms.map(({ bytes }) => bytes.length));
    for (const form of forms) {
      const pair = form.bytes.readUInt16BE(form.anchor);
      this.byAnchor[pair] = [...(this.byAnchor[pair] ?? []), form];
    }
  }

  /** Tells every form in the bytes. */
  walk(bytes: Buffer, tell: (needle: string, form: string) => void): void {
    const { byAnchor } = this;
    let pair = bytes[0] ?? 0;
    for (let at = 0; at + 1 < bytes.length; at++) {
      pair = ((pair << 8) | (bytes[at + 1] as number)) & 0xffff;
      const forms = byAnchor[pair];
      if (forms === undefined) continue;
      for (const form of forms) if (isAt(bytes, at - form.anchor, form.bytes)) tell(form.needle, form.name);
    }
  }
}

function anchored(form: Form, needle: string): Anchored {
  const anchor = form.bytes.findIndex((byte, at) => byte !== 0 && (form.bytes[at + 1] ?? 0) !== 0);
  return { ...form, needle, anchor: Math.max(0, anchor) };
}

function isAt(bytes: Buffer, at: number, form: Buffer): boolean {
  if (at < 0) return false;
  for (let index = 0; index < form.length; index++) if (bytes[at + index] !== form[index]) return false;
  return true;
}

const NOTHING = Buffer.alloc(16 * 1_048_576);

function isEmpty(piece: Buffer): boolean {
  return piece.length <= NOTHING.length && piece.equals(NOTHING.subarray(0, piece.length));
}
