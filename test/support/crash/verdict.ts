/** What may not happen to messages, whatever is killed: lost, shown twice, shown in another order, or not readable. */

/** What went wrong with one direction of a conversation. Every list is empty if all is well. */
export interface Findings {
  readonly lost: readonly string[];
  readonly twice: readonly string[];
  readonly disordered: readonly string[];
  readonly unknown: readonly string[];
}

/** Compares what was sent, in the order of the calls, with what the recipient's app was shown, in the order it saw it. */
export function judge(sent: readonly string[], shown: readonly string[]): Findings {
  const places = new Map(sent.map((text, index) => [text, index]));
  const seen = new Set<string>();
  const twice: string[] = [];
  const disordered: string[] = [];
  const unknown: string[] = [];
  let furthest = -1;
  for (const text of shown) {
    const place = places.get(text);
    if (place === undefined) unknown.push(text);
    else if (seen.has(text)) twice.push(text);
    else if (place < furthest) disordered.push(text);
    else furthest = place;
    seen.add(text);
  }
  return { lost: sent.filter((text) => !seen.has(text)), twice, disordered, unknown };
}

/** Findings of several directions as one. */
export function together(findings: readonly Findings[]): Findings {
  return {
    lost: findings.flatMap(({ lost }) => lost),
    twice: findings.flatMap(({ twice }) => twice),
    disordered: findings.flatMap(({ disordered }) => disordered),
    unknown: findings.flatMap(({ unknown }) => unknown),
  };
}

/** "0 lost, 0 twice, 0 out of order", as a campaign ends. */
export function inWords({ lost, twice, disordered, unknown }: Findings): string {
  const never = unknown.length === 0 ? "" : `, ${unknown.length} never sent`;
  return `${lost.length} lost, ${twice.length} twice, ${disordered.length} out of order${never}`;
}

/** Whether nothing went wrong. */
export function isClean({ lost, twice, disordered, unknown }: Findings): boolean {
  return lost.length + twice.length + disordered.length + unknown.length === 0;
}
