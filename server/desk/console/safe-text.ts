/**
 * Hostile text, made ready to look at: characters that show nothing, or turn the reading direction of what is around them, become marks
 * with a name, and piles of combining marks are cut. The page shows the rest as a text node, so that no markup in it means anything.
 */

/** A piece of a text: characters as they are, or what stands for one that must not act. */
export type TextRun =
  | { readonly kind: "plain"; readonly text: string }
  | { readonly kind: "mark"; readonly sign: string; readonly meaning: string };

/** More combining marks than this on one letter serve to draw over other lines. */
const MAX_COMBINING = 6;

const named: ReadonlyMap<number, readonly [sign: string, meaning: string]> = new Map([
  [0x00ad, ["SHY", "soft hyphen"]],
  [0x034f, ["CGJ", "invisible joiner"]],
  [0x061c, ["ALM", "Arabic letter mark"]],
  [0x115f, ["HF", "invisible filler"]],
  [0x1160, ["HF", "invisible filler"]],
  [0x17b4, ["KIV", "invisible vowel"]],
  [0x17b5, ["KIV", "invisible vowel"]],
  [0x180e, ["MVS", "invisible separator"]],
  [0x200b, ["ZWSP", "zero-width space"]],
  [0x200c, ["ZWNJ", "zero-width non-joiner"]],
  [0x200d, ["ZWJ", "zero-width joiner"]],
  [0x200e, ["LRM", "left-to-right mark"]],
  [0x200f, ["RLM", "right-to-left mark"]],
  [0x2028, ["LS", "line separator"]],
  [0x2029, ["PS", "paragraph separator"]],
  [0x202a, ["LRE", "left-to-right embedding"]],
  [0x202b, ["RLE", "right-to-left embedding"]],
  [0x202c, ["PDF", "end of embedding"]],
  [0x202d, ["LRO", "left-to-right override"]],
  [0x202e, ["RLO", "right-to-left override"]],
  [0x2060, ["WJ", "word joiner"]],
  [0x2066, ["LRI", "left-to-right isolate"]],
  [0x2067, ["RLI", "right-to-left isolate"]],
  [0x2068, ["FSI", "first strong isolate"]],
  [0x2069, ["PDI", "end of isolate"]],
  [0x2800, ["BLANK", "blank Braille pattern"]],
  [0x3164, ["HF", "invisible filler"]],
  [0xfeff, ["BOM", "zero-width no-break space"]],
  [0xffa0, ["HF", "invisible filler"]],
]);

const COMBINING = /^\p{M}$/u;
const PICTURE = /^(\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator})$/u;
const UNSHOWN = /^[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}]$/u;

/** The runs of a text, in its order; joined, they say everything it holds. */
export function textRuns(text: string): readonly TextRun[] {
  const runs: TextRun[] = [];
  const characters = [...text];
  let plain = "";
  let combining = 0;
  let cut = 0;

  for (const [index, character] of characters.entries()) {
    const isCombining = COMBINING.test(character) && !isSelector(character);
    combining = isCombining ? combining + 1 : 0;
    if (combining > MAX_COMBINING) {
      cut += 1;
      continue;
    }
    endPile();
    const mark = isJoiningPictures(characters, index) ? undefined : markOf(character);
    if (mark === undefined) plain += character;
    else {
      endPlain();
      runs.push(mark);
    }
  }
  endPile();
  endPlain();
  return runs;

  function endPlain(): void {
    if (plain !== "") runs.push({ kind: "plain", text: plain });
    plain = "";
  }

  function endPile(): void {
    if (cut === 0) return;
    endPlain();
    runs.push({ kind: "mark", sign: `+${cut}`, meaning: `${cut} more combining marks on one letter` });
    cut = 0;
  }
}

/** The text with marks written out, for places that take nothing but characters: titles, names, labels. */
export function flatText(text: string): string {
  return textRuns(text)
    .map((run) => (run.kind === "plain" ? run.text.replaceAll(/\s+/g, " ") : `⟨${run.sign}⟩`))
    .join("");
}

function markOf(character: string): TextRun | undefined {
  const point = character.codePointAt(0) ?? 0;
  const row = named.get(point);
  if (row !== undefined) return { kind: "mark", sign: row[0], meaning: row[1] };
  if (character === "\n" || character === "\t") return undefined;
  const isSupplementarySelector = point >= 0xe0100 && point <= 0xe01ef;
  if (!UNSHOWN.test(character) && !isSupplementarySelector) return undefined;
  const code = `U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
  return { kind: "mark", sign: code, meaning: `character ${code}, which shows nothing` };
}

/** U+FE0E and U+FE0F choose how a picture looks, and are on every second emoji. */
function isSelector(character: string): boolean {
  return character === "\ufe0e" || character === "\ufe0f";
}

/** A joiner between two pictures makes one of them: a family, a flag. */
function isJoiningPictures(characters: readonly string[], index: number): boolean {
  if (characters[index] !== "\u200d") return false;
  const before = characters[index - 1] ?? "";
  const isPictureBefore = PICTURE.test(isSelector(before) ? (characters[index - 2] ?? "") : before);
  return isPictureBefore && PICTURE.test(characters[index + 1] ?? "");
}
