/** A relay that keeps a log of its own for one client of a group: from some entry on that client sees what it appends, and nobody else does. */

import type { ConversationId, Frame, FrameToClient, FrameToRelay } from "@sotto/protocol";
import type { LyingRelay } from "./lying-relay.js";

/** Further than any log of a test: the real relay then refuses. */
const FAR = 1_000_000;

type Entry = Frame<"groupEntries">["entries"][number];

/** Shows a client its own history behind entry `last` of a group. */
export function secondHistory(relay: LyingRelay, group: ConversationId, last: number): void {
  const own: Entry[] = [];
  const isOurs = (
    frame: FrameToRelay | undefined,
  ): frame is Extract<FrameToRelay, { type: "appendGroup" | "readGroup" }> =>
    (frame?.type === "appendGroup" || frame?.type === "readGroup") && frame.group === group;
  const originals = new Map<string, Frame<"appendGroup">>();
  relay.rephrase((frame) => {
    if (frame.type !== "appendGroup" || frame.group !== group) return frame;
    originals.set(`${frame.id}`, frame);
    return { ...frame, expectedSeq: FAR };
  });
  relay.become((told, asked): readonly FrameToClient[] => {
    if (!isOurs(asked)) return [told];
    if (asked.type === "readGroup") {
      if (told.type !== "groupEntries") return [told];
      const entries = [...told.entries.filter(({ seq }) => seq <= last), ...own.filter(({ seq }) => seq > asked.after)];
      return [{ ...told, head: last + own.length, entries }];
    }
    const { id, entry, expectedSeq } = originals.get(`${asked.id}`) ?? asked;
    if (expectedSeq !== last + own.length) return [{ type: "groupMoved", id, seq: last + own.length }];
    const appended = { seq: expectedSeq + 1, acceptedMs: Date.now(), entry: entry.slice() };
    own.push(appended);
    return [{ type: "groupAppended", id, seq: appended.seq, acceptedMs: appended.acceptedMs }];
  });
}
