/**
 * What this device asks the desk, through the relay. It enrols once: the key of its asks is durable here before it leaves, sealed
 * to the desk, so that a crash between the two leaves nothing that the other side would not know again (PROTOCOL.md, Desk).
 */

import {
  type AskBody,
  type AskTopic,
  type DeskAnswer,
  type DeskRefusal,
  decodeDeskAnswer,
  deskBox,
  deskKeyOf,
  type Enrolment,
  encodeAsk,
  encodeEnrolment,
  enrolmentContext,
  enrolmentText,
  equalBytes,
  type FrankSpeaker,
  SottoError,
  type StampVerdict,
  seal,
  stampAnswerMac,
} from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Engine, Random } from "../ports.js";
import type { Relay } from "../relay.js";
import { decodeRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { Realm } from "./realm.js";

/** What asking works with. */
export interface DeskAskParts {
  readonly store: Pick<SealedStore, "get" | "commit">;
  readonly account: OwnAccount;
  readonly engine: Pick<Engine, "sign">;
  readonly realm: Pick<Realm, "id" | "current">;
  readonly relay: { readonly device: Pick<Relay["device"], "request">; nowMs(): number };
  readonly random: Random;
  /** The host's word on who this is; absent without a host. The relay never sees it. */
  readonly hostToken?: (() => Promise<string>) | undefined;
}

/** An answer to something that was asked. */
export type DeskReply = Exclude<DeskAnswer, { readonly kind: "refused" }>;

/** Asks. */
export class DeskAsks {
  private row: Row<"enrolled"> | undefined;
  private enrolling: Promise<Row<"enrolled">> | undefined;

  constructor(private readonly parts: DeskAskParts) {}

  /**
   * Asks the desk, and enrols first where it does not know this device.
   *
   * @throws muted or suspended by the moderators; identityMoved if they know another identity of this account; badToken if the desk asks for the host's word on who this is; tooManyRequests;
   *   busy while the desk is away, or knows no epoch as asked for; what is about the way to the relay.
   */
  async ask<Topic extends Exclude<AskTopic, "enrol">>(topic: Topic, body: AskBody<Topic>): Promise<DeskReply> {
    const known = await this.enrolled();
    const answer = await this.exchange(topic, body, known);
    if (answer.kind !== "refused") return answer;
    if (answer.reason !== "unknownDevice") throw this.refusal(answer);
    const again = await this.exchange(topic, body, await this.enrol());
    if (again.kind === "refused") throw this.refusal(again);
    return again;
  }

  /**
   * Asks whether a stamp is good, and takes no answer but the desk's own: the relay carries it, and has reason to lie.
   *
   * @throws badRelay for an answer that is not the desk's; what `ask` does.
   */
  async checkStamp(stamped: AskBody<"stamp">): Promise<StampVerdict> {
    const answer = await this.ask("stamp", stamped);
    if (answer.kind !== "stampChecked") throw new SottoError("badRelay", { detail: "another answer than on a stamp" });
    const { deskKey } = await this.keyRow();
    const expected = stampAnswerMac(deskKey, this.parts.realm.id, stamped, answer.verdict);
    if (!equalBytes(expected, answer.mac))
      throw new SottoError("badRelay", { detail: "not the desk's word on a stamp" });
    return answer.verdict;
  }

  private async exchange<Topic extends AskTopic>(
    topic: Topic,
    body: AskBody<Topic>,
    { deskKey }: Row<"enrolled">,
  ): Promise<DeskAnswer> {
    return this.request(encodeAsk(topic, body, { realm: this.parts.realm.id, speaker: this.speaker, deskKey }));
  }

  private async request(ask: Uint8Array): Promise<DeskAnswer> {
    const { body } = await this.parts.relay.device.request({ type: "askDesk", body: ask });
    try {
      // What is kept of an answer must not be a view of its frame.
      return decodeDeskAnswer(body.slice());
    } catch (cause) {
      throw new SottoError("badRelay", { detail: "an answer of the desk that is none", cause });
    }
  }

  private async enrolled(): Promise<Row<"enrolled">> {
    const row = await this.keyRow();
    return row.state === "known" ? row : this.enrol();
  }

  /** One enrolment at a time, shared by all who wait. */
  private enrol(): Promise<Row<"enrolled">> {
    this.enrolling ??= this.leaveKey().finally(() => {
      this.enrolling = undefined;
    });
    return this.enrolling;
  }

  private async leaveKey(): Promise<Row<"enrolled">> {
    const { realm, relay } = this.parts;
    const row = await this.keyRow();
    const triage = deskKeyOf(realm.current, "triage", relay.nowMs());
    if (triage === undefined) throw new SottoError("busy", { detail: "the desk has no key to enrol with" });
    const enrolment = this.enrolment(row.deskKey, await this.hostToken());
    const sealed = seal(triage.key, enrolmentContext(realm.id, this.speaker), encodeEnrolment(enrolment));
    const answer = await this.request(encodeAsk("enrol", { key: triage.id, sealed }));
    if (answer.kind === "refused") throw this.refusal(answer);
    if (answer.kind !== "enrolled") throw new SottoError("badRelay", { detail: "another answer than to an enrolment" });
    return this.keep({ ...row, state: "known" });
  }

  /** What the app's own hook throws ends no more than this try. */
  private async hostToken(): Promise<string | undefined> {
    try {
      return await this.parts.hostToken?.();
    } catch (cause) {
      throw new SottoError("badToken", { detail: "auth() did not answer a token", cause });
    }
  }

  private enrolment(deskKey: Uint8Array, hostToken: string | undefined): Enrolment {
    const { account, engine, realm } = this.parts;
    const { identityPublic, identityPrivate } = account.current;
    const { publicKey: box } = deskBox(identityPrivate);
    const identity = { publicKey: identityPublic, privateKey: identityPrivate };
    const signature = engine.sign(identity, enrolmentText(realm.id, this.speaker, { deskKey, box }));
    return { deskKey, identityKey: identityPublic, box, hostToken, signature };
  }

  /** The key of this device's asks; durable when this resolves, and another one for another realm or identity. */
  private async keyRow(): Promise<Row<"enrolled">> {
    const { store, account, realm, random } = this.parts;
    const { identityPublic: identityKey } = account.current;
    if (this.row === undefined) {
      const stored = await store.get(keys.enrolled);
      this.row ??= stored === undefined ? undefined : decodeRow("enrolled", stored);
    }
    const { row } = this;
    if (row !== undefined && equalBytes(row.realm, realm.id) && equalBytes(row.identityKey, identityKey)) return row;
    return this.keep({ deskKey: random.bytes(32), realm: realm.id, identityKey, state: "asked" });
  }

  private async keep(row: Row<"enrolled">): Promise<Row<"enrolled">> {
    this.row = row;
    await this.parts.store.commit([{ key: keys.enrolled, value: encodeRow("enrolled", row) }]);
    return row;
  }

  private get speaker(): FrankSpeaker {
    const { id, device } = this.parts.account;
    return { account: id, device };
  }

  private refusal({ reason, untilMs }: Extract<DeskAnswer, { readonly kind: "refused" }>): SottoError {
    const retryAfterMs = untilMs === undefined ? undefined : Math.max(0, untilMs - this.parts.relay.nowMs());
    return refusalError(reason, retryAfterMs);
  }
}

/** A refusal of the desk as what an app is told. */
function refusalError(reason: DeskRefusal, retryAfterMs: number | undefined): SottoError {
  const details = { detail: `the desk refuses: ${reason}`, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  switch (reason) {
    case "muted":
      return new SottoError("muted", details);
    case "suspended":
    case "deviceRevoked":
      return new SottoError("suspended", details);
    case "quota":
      return new SottoError("tooManyRequests", details);
    case "identityMoved":
      return new SottoError("identityMoved", details);
    case "hostToken":
      return new SottoError("badToken", details);
    case "epoch":
    case "unknownDevice":
      return new SottoError("busy", details);
    case "badAsk":
      return new SottoError("badFrame", details);
    default:
      return reason satisfies never;
  }
}
