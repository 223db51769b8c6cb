/** Logs of groups as the rules use them: fresh from the store, or from memory for the sending path. */

import { type ConversationId, SottoError } from "@sotto/protocol";
import type { LogHead, Logs } from "../ports.js";
import { REPORT_LOG } from "./desk/reports.js";
import { decodeGroup, encodeGroup, type GroupDocument } from "./group-keys.js";
import { Recent } from "./recent.js";

/** A group's log at one of its numbers. */
export interface Group {
  readonly seq: number;
  readonly document: GroupDocument;
}

/** A log as it is now, with what it holds. */
export interface LoadedGroup extends Group, Pick<LogHead, "bytes" | "entries"> {}

/** An entry to append, and the document from then on. */
export interface GroupAppend {
  readonly group: ConversationId;
  readonly expectedSeq: number;
  readonly acceptedMs: number;
  readonly entry: Uint8Array;
  readonly document: GroupDocument;
}

/** Epochs remembered in all; some 10 MB at most. */
const REMEMBERED = 40_000;

/** Reads and changes logs. */
export class Groups {
  private recent = newMemory();
  /** Groups whose checkpoint is being replaced. */
  private readonly checkpointing = new Set<ConversationId>();

  constructor(private readonly logs: Logs) {}

  /** The log as remembered, possibly stale: a send is guarded by its number, and the keys of a number never change. */
  remembered(group: ConversationId): Group | undefined {
    return this.recent.get(group);
  }

  /** The log as it is now, remembered from here on; `undefined` if there is none. */
  async load(group: ConversationId): Promise<LoadedGroup | undefined> {
    const head = group === REPORT_LOG ? undefined : await this.logs.head(group);
    if (head === undefined) {
      this.recent.delete(group);
      return undefined;
    }
    const { seq, bytes, entries } = head;
    const document = decodeGroup(head.document);
    this.remember(group, { seq, document });
    return { seq, document, bytes, entries };
  }

  /** Appends as `Logs.append`. */
  async append(append: GroupAppend): ReturnType<Logs["append"]> {
    const { document, expectedSeq, group } = append;
    if (group === REPORT_LOG) return { kind: "moved", seq: 0 };
    const outcome = await this.logs.append({ ...append, document: encodeGroup(document) });
    if (outcome.kind === "appended") this.remember(group, { seq: expectedSeq + 1, document });
    return outcome;
  }

  /**
   * Runs work that replaces a group's checkpoint, one at a time for a group: an older one must not come after a newer,
   * whose entries are gone.
   *
   * @throws busy while another runs.
   */
  async whileCheckpointing(group: ConversationId, work: () => Promise<void>): Promise<void> {
    if (this.checkpointing.has(group)) throw new SottoError("busy", { detail: "another checkpoint is being left" });
    this.checkpointing.add(group);
    try {
      await work();
    } finally {
      this.checkpointing.delete(group);
    }
  }

  /** Forgets all that is remembered: logs were deleted, and others may take their ids. */
  forget(): void {
    this.recent = newMemory();
  }

  /** Keeps a copy: a field of a frame is a view of the whole message. What is newer already stays. */
  private remember(group: ConversationId, { seq, document }: Group): void {
    const known = this.recent.get(group);
    if (known !== undefined && known.seq >= seq) return;
    this.recent.set(group, { seq, document: decodeGroup(encodeGroup(document)) });
  }
}

function newMemory(): Recent<ConversationId, Group> {
  return new Recent(REMEMBERED, ({ document }) => 1 + document.former.length);
}
