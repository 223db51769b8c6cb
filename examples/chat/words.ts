/** What the chat says: plain words for people, and nothing from the other side that could steer a terminal. */

/** Text without the characters that move cursors, change colours or reorder what is read. */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => (character === "\u200d" ? character : " "));
}

/** The number in groups of five, as people compare it. */
export function grouped(digits: string): string {
  return digits.match(/.{1,5}/g)?.join(" ") ?? digits;
}

/** The names in a list with commas. */
export function namesIn(list: string): readonly string[] {
  return list
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
