/** A string to look for in bytes, in every form it could have been written down. */

/** One form of a string, and its bytes. */
interface Form {
  readonly name: string;
  readonly bytes: Buffer;
  /** Which part of its needle it is a form of. */
  readonly part: number;
}

/** A form of a needle that has one part. */
type Spelling = Omit<Form, "part">;

/** Something to look for. */
export class Needle {
  private constructor(
    readonly name: string,
    /** Every form it could have. */
    readonly forms: readonly Form[],
    /** It is found where all of so many parts are, in the same form. */
    readonly parts: number,
  ) {}

  private static of(name: string, spellings: readonly Spelling[]): Needle {
    return new Needle(
      name,
      spellings.map((one) => ({ ...one, part: 0 })),
      1,
    );
  }

  /** A text: as UTF-8, UTF-16, hex in both cases, and base64 of both alphabets at every alignment. */
  static ofText(name: string, text: string): Needle {
    const utf16 = Buffer.from(text, "utf16le");
    return Needle.of(name, [{ name: "utf16le", bytes: utf16 }, ...spellings(Buffer.from(text))]);
  }

  /** Bytes, such as those of an id: as they are, and spelled like a text's. */
  static ofBytes(name: string, bytes: Uint8Array): Needle {
    return Needle.of(name, spellings(Buffer.from(bytes)));
  }

  /**
   * A whole number: in words, in hex, and as an integer or float of both byte orders. The `wide` forms have eight bytes, six, or
   * the tag of a codec; the `narrow` ones four.
   */
  static ofNumber(name: string, value: number, width: "wide" | "narrow"): Needle {
    return Needle.of(name, width === "wide" ? wideForms(value) : narrowForms(value));
  }

  /**
   * Several at once, which are found only where all are, in the same form. A memory holds one in a hundred of all numbers of seven
   * or eight digits by chance, so that one alone tells nothing; whoever keeps one of them keeps them all.
   */
  static together(name: string, needles: readonly Needle[]): Needle {
    const forms = needles.flatMap((needle, part) => needle.forms.map((form) => ({ ...form, part })));
    return new Needle(name, forms, needles.length);
  }
}

function wideForms(value: number): readonly Spelling[] {
  const wide = Buffer.alloc(8);
  const form = (write: () => unknown) => {
    write();
    return Buffer.from(wide);
  };
  const big = BigInt(value);
  const forms: Spelling[] = [
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

function narrowForms(value: number): readonly Spelling[] {
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

function spellings(plain: Buffer): readonly Spelling[] {
  const hex = plain.toString("hex");
  const forms: Spelling[] = [
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
  const searching = new Search(needles);
  await searching.through(place, pieces);
  return searching.finds;
}

/** Looks for needles in one place after the other. The parts of a needle may lie in several; each needle is told once. */
export class Search {
  private readonly wanted: Wanted;
  private readonly parts = new Map<string, Set<number>>();
  private readonly found = new Map<string, Find>();

  constructor(needles: readonly Needle[]) {
    this.wanted = new Wanted(needles);
  }

  /** What was found so far, in the order in which it lies there. */
  get finds(): readonly Find[] {
    return [...this.found.values()];
  }

  /** Looks through pieces of one place that follow each other. */
  async through(place: string, pieces: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<void> {
    const { wanted } = this;
    const tell = (form: Anchored) => this.tell(form, place);
    let tail: Buffer = Buffer.alloc(0);
    for await (const piece of pieces) {
      // A core dump is mostly memory that was never used.
      if (isEmpty(piece) && isEmpty(tail)) continue;
      wanted.walk(piece, tell);
      wanted.walk(Buffer.concat([tail, piece.subarray(0, wanted.longest)]), tell);
      tail = Buffer.from(piece.subarray(-wanted.longest));
    }
  }

  private tell({ needle, name, part }: Anchored, place: string): void {
    const key = `${needle.name} as ${name}`;
    const parts = this.parts.get(key) ?? new Set();
    this.parts.set(key, parts.add(part));
    const isWhole = parts.size === needle.parts;
    if (isWhole && !this.found.has(needle.name)) this.found.set(needle.name, `${key} in ${place}`);
  }
}

/** A form, and where in it two bytes stand that it is found by: not two zeros, of which memory is full. */
interface Anchored extends Form {
  readonly needle: Needle;
  readonly anchor: number;
}

/** All forms of all needles by two of their bytes: one walk looks for all, which a search for each would take minutes for. */
class Wanted {
  private readonly byAnchor: (Anchored[] | undefined)[] = new Array(0x1_0000).fill(undefined);
  /** The longest form; a search over pieces overlaps them by this much. */
  readonly longest: number;

  constructor(needles: readonly Needle[]) {
    const forms = needles.flatMap((needle) => needle.forms.map((form) => anchored(form, needle)));
    this.longest = Math.max(...forms.map(({ bytes }) => bytes.length));
    for (const form of forms) {
      const pair = form.bytes.readUInt16BE(form.anchor);
      this.byAnchor[pair] = [...(this.byAnchor[pair] ?? []), form];
    }
  }

  /** Tells every form in the bytes. */
  walk(bytes: Buffer, tell: (form: Anchored) => void): void {
    const { byAnchor } = this;
    let pair = bytes[0] ?? 0;
    for (let at = 0; at + 1 < bytes.length; at++) {
      pair = ((pair << 8) | (bytes[at + 1] as number)) & 0xffff;
      const forms = byAnchor[pair];
      if (forms === undefined) continue;
      for (const form of forms) if (isAt(bytes, at - form.anchor, form.bytes)) tell(form);
    }
  }
}

function anchored(form: Form, needle: Needle): Anchored {
  const { bytes } = form;
  const pair = bytes.findIndex((byte, at) => byte !== 0 && (bytes[at + 1] ?? 0) !== 0);
  const single = Math.min(
    bytes.findIndex((byte) => byte !== 0),
    bytes.length - 2,
  );
  return { ...form, needle, anchor: Math.max(0, pair < 0 ? single : pair) };
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
