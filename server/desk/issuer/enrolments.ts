/** Enrolment: a device leaves a key at the desk, and the desk pins the identity key of its account at the first one. */

import { createHash } from "node:crypto";
import {
  type AskBody,
  type DeskAnswer,
  type DeskRefusal,
  decodeEnrolment,
  type Enrolment,
  enrolmentContext,
  enrolmentText,
  equalBytes,
  type FrankSpeaker,
  toHex,
} from "@sotto/protocol";
import type { Ledger } from "../audit/ledger.js";
import { verifyIdentity } from "../keys/identity.js";
import type { KeyRing } from "../keys/key-ring.js";
import type { Locks } from "../lock.js";
import type { DeskParts } from "../parts.js";
import type { RowChange } from "../ports.js";
import type { RowOf, Tables } from "../rows.js";
import { identityKeyName } from "./identities.js";

const DAY_MS = 24 * 3_600_000;

/** What enrolling works on. */
export interface EnrolmentParts extends Pick<DeskParts, "now" | "hostToken" | "settings"> {
  readonly tables: Tables;
  readonly ledger: Ledger;
  readonly locks: Locks;
  readonly keys: KeyRing;
}

type AccountRow = RowOf<"account">;

/** Enrols devices. */
export class Enrolments {
  readonly #parts: EnrolmentParts;

  constructor(parts: EnrolmentParts) {
    this.#parts = parts;
  }

  /** Enrols a device; again under another key, if it asks so. */
  async enrol(speaker: FrankSpeaker, { key, sealed }: AskBody<"enrol">): Promise<DeskAnswer> {
    const { keys, locks } = this.#parts;
    const opened = keys.openTriage(enrolmentContext(keys.realm, speaker), sealed, key);
    const enrolment = opened === undefined ? undefined : parsed(opened);
    if (enrolment === undefined) return refused("badAsk");
    const text = enrolmentText(keys.realm, speaker, enrolment);
    if (!verifyIdentity(enrolment.identityKey, text, enrolment.signature)) return refused("badAsk");
    const host = await this.#hostWord(enrolment.hostToken);
    if (host.kind === "refused") return refused("hostToken");
    return locks.hold(`account/${speaker.account}`, () => this.#keep(speaker, enrolment, host.subject));
  }

  /** What the host says of who this is: nothing where it is not asked. */
  async #hostWord(
    token: string | undefined,
  ): Promise<{ readonly kind: "said"; readonly subject: Uint8Array | undefined } | { readonly kind: "refused" }> {
    const { hostToken } = this.#parts;
    if (hostToken === undefined) return { kind: "said", subject: undefined };
    if (token === undefined) return { kind: "refused" };
    try {
      const subject = await hostToken(token);
      return { kind: "said", subject: new Uint8Array(createHash("sha256").update(subject).digest()) };
    } catch {
      return { kind: "refused" };
    }
  }

  async #keep(speaker: FrankSpeaker, enrolment: Enrolment, subject: Uint8Array | undefined): Promise<DeskAnswer> {
    const { tables, ledger, settings, now } = this.#parts;
    const { account, device } = speaker;
    const held = await tables.account.get(account);
    const { identityKey, box, deskKey } = enrolment;
    const nowMs = now();
    const enrolledMs = held?.enrolledMs ?? nowMs;
    const isSame = held !== undefined && equalBytes(held.identityKey, identityKey);
    // What was refused to others is remembered over an enrolment of the same identity, or it could be logged with each one.
    const { refusedDay, refusedKey, allowedKey }: Partial<AccountRow> = isSame ? held : {};
    const row: AccountRow = {
      ...{ identityKey, box, enrolledMs, refusedKey, allowedKey },
      subject: subject ?? held?.subject,
      refusedDay: refusedDay ?? 0,
    };
    const changes: RowChange[] = [
      tables.account.put(account, row),
      tables.device.put(`${account}/${device}`, { deskKey, enrolledMs: nowMs }),
    ];
    if (held?.subject !== undefined && subject !== undefined && !equalBytes(held.subject, subject)) {
      return this.#refuseMove(speaker, { held, identityKey });
    }
    if (held === undefined || isSame) {
      await ledger.commit(changes);
      return { kind: "enrolled" };
    }
    const isVouched = held.subject !== undefined && subject !== undefined;
    const isAllowed = held.allowedKey !== undefined && equalBytes(held.allowedKey, identityKeyName(identityKey));
    if (!isVouched && !isAllowed && settings.mode !== "development") {
      return this.#refuseMove(speaker, { held, identityKey });
    }
    // What the former identity's devices left here proves nothing any more.
    const former = (await tables.device.all(`${account}/`)).filter(({ key }) => key !== `${account}/${device}`);
    await ledger.commit([...former.map(({ key }) => tables.device.drop(key)), ...changes], {
      by: "desk",
      what: "identityMoved",
      about: account,
      detail: { device, vouched: isVouched, allowed: isAllowed },
    });
    return { kind: "enrolled" };
  }

  /** In the log once a day for an account: whoever has the connection can ask as often as it likes. */
  async #refuseMove(
    { account, device }: FrankSpeaker,
    { held, identityKey }: { readonly held: AccountRow; readonly identityKey: Uint8Array },
  ): Promise<DeskAnswer> {
    const { tables, ledger, now } = this.#parts;
    const day = Math.floor(now() / DAY_MS);
    if (held.refusedDay !== day) {
      const refusedKey = identityKeyName(identityKey);
      await ledger.commit([tables.account.put(account, { ...held, refusedDay: day, refusedKey })], {
        by: "desk",
        what: "identityRefused",
        about: account,
        detail: { device, key: toHex(refusedKey) },
      });
    }
    return refused("identityMoved");
  }
}

function parsed(encoded: Uint8Array): Enrolment | undefined {
  try {
    return decodeEnrolment(encoded);
  } catch {
    return undefined;
  }
}

function refused(reason: DeskRefusal): DeskAnswer {
  return { kind: "refused", reason, untilMs: undefined };
}
