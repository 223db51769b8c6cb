/** Reports as an app makes them and follows them. */

import {
  type ConversationId,
  equalBytes,
  fromHex,
  type ReportCategory,
  reportCategories,
  SottoError,
} from "@sotto/protocol";
import type { Conversations } from "../conversations/conversations.js";
import type { Row } from "../rows.js";
import type { OpenedAttachments } from "./disclosure.js";
import { type Drafted, type DraftingParts, draft } from "./drafting.js";
import { everything, type GatheringParts, gather } from "./gathering.js";
import { type MessageRef, type Reportable, reportableOf } from "./kept.js";
import { conversationOf, namesIn, type Where } from "./naming.js";
import { type Report, reportOf } from "./report.js";
import { ReportDraft } from "./report-draft.js";
import type { ReportRows } from "./report-rows.js";
import { select, selectContext } from "./selection.js";
import type { ReportSending } from "./sending.js";

/** What reports work with. */
export interface ReportsParts extends DraftingParts, GatheringParts {
  readonly conversations: Pick<Conversations, "peerIn" | "of" | "group">;
  readonly rows: ReportRows;
  readonly sending: Pick<ReportSending, "submit">;
}

/** An attachment of a message that goes into a report. */
export interface AttachmentPick {
  readonly message: MessageRef;
  /** Its place among the message's attachments, from 0; the picture of a preview is 0. */
  readonly place: number;
}

/** How a report is made. */
export interface ReportOptions {
  readonly category: ReportCategory;
  /** What goes with it to be understood: other messages, or how many before the first reported one. None unless said. */
  readonly context?: number | readonly MessageRef[] | undefined;
  /** What the reporter says, in its own words. */
  readonly note?: string | undefined;
  /** Which attachments moderators can open; `all`: those of the reported messages. None unless said. */
  readonly attachments?: "all" | readonly AttachmentPick[] | undefined;
}

/** What is added to a report. */
export interface ContextOptions extends Pick<ReportOptions, "note" | "attachments"> {
  /** Where the messages are; may be left out on the device that made the report. */
  readonly conversation?: Where | undefined;
}

/** Reports of this account: draft, list, follow. The event `report` tells of each change. */
export class Reports {
  constructor(private readonly parts: ReportsParts) {}

  /**
   * What of a conversation can be shown to moderators, oldest first: also what was deleted for everyone, for 30 days, and what
   * disappeared, for a day. What others said can be reported, what this account said can go with it.
   */
  async *reportable(where: Where): AsyncGenerator<Reportable> {
    for await (const kept of everything(this.parts, conversationOf(where))) yield reportableOf(kept, this.parts.me);
  }

  /**
   * Prepares a report of messages of one account, in one conversation or request: their originals, edits and deletions go with them.
   * Nothing leaves, and nothing is changed.
   *
   * @throws notReportable (a `NotReportableError` that names which); severalAccused; deskUnready while no moderator can read it;
   *   invalidArgument; tooLarge for more than 64 messages or one report takes.
   */
  async draftReport(where: Where, messages: readonly MessageRef[], options: ReportOptions): Promise<ReportDraft> {
    const { category, context = 0, note = "", attachments = [] } = options;
    assertCategory(category);
    const conversation = conversationOf(where);
    const reported = await this.names(conversation, messages);
    const around = typeof context === "number" ? context : await this.names(conversation, context);
    const named = typeof around === "number" ? reported : [...reported, ...around];
    const before = typeof around === "number" ? around : 0;
    const kept = await gather(this.parts, conversation, named, before);
    const { accused, selected } = select(kept, { me: this.parts.me, reported, context: around });
    const opened = await this.opened(conversation, attachments);
    const unopenable = typeof around === "number" ? "leaveOut" : "refuse";
    const wish = { kind: "report", accused, conversation, category, note, selected, unopenable, opened } as const;
    return this.draft(draft(this.parts, wish));
  }

  /**
   * Prepares what is added to a report, because the desk asked for it or the reporter wants to: `report.wanted` says what is
   * missing, `wantedOf` finds it. Nothing leaves without consent, as with a report.
   *
   * @throws unknownReport; what `draftReport` throws.
   */
  async draftContext(
    report: Report | string,
    messages: readonly MessageRef[],
    { note = "", attachments = [], conversation: where }: ContextOptions = {},
  ): Promise<ReportDraft> {
    const row = await this.row(report);
    const [{ accused, category }, conversation] = this.subjectOf(row, where);
    const names = await this.names(conversation, messages);
    const selected = selectContext(await gather(this.parts, conversation, names), names, this.parts.me);
    const opened = await this.opened(conversation, attachments);
    const wish = { kind: "context", about: row.id, accused, conversation, category, note, selected, opened } as const;
    return this.draft(draft(this.parts, { ...wish, wantedMs: row.wanted?.atMs, unopenable: "refuse" }));
  }

  /**
   * What is kept here of the messages that the desk asks for, oldest first.
   *
   * @throws unknownReport; invalidArgument for a report of another device without a conversation.
   */
  async *wantedOf(report: Report | string, where?: Where): AsyncGenerator<Reportable> {
    const row = await this.row(report);
    const [, conversation] = this.subjectOf(row, where);
    const gaps = row.wanted?.gaps ?? [];
    for await (const kept of everything(this.parts, conversation)) {
      const { sender, counter } = kept.said;
      const isWanted = gaps.some((gap) => gap.account === sender && gap.after < counter && counter < gap.before);
      if (isWanted) yield reportableOf(kept, this.parts.me);
    }
  }

  /** Every report, the one that changed last behind all others. */
  async list(): Promise<readonly Report[]> {
    return (await this.parts.rows.reports()).map(reportOf);
  }

  /** A report as it stands; `undefined` if there is none of this id here. @throws invalidArgument for what is no id. */
  async get(id: string): Promise<Report | undefined> {
    const row = await this.parts.rows.report(idOf(id));
    return row && reportOf(row);
  }

  private draft(drafted: Drafted): ReportDraft {
    return new ReportDraft(drafted, (consented) => submitted(this.parts, consented));
  }

  private names(conversation: ConversationId, refs: readonly MessageRef[]) {
    return namesIn(this.parts.conversations, conversation, refs);
  }

  private async opened(
    conversation: ConversationId,
    picks: "all" | readonly AttachmentPick[],
  ): Promise<OpenedAttachments> {
    if (picks === "all") return "all";
    const names = await this.names(
      conversation,
      picks.map(({ message }) => message),
    );
    return names.map(({ messageId, from }, at) => ({ messageId, from, place: picks[at]?.place ?? -1 }));
  }

  private async row(report: Report | string): Promise<Row<"report">> {
    const row = await this.parts.rows.report(idOf(typeof report === "string" ? report : report.id));
    if (row === undefined) throw new SottoError("unknownReport");
    return row;
  }

  /** Whom and what a report is about: this device made it, or the desk asks about one account only. */
  private subjectOf({ made, wanted }: Row<"report">, where: Where | undefined) {
    const conversation = where === undefined ? made?.conversation : conversationOf(where);
    const [only, ...others] = new Set(
      wanted?.gaps.map(({ account }) => account).filter((one) => one !== this.parts.me),
    );
    const accused = made?.accused ?? (others.length === 0 ? only : undefined);
    if (conversation === undefined || accused === undefined) {
      throw new SottoError("invalidArgument", { detail: "another device made this report: say in which conversation" });
    }
    return [{ accused, category: made?.category ?? ("other" as const) }, conversation] as const;
  }
}

/** Sends a draft, unless the desk's keys are others by now. */
export async function submitted(
  { realm, sending, nowMs }: Pick<ReportsParts, "realm" | "sending" | "nowMs">,
  { sealed, teamKey }: Drafted,
): Promise<Report> {
  const now = nowMs();
  const isPresent = realm.current.deskKeys.some(({ id, expiresMs }) => equalBytes(id, teamKey) && now < expiresMs);
  if (!isPresent) throw new SottoError("deskUnready", { detail: "the moderators' key is another one by now" });
  return reportOf(await sending.submit(sealed, now));
}

/** The bytes of an id that an app was given. @throws invalidArgument. */
export function idOf(id: string): Uint8Array {
  const bytes = fromHex(id);
  if (bytes.length !== 16) throw new SottoError("invalidArgument", { detail: "an id has 32 hex digits" });
  return bytes;
}

/** @throws invalidArgument for what is no category. */
function assertCategory(category: ReportCategory): void {
  if (!reportCategories.includes(category)) {
    throw new SottoError("invalidArgument", { detail: `a category is one of ${reportCategories.join(", ")}` });
  }
}
