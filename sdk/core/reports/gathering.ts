/** Reads from what is kept only as much as a report may need: what was chosen, what was said about it, what stands before it. */

import type { AccountId, ConversationId } from "@sotto/protocol";
import { isMessage } from "../conversations/kind-roles.js";
import type { EvidenceRows, KeptEvidence } from "../franking/evidence.js";
import { byAcceptance, findKept, type KeptContent, keptContent, keptName, type MessageName } from "./kept.js";

/** What gathering works with. */
export interface GatheringParts {
  readonly me: AccountId;
  readonly evidence: Pick<EvidenceRows, "about" | "between">;
  /** The relay's clock. */
  nowMs(): number;
}

/** How far back context is looked for: in an active conversation the first hour has it. */
const SPANS_MS = [1, 6, 24, 7 * 24, 31 * 24].map((hours) => hours * 3_600_000);

/** Everything that is kept of a conversation and counts still, oldest first. */
export async function* everything(
  { evidence, nowMs }: GatheringParts,
  conversation: ConversationId,
): AsyncGenerator<KeptContent> {
  const now = nowMs();
  for await (const kept of evidence.between(conversation, { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER - 1 })) {
    if (kept.untilMs > now) yield keptContent(kept);
  }
}

/** The named contents, whatever was said about them, and so many messages before the first of them. */
export async function gather(
  parts: GatheringParts,
  conversation: ConversationId,
  names: readonly MessageName[],
  before = 0,
): Promise<readonly KeptContent[]> {
  const found = new Map<string, KeptContent>();
  const add = (kept: KeptContent) => found.set(keptName(kept), kept);
  for (const name of names) {
    for (const kept of await named(parts, conversation, name)) add(kept);
  }
  const chosen = names.flatMap((name) => findKept([...found.values()], name, parts.me) ?? []);
  const first = [...chosen].sort(byAcceptance)[0];
  if (first !== undefined && before > 0) {
    for (const kept of await preceding(parts, first, before)) {
      for (const linked of await about(parts, conversation, kept)) add(linked);
    }
  }
  return [...found.values()].sort(byAcceptance);
}

/** A content by its name, with what was said about it; or about what it is about. */
async function named(
  parts: GatheringParts,
  conversation: ConversationId,
  name: MessageName,
): Promise<readonly KeptContent[]> {
  const found = read(parts, await parts.evidence.about(conversation, name.messageId));
  const kept = findKept(found, name, parts.me);
  return kept === undefined || !("target" in kept.said) ? found : about(parts, conversation, kept);
}

async function about(
  parts: GatheringParts,
  conversation: ConversationId,
  { said }: KeptContent,
): Promise<readonly KeptContent[]> {
  const message = "target" in said ? said.target : said.messageId;
  return read(parts, await parts.evidence.about(conversation, message));
}

async function preceding(parts: GatheringParts, first: KeptContent, count: number): Promise<readonly KeptContent[]> {
  const { conversation } = first.said;
  const now = parts.nowMs();
  for (const spanMs of SPANS_MS) {
    const last: KeptContent[] = [];
    const span = { fromMs: first.acceptedMs - spanMs, toMs: first.acceptedMs };
    for await (const kept of parts.evidence.between(conversation, span)) {
      const one = keptContent(kept);
      if (kept.untilMs <= now || !isMessage(one.said.kind) || byAcceptance(one, first) >= 0) continue;
      last.push(one);
      if (last.length > count) last.shift();
    }
    if (last.length === count || spanMs === SPANS_MS.at(-1)) return last;
  }
  return [];
}

function read({ nowMs }: GatheringParts, kept: readonly KeptEvidence[]): readonly KeptContent[] {
  const now = nowMs();
  return kept.filter(({ untilMs }) => untilMs > now).map(keptContent);
}
