/** Answers what devices ask: enrolment by its own proof, everything else by the MAC of a device that is enrolled. */

import {
  type AskBody,
  accountIdToBytes,
  askMac,
  type DeskAnswer,
  type DeskAsk,
  decodeAsk,
  decodeAskBody,
  encodeDeskAnswer,
  epochOf,
  equalBytes,
  type FrankSpeaker,
  type Realm,
  type StampVerdict,
  stamp,
  stampAnswerMac,
} from "@sotto/protocol";
import type { KeyRing } from "../keys/key-ring.js";
import type { Notes } from "../notes.js";
import type { Tables } from "../rows.js";
import type { Enrolments } from "./enrolments.js";
import type { Issuer } from "./issuer.js";

/** What answering works on. */
export interface AnswersParts {
  readonly tables: Tables;
  readonly realm: Realm;
  readonly enrolments: Enrolments;
  readonly issuer: Issuer;
  readonly notes: Notes;
  readonly keys: Pick<KeyRing, "stampKey">;
}

/** The answer to an ask, as it goes back to the device. Never rejects for what a device wrote. */
export async function answerAsk(parts: AnswersParts, speaker: FrankSpeaker, body: Uint8Array): Promise<Uint8Array> {
  const ask = reading(() => decodeAsk(body));
  return encodeDeskAnswer(ask === undefined ? refused("badAsk") : await answer(parts, speaker, ask));
}

async function answer(parts: AnswersParts, speaker: FrankSpeaker, ask: DeskAsk): Promise<DeskAnswer> {
  const { topic, body } = ask;
  if (topic === "enrol") {
    const enrol = reading(() => decodeAskBody(topic, body));
    return enrol === undefined ? refused("badAsk") : parts.enrolments.enrol(speaker, enrol);
  }
  const device = await parts.tables.device.get(`${speaker.account}/${speaker.device}`);
  if (device === undefined) return refused("unknownDevice");
  if (ask.mac === undefined || !equalBytes(askMac(device.deskKey, parts.realm, speaker, ask), ask.mac)) {
    // The device lost its key, or this is not the device: either way it enrols again, or cannot.
    return refused("unknownDevice");
  }
  switch (topic) {
    case "tokens": {
      const tokens = reading(() => decodeAskBody(topic, body));
      return tokens === undefined ? refused("badAsk") : parts.issuer.issue(speaker, tokens.epoch, tokens.keys);
    }
    case "notes": {
      const notes = reading(() => decodeAskBody(topic, body));
      return notes === undefined ? refused("badAsk") : parts.notes.behind(speaker.account, notes.after);
    }
    case "stamp": {
      const asked = reading(() => decodeAskBody(topic, body));
      if (asked === undefined) return refused("badAsk");
      const verdict = stampVerdict(parts, speaker, asked);
      return { kind: "stampChecked", verdict, mac: stampAnswerMac(device.deskKey, parts.realm, asked, verdict) };
    }
    default:
      return topic satisfies never;
  }
}

/** Only of what came to who asks: nobody learns here whether a stamp for somebody else is one. */
function stampVerdict(
  { keys, realm }: AnswersParts,
  { account }: FrankSpeaker,
  { commitment, acceptedMs, stamp: shown }: AskBody<"stamp">,
): StampVerdict {
  const key = keys.stampKey(epochOf(acceptedMs));
  if (key === undefined) return "unknown";
  const made = stamp(key, realm, { commitment, recipient: accountIdToBytes(account), acceptedMs });
  return equalBytes(made, shown) ? "good" : "bad";
}

function refused(reason: "badAsk" | "unknownDevice"): DeskAnswer {
  return { kind: "refused", reason, untilMs: undefined };
}

function reading<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
