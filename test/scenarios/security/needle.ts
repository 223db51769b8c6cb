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

/** All forms of all needles by their first two bytes: one walk looks for all, which a search for each would take minutes for. */
class Wanted {
  private readonly byStart: ((Form & { readonly needle: string })[] | undefined)[] = new Array(0x1_0000).fill(
    undefined,
  );
  /** The longest form; a search over pieces overlaps them by this much. */
  readonly longest: number;

  constructor(needles: readonly Needle[]) {
    const forms = needles.flatMap((needle) => needle.forms.map((form) => ({ ...form, needle: needle.name })));
    this.longest = Math.max(...forms.map(({ bytes }) => bytes.length));
    for (const form of forms) {
      const start = form.bytes.readUInt16BE(0);
      this.byStart[start] = [...(this.byStart[start] ?? []), form];
    }
  }

  /** Tells every form in the bytes. */
  walk(bytes: Buffer, tell: (needle: string, form: string) => void): void {
    const { byStart } = this;
    let start = bytes[0] ?? 0;
    for (let at = 0; at + 1 < bytes.length; at++) {
      start = ((start << 8) | (bytes[at + 1] as number)) & 0xffff;
      const forms = byStart[start];
      if (forms === undefined) continue;
      for (const form of forms) if (isAt(bytes, at, form.bytes)) tell(form.needle, form.name);
    }
  }
}

function isAt(bytes: Buffer, at: number, form: Buffer): boolean {
  for (let index = 2; index < form.length; index++) if (bytes[at + index] !== form[index]) return false;
  return true;
}

const NOTHING = Buffer.alloc(16 * 1_048_576);

function isEmpty(piece: Buffer): boolean {
  return piece.length <= NOTHING.length && piece.equals(NOTHING.subarray(0, piece.length));
}
