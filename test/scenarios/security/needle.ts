/** A string to look for in bytes, in every form it could have been written down. */

/** One form of a string, and its bytes. */
interface Form {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Something to look for. */
export class Needle {
  private readonly forms: readonly Form[];

  private constructor(
    readonly name: string,
    forms: readonly Form[],
  ) {
    this.forms = forms;
  }

  /** A text: as UTF-8, UTF-16, hex in both cases, and base64 of both alphabets at every alignment. */
  static ofText(name: string, text: string): Needle {
    const utf16 = Buffer.from(text, "utf16le");
    return new Needle(name, [{ name: "utf16le", bytes: utf16 }, ...spellings(Buffer.from(text))]);
  }

  /** Bytes, such as those of an id: as they are, and spelled like a text's. */
  static ofBytes(name: string, bytes: Uint8Array): Needle {
    return new Needle(name, spellings(Buffer.from(bytes)));
  }

  /** The longest form; a search over pieces overlaps them by this much. */
  get longest(): number {
    return Math.max(...this.forms.map(({ bytes }) => bytes.length));
  }

  /** The form in which it occurs; `undefined` if it does not. */
  foundIn(haystack: Buffer): string | undefined {
    return this.forms.find(({ bytes }) => haystack.includes(bytes))?.name;
  }
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
  const overlap = Math.max(...needles.map(({ longest }) => longest));
  const finds = new Map<string, Find>();
  let tail: Buffer = Buffer.alloc(0);
  for await (const piece of pieces) {
    // A core dump is mostly memory that was never used.
    if (isEmpty(piece) && isEmpty(tail)) continue;
    const seam = Buffer.concat([tail, piece.subarray(0, overlap)]);
    for (const needle of needles) {
      if (finds.has(needle.name)) continue;
      const form = needle.foundIn(piece) ?? needle.foundIn(seam);
      if (form !== undefined) finds.set(needle.name, `${needle.name} as ${form} in ${place}`);
    }
    tail = Buffer.from(piece.subarray(-overlap));
  }
  return [...finds.values()];
}

const NOTHING = Buffer.alloc(16 * 1_048_576);

function isEmpty(piece: Buffer): boolean {
  return piece.length <= NOTHING.length && piece.equals(NOTHING.subarray(0, piece.length));
}
