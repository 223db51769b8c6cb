/**
 * The check before anything is shown: that what another account says bears a frank of the device that the engine authenticated,
 * meant for this account, and that the relay took exactly that. What does not pass is counted by its reason, and nobody is told.
 */

import {
  type AccountId,
  type Audience,
  CLOCK_SKEW_MS,
  committedForm,
  epochOf,
  type FrankRefusal,
  type GroupStanding,
  type Verify,
} from "@sotto/protocol";
import type { Counters } from "../counters.js";
import type { Address } from "../ports.js";
import { Genuine, isUnfranked, type Judged, type Wording } from "./genuine.js";
import type { Realm } from "./realm.js";
import type { Rosters } from "./rosters.js";

/** What a check works with. */
export interface CheckingParts {
  readonly realm: Pick<Realm, "id" | "isKnown" | "minVersion" | "epochKey" | "isRevoked" | "covers" | "ensure">;
  readonly rosters: Pick<Rosters, "at">;
  /** This account. */
  readonly me: AccountId;
  readonly counters: Counters;
  readonly verify: Verify;
  /** The relay's clock. */
  nowMs(): number;
  /** Asks the relay what time it is. */
  askTime(): Promise<"told" | "unreached">;
}

/** How a content came: by whom, as the engine says, and what was beside it. */
export interface Came {
  readonly speaker: Address;
  readonly frank: Uint8Array | undefined;
  readonly commitment: Uint8Array | undefined;
  readonly stamp: Uint8Array | undefined;
  /** As the relay stamped it. */
  readonly acceptedMs: number;
}

/** Whom something said in a group was meant for: everybody in it, or this account alone, because it goes to it in a session. */
export type MeantFor = "group" | "account";

const NOTHING = new Uint8Array(0);

/** Checks. */
export class Checking {
  constructor(private readonly parts: CheckingParts) {}

  /**
   * Whether a realm is there that knows the epochs of a time, and whether that time is no later than now. `unreached`: nobody
   * could be asked; what came then is not looked at, so that nothing is lost.
   */
  async isReady(acceptedMs: number): Promise<boolean> {
    const { realm, nowMs, askTime } = this.parts;
    // Where this device's clock was set back, everything that comes is from the future until the relay is asked.
    const isAhead = acceptedMs > nowMs() + CLOCK_SKEW_MS;
    if (isAhead && (await askTime()) === "unreached") return false;
    const epochs = new Set([acceptedMs - CLOCK_SKEW_MS, acceptedMs, acceptedMs + CLOCK_SKEW_MS].map(epochOf));
    for (const epoch of epochs) {
      // That of a minute ahead may not be there yet, and none of its tokens is.
      const isPresent = epoch === epochOf(acceptedMs);
      if (realm.covers(acceptedMs, epoch)) continue;
      if ((await realm.ensure(acceptedMs, epoch)) === "unreached" && (isPresent || !realm.isKnown)) return false;
    }
    return realm.isKnown;
  }

  /** Whether a realm is there; without one nothing can be judged. */
  get isKnown(): boolean {
    return this.parts.realm.isKnown;
  }

  /** What somebody says between the two of us. */
  direct(wording: Wording, came: Came): Judged {
    return this.judged(wording, came, () => ({ kind: "account", account: this.parts.me }));
  }

  /** What a member says in a group; `unknown` if its members then are not known here. */
  inGroup(wording: Wording, came: Came, group: GroupStanding, meantFor: MeantFor): Judged | "unknown" {
    if (meantFor === "account" || came.frank === undefined) return this.direct(wording, came);
    const roster = this.parts.rosters.at(group);
    return roster === undefined ? "unknown" : this.judged(wording, came, () => ({ kind: "group", roster }));
  }

  private judged(wording: Wording, came: Came, audience: () => Audience): Judged {
    if (isUnfranked(wording.content.kind)) return Genuine.unfranked(wording);
    const { realm, me, verify } = this.parts;
    const { speaker, frank = NOTHING, commitment = NOTHING, stamp = NOTHING, acceptedMs } = came;
    const judged = Genuine.checked(wording, {
      ...{ realm: realm.id, speaker, me, verify, frank, commitment, stamp, acceptedMs },
      ...{
        audience: audience(),
        committed: committedForm(wording.encoded, wording.content),
        nowMs: this.parts.nowMs(),
      },
      ...{ epochKey: realm.epochKey, isRevoked: realm.isRevoked, minVersion: realm.minVersion },
    });
    if (judged.kind === "refused") this.count(judged.reason);
    return judged;
  }

  private count(reason: FrankRefusal): void {
    this.parts.counters.count("unshown");
    this.parts.counters.count(`unshown.${reason}`);
  }
}
