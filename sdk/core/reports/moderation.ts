/** What moderators may do here, what they did to this account, and having a say against it. */

import { type AccountId, type Manifest, REPORT_WINDOW_MS, realmFingerprint, SottoError } from "@sotto/protocol";
import { readStored } from "../conversations/stored-content.js";
import type { RelayCheck, RelayChecked } from "../franking/relay-check.js";
import { draft } from "./drafting.js";
import { gather } from "./gathering.js";
import { byAcceptance, type MessageName, type MessageRef } from "./kept.js";
import { conversationOf, namesIn, type Where } from "./naming.js";
import { type Statement, statementOf } from "./report.js";
import { ReportDraft } from "./report-draft.js";
import { idOf, type ReportsParts, submitted } from "./reports.js";
import { type Selected, selectContext } from "./selection.js";
import { type Divergence, divergences, type ViewWord } from "./views.js";

/** Words that are compared, the newest. */
const MAX_COMPARED = 4_096;

/** What moderation works with. */
export interface ModerationParts extends ReportsParts {
  readonly realm: ReportsParts["realm"] & {
    readonly current: Manifest;
    readonly statement: string | undefined;
  };
  readonly relayCheck: Pick<RelayCheck, "check">;
}

/** What moderators of this community can do and cannot, as its realm signed it. */
export interface ModeratorPowers {
  /** For people to read. */
  readonly text: string;
  /** Whose word it is: what apps pin as `realm`. */
  readonly realm: string;
  /** The signed manifest that names this text; a later one has a higher number. */
  readonly manifest: number;
  readonly issuedMs: number;
}

/** What goes with an appeal. */
export interface AppealOptions {
  /** What this account has to say. */
  readonly note: string;
  /** Messages that show it, own or received, from any conversations. */
  readonly messages?: readonly { readonly in: Where; readonly messages: readonly MessageRef[] }[] | undefined;
}

/** Moderation as an app meets it. The event `statement` tells of each new statement. */
export class Moderation {
  constructor(private readonly parts: ModerationParts) {}

  /** What moderators can do here and cannot; `undefined` until the relay has been reached once. */
  powers(): ModeratorPowers | undefined {
    const { realm } = this.parts;
    if (!realm.isKnown || realm.statement === undefined) return undefined;
    const { root, number: manifest, issuedMs } = realm.current;
    return { text: realm.statement, realm: realmFingerprint(root), manifest, issuedMs };
  }

  /**
   * Has the moderators' desk look at the relay's stamp on something that came here, chosen by chance: without a good one it could
   * not be reported. The desk hears that something came to this account at a time; of a group's message, if somebody reported that
   * one, also that this account is in the group. By itself this happens once a day, of what came to this account alone, and is counted
   * in `debugBundle()`.
   *
   * @throws busy while the desk is away; badRelay if somebody else answers for it; offline and what else is about the way there.
   */
  checkRelay(): Promise<RelayChecked> {
    return this.parts.relayCheck.check();
  }

  /**
   * What members of a group, or the other one in a conversation, said after they had seen something that never came here: the relay
   * may have kept it back. A hint, not a proof: what was sent again to one member alone is another message to all the others.
   *
   * @throws invalidArgument for what is no conversation.
   */
  async divergences(where: Where): Promise<readonly Divergence[]> {
    const { me, evidence, nowMs } = this.parts;
    const toMs = nowMs() + REPORT_WINDOW_MS;
    const words: ViewWord[] = [];
    for await (const kept of evidence.between(conversationOf(where), { fromMs: 0, toMs })) {
      const { sender: from, messageId, seen } = readStored(kept.content);
      words.push({ from, messageId, acceptedMs: kept.acceptedMs, commitment: kept.evidence.commitment, seen });
      if (words.length > MAX_COMPARED) words.shift();
    }
    return divergences(me, words);
  }

  /** What was done to this account, and why; the latest last. */
  async statements(): Promise<readonly Statement[]> {
    return (await this.parts.rows.statements()).map(statementOf);
  }

  /**
   * Prepares an appeal against what a statement says; another moderator than the first decides it. The draft shows what would
   * leave, and is submitted as a report's is; what becomes of it comes as event `report`.
   *
   * @throws appealClosed after its time, for what cannot be appealed against, and the second time; unknownReport; notReportable (a
   *   `NotReportableError`); deskUnready; invalidArgument; tooLarge.
   */
  async appeal(statement: Statement | string, { note, messages = [] }: AppealOptions): Promise<ReportDraft> {
    const { me, rows, nowMs } = this.parts;
    const row = await rows.statement(idOf(typeof statement === "string" ? statement : statement.id));
    if (row === undefined) throw new SottoError("unknownReport");
    if (row.appealUntilMs === undefined || row.appealUntilMs <= nowMs()) throw new SottoError("appealClosed");
    if (await rows.isAppealed(row.statement)) throw new SottoError("appealClosed");
    const shown = await Promise.all(messages.map((some) => this.shown(me, some)));
    const selected = shown.flat().sort(byAcceptance);
    const wish = { kind: "appeal", about: row.statement, accused: me, category: row.category, note } as const;
    const drafted = draft(this.parts, { ...wish, selected, unopenable: "refuse", opened: "none" });
    return new ReportDraft(drafted, (consented) => submitted(this.parts, consented));
  }

  private async shown(
    me: AccountId,
    { in: where, messages }: NonNullable<AppealOptions["messages"]>[number],
  ): Promise<readonly Selected[]> {
    const conversation = conversationOf(where);
    const names: readonly MessageName[] = await namesIn(this.parts.conversations, conversation, messages);
    return selectContext(await gather(this.parts, conversation, names), names, me);
  }
}
