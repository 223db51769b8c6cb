/** What becomes of a content that somebody said in a group: it is shown, kept until more of the log was read, or refused. */

import type { GroupThread } from "../conversations/conversations.js";
import { readStored } from "../conversations/stored-content.js";
import { encodeRow, keys, type Row } from "../rows.js";
import type { GroupVerdicts, Verdict } from "./group-verdict.js";
import type { HeldMail } from "./held-mail.js";
import type { MailParts } from "./mail.js";
import type { Plan } from "./plan.js";
import type { Resolution } from "./waiting.js";
import { written } from "./written.js";

/** What it works with. */
export interface GroupContentParts extends Pick<MailParts, "waiting" | "counters" | "clock" | "tell" | "arrived"> {
  readonly verdicts: Pick<GroupVerdicts, "on">;
  readonly held: HeldMail;
  /** Something is to be asked for again. */
  repair(): void;
}

/** Decides. The caller holds the lock of the group's conversation. */
export class GroupContents {
  constructor(private readonly parts: GroupContentParts) {}

  /** What the log says of it now. */
  verdict({ group, sender: account, revision, cameMs: acceptedMs }: Row<"held">): Promise<Verdict> {
    return this.parts.verdicts.on(group, { account, revision, acceptedMs });
  }

  /** What comes of a content that came just now. */
  async taken(thread: GroupThread, row: Row<"held">, resolution: Resolution): Promise<Plan> {
    const verdict = await this.verdict(row);
    switch (verdict) {
      case "yes":
        return this.shown(thread, row, resolution);
      case "later":
        return this.held(row, resolution);
      case "no":
        return this.refused(thread, row, resolution);
      default:
        return verdict satisfies never;
    }
  }

  /** It counts: written into the thread. */
  async shown(thread: GroupThread, { content, acceptedMs }: Row<"held">, resolution: Resolution): Promise<Plan> {
    const { clock, counters } = this.parts;
    const outcome = await thread.writer.write({
      ...{ content: readStored(content), encoded: content, acceptedMs, atMs: clock.now() },
      ...{ status: "received", resolves: resolution.resolves },
    });
    if (outcome.kind === "refused") counters.count("contentRefused");
    return written(this.parts, thread, { outcome, resolution });
  }

  /** It does not: the place that it may have kept becomes empty. */
  async refused(thread: GroupThread, { sender }: Row<"held">, resolution: Resolution): Promise<Plan> {
    this.parts.counters.count("groupRefused");
    return this.parts.waiting.empty(thread, sender, resolution);
  }

  /** Kept as it is; where there is no room, it is as if it had not opened. */
  private async held(row: Row<"held">, { changes }: Resolution): Promise<Plan> {
    const { held, clock, repair } = this.parts;
    const hold = await held.holding(row);
    if (hold !== undefined) return { build: () => [hold()], after: [] };
    const { sender, device, group: conversation, cameMs: acceptedMs, envelope } = row;
    const waits = { sender, device, conversation, sinceMs: clock.now(), acceptedMs };
    const asked = { key: keys.undecryptable(envelope), value: encodeRow("undecryptable", waits) };
    // What answers an earlier try is waited for already.
    return { build: () => (changes.length > 0 ? [] : [asked]), after: [repair] };
  }
}
