/** What becomes of a content that somebody said in a group: it is shown, kept until more of the log was read, or refused. */

import type { GroupThread } from "../conversations/conversations.js";
import { readStored } from "../conversations/stored-content.js";
import type { Checking } from "../franking/checking.js";
import type { Statements } from "../groups/statements.js";
import { encodeRow, keys, type Row } from "../rows.js";
import { faultOf } from "./faults.js";
import type { GroupVerdicts, Verdict } from "./group-verdict.js";
import type { HeldMail } from "./held-mail.js";
import type { MailParts } from "./mail.js";
import { both, nothing, type Plan } from "./plan.js";
import { reportable } from "./reportable.js";
import type { Resolution } from "./waiting.js";
import { written } from "./written.js";

/** What it works with. */
export interface GroupContentParts
  extends Pick<MailParts, "waiting" | "counters" | "clock" | "tell" | "arrived" | "evidence" | "seen"> {
  /** Whether what somebody says may be shown. */
  readonly checking: Pick<Checking, "inGroup" | "isKnown">;
  /** What members say a group is called. */
  readonly statements: Pick<Statements, "said" | "isOfLog">;
  readonly verdicts: Pick<GroupVerdicts, "on" | "isMember">;
  readonly held: HeldMail;
  /** Something is to be asked for again. */
  repair(): void;
}

/** Decides. The caller holds the lock of the group's conversation. */
export class GroupContents {
  constructor(private readonly parts: GroupContentParts) {}

  /** Whether franks can be checked now: not while an app that names another realm waits for it. */
  get isReady(): boolean {
    return this.parts.checking.isKnown;
  }

  /**
   * What the log says of it now. How the group is called now any member may say, also where only admins write: newcomers hear it
   * from whoever brought them in, and it decides nothing.
   */
  async verdict({ group, sender: account, revision, cameMs: acceptedMs, content }: Row<"held">): Promise<Verdict> {
    const { verdicts, statements } = this.parts;
    const verdict = await verdicts.on(group, { account, revision, acceptedMs });
    const isRepeated = verdict === "no" && verdicts.isMember(group, account);
    return isRepeated && statements.isOfLog(readStored(content)) ? "yes" : verdict;
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

  /**
   * It counts: written into the thread if its frank passes. What was meant for members that are not known here is asked for
   * again, and then comes for this account alone.
   */
  async shown(thread: GroupThread, row: Row<"held">, resolution: Resolution): Promise<Plan> {
    const { clock, counters, checking, waiting, statements } = this.parts;
    const { sender: account, device, frank, commitment, stamp, stampedMs, group: id, revision, head, meantFor } = row;
    const opened = { content: readStored(row.content), encoded: row.content };
    const came = { speaker: { account, device }, frank, commitment, stamp, acceptedMs: stampedMs };
    const judged = checking.inGroup(opened, came, { id, revision, head }, meantFor);
    if (judged === "unknown") return this.askedAgain(row, resolution);
    if (judged.kind === "refused") {
      const isSpoilt = row.resendOf === undefined && faultOf(judged.reason, row, row) === "anybody";
      return isSpoilt ? this.askedAgain(row, resolution) : waiting.empty(thread, account, resolution);
    }
    const outcome = await thread.writer.write({
      ...{ said: judged, acceptedMs: row.acceptedMs, atMs: clock.now() },
      ...{ status: "received", resolves: resolution.resolves },
    });
    if (outcome.kind === "refused") counters.count("contentRefused");
    const kept = await reportable(this.parts, judged, outcome);
    const stated = outcome.kind === "applied" ? await statements.said(judged, meantFor) : nothing;
    return both(written(this.parts, thread, { outcome, resolution }), kept, stated);
  }

  /** It does not: the place that it may have kept becomes empty. */
  async refused(thread: GroupThread, { sender }: Row<"held">, resolution: Resolution): Promise<Plan> {
    this.parts.counters.count("groupRefused");
    return this.parts.waiting.empty(thread, sender, resolution);
  }

  /** Kept as it is; where there is no room, it is as if it had not opened. */
  private async held(row: Row<"held">, resolution: Resolution): Promise<Plan> {
    const hold = await this.parts.held.holding(row);
    return hold === undefined ? this.askedAgain(row, resolution) : { build: () => [hold()], after: [] };
  }

  private askedAgain(row: Row<"held">, { changes }: Resolution): Plan {
    const { clock, repair } = this.parts;
    const { sender, device, group: conversation, cameMs: acceptedMs, envelope } = row;
    const waits = { sender, device, conversation, sinceMs: clock.now(), acceptedMs };
    const asked = { key: keys.undecryptable(envelope), value: encodeRow("undecryptable", waits) };
    // What answers an earlier try is waited for already.
    return { build: () => (changes.length > 0 ? [] : [asked]), after: [repair] };
  }
}
