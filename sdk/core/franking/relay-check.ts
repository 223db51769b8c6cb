/**
 * Whether the relay's stamps are good. Only the desk can tell, and a relay that garbles them makes everything that comes
 * unreportable while it looks as always. So this device shows the desk one stamp of what came, chosen by chance, once a day and
 * whenever the app asks it to. The relay cannot know beforehand which one it will be; the desk learns that something came to this
 * account at a time, which the relay knew, and neither from whom nor what. A group's message has one commitment for all members,
 * by which the desk would know that this account is in the group of a message that somebody else reported: of those only the app's
 * own question is.
 */

import {
  type AccountId,
  accountIdToBytes,
  decodeEvidence,
  EPOCH_MS,
  type Evidence,
  equalBytes,
  type StampVerdict,
  toHex,
} from "@sotto/protocol";
import type { Counters } from "../counters.js";
import { isFatal } from "../fatal.js";
import type { Clock, Log, Random } from "../ports.js";
import type { Relay } from "../relay.js";
import { Rounds } from "../rounds.js";
import { decodeRow, keys } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { DeskAsks } from "./desk-asks.js";

/** Rows that are looked at for one that came: what this account said is stamped for others. */
const LOOKED_AT = 64;
const BEYOND_EVIDENCE = "evidence0";

/** What checking works with. */
export interface RelayCheckParts {
  readonly store: Pick<SealedStore, "list" | "blind">;
  /** This account. */
  readonly me: AccountId;
  readonly asks: Pick<DeskAsks, "checkStamp">;
  readonly relay: { readonly device: Pick<Relay["device"], "state"> };
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counters: Counters;
  failed(error: unknown): void;
}

/**
 * What came of a check. `good`: that stamp would stand in a report · `bad`: it would not, and the relay is at fault · `unknown`:
 * the desk does not hold the key of its day (yet) · `nothing`: nothing came here that could be asked about.
 */
export type RelayChecked = StampVerdict | "nothing";

/** Of what the question may be: of what came to this account alone, or also of what came to groups. */
type Asked = "direct" | "any";

/** Checks. */
export class RelayCheck {
  private readonly rounds: Rounds;

  constructor(private readonly parts: RelayCheckParts) {
    const { clock, failed } = parts;
    this.rounds = new Rounds({ clock, delayMs: EPOCH_MS, work: () => this.round(), failed });
  }

  /** Begins: once a day, at a time of day that is chance. */
  start(): void {
    this.rounds.wake(this.chance() * EPOCH_MS);
  }

  /** Stops. Idempotent. */
  close(): void {
    this.rounds.close();
  }

  /** Has the desk look at one stamp of what came here within the time of reports. @throws what `DeskAsks.ask` does. */
  check(): Promise<RelayChecked> {
    return this.ask("any");
  }

  private async ask(asked: Asked): Promise<RelayChecked> {
    const { asks, counters, log } = this.parts;
    const came = await this.pick(asked);
    if (came === undefined) return "nothing";
    const { commitment, head } = came;
    const verdict = await asks.checkStamp({ commitment, acceptedMs: head.acceptedMs, stamp: head.stamp });
    if (verdict === "good") counters.count("stampsGood");
    if (verdict === "bad") {
      counters.count("stampsBad");
      log("error", "relay.badStamp");
    }
    return verdict;
  }

  private async round(): Promise<void> {
    if (this.parts.relay.device.state === "ready") await this.ask("direct").catch(unlessFatal);
    this.rounds.wake();
  }

  /** Something that came, from a place of chance among what is kept. */
  private async pick(asked: Asked): Promise<Evidence | undefined> {
    const { store, random } = this.parts;
    const place = store.blind("conversation", toHex(random.bytes(16)));
    const from = `${keys.evidences}${place}`;
    const wanted = (one: Evidence) => asked === "any" || isDirect(one);
    return (await this.firstIn(from, BEYOND_EVIDENCE, wanted)) ?? this.firstIn(keys.evidences, from, wanted);
  }

  private async firstIn(
    after: string,
    before: string,
    isWanted: (evidence: Evidence) => boolean,
  ): Promise<Evidence | undefined> {
    const me = accountIdToBytes(this.parts.me);
    const page = await this.parts.store.list({ after, before, limit: LOOKED_AT, order: this.direction() });
    for (const { value } of page) {
      const evidence = decodeEvidence(decodeRow("evidence", value).evidence);
      if (equalBytes(evidence.head.stampedFor, me) && isWanted(evidence)) return evidence;
    }
    return undefined;
  }

  /** From either end of a conversation: the newest is as likely as the oldest. */
  private direction(): "ascending" | "descending" {
    return this.chance() < 0.5 ? "ascending" : "descending";
  }

  private chance(): number {
    return new DataView(this.parts.random.bytes(4).buffer).getUint32(0) / 2 ** 32;
  }
}

/** A roster of one account has nothing beside its leaf. */
function isDirect({ head }: Evidence): boolean {
  return head.path.length === 0;
}

/** Nobody could be asked: tomorrow is another day. */
function unlessFatal(error: unknown): void {
  if (isFatal(error)) throw error;
}
