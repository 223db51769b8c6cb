/**
 * What a recipient shows, the desk accepts: for every kind, between two and in groups of every size, at every time of an epoch and
 * a little outside of it, whatever was changed on the way.
 */

import {
  type AccountId,
  type Audience,
  accountIdFromBytes,
  CLOCK_SKEW_MS,
  type Content,
  committedForm,
  decodeCommitted,
  decodeEvidence,
  EPOCH_MS,
  encodeContent,
  encodeEvidence,
  epochKeyOf,
  groupRoster,
  inspectHead,
  inspectHeads,
  inspectWords,
  isInEpoch,
  limits,
  MAX_EVIDENCE_BYTES,
  type Manifest,
  parseConversationId,
  parseMessageId,
  toHex,
} from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inEveryKind } from "../../support/every-kind.js";
import { EPOCH, SmallRealm, secretOf } from "../../support/franking/realm.js";
import { headsOf } from "../../support/franking/reports.js";

const small = new SmallRealm();
const accused = small.device("S");
const reporter = small.device("A").account;
const startMs = EPOCH * EPOCH_MS;
const group = parseConversationId("00000000000000000000000000000009");

const memberOf = (number: number): AccountId => accountIdFromBytes(secretOf(`member ${number}`).subarray(0, 16));
const messageId = (name: string) => parseMessageId(toHex(secretOf(name).subarray(0, 16)));
const kinds = [
  ...inEveryKind({ text: messageId("text"), poll: messageId("poll") }),
  { kind: "invitation", group, title: "a title" } as const,
];

/** A group with the accused and the reporter in it, of so many members. */
function audienceOf(members: number): Audience {
  if (members === 0) return { kind: "account", account: reporter };
  const others = Array.from({ length: members - 2 }, (_, number) => memberOf(number));
  const standing = { group, revision: 3, head: secretOf("head") };
  return { kind: "group", roster: groupRoster(small.realm, standing, [accused.account, reporter, ...others]) };
}

const edge = fc.integer({ min: -2, max: 2 });
/** By the relay: anywhere, and often within two milliseconds of where something begins or ends. */
const acceptedAt = fc.oneof(
  fc.integer({ min: startMs - 2 * CLOCK_SKEW_MS, max: startMs + EPOCH_MS + 2 * CLOCK_SKEW_MS }),
  fc
    .tuple(fc.constantFrom(-CLOCK_SKEW_MS, 0, CLOCK_SKEW_MS), fc.constantFrom(0, EPOCH_MS), edge)
    .map(([skewMs, end, offMs]) => startMs + end + skewMs + offMs),
);
const said = fc.record({
  kind: fc.constantFrom(...kinds),
  members: fc.constantFrom<number>(0, 2, 3, 4, 5, 33, 64),
  acceptedMs: acceptedAt,
  seen: fc.integer({ min: 0, max: 8 }),
  timerMs: fc.option(fc.integer({ min: 1, max: 1_000_000 }), { nil: undefined }),
  revokedAfterMs: fc.option(acceptedAt, { nil: undefined }),
  /** One bit of the frank, or of the commitment, that somebody changed; none where it is undefined. */
  flip: fc.option(
    fc.record({ bit: fc.integer({ min: 0, max: 229 * 8 - 1 }), of: fc.constantFrom("frank", "commitment") }),
    {
      nil: undefined,
      // As often as not: else so little is shown that a run in 200,000 shows next to nothing.
      freq: 2,
    },
  ),
});
type Said = typeof said extends fc.Arbitrary<infer T> ? T : never;

function contentOf({ kind, members, seen, timerMs }: Said): Content {
  const header = small.text(accused, reporter, "");
  const conversation = members === 0 ? header.conversation : group;
  const { text: _text, kind: _kind, ...rest } = header;
  const revision = members === 0 ? undefined : 3;
  const seenAll = Array.from({ length: seen }, (_, at) => secretOf(`seen ${at}`));
  return { ...rest, ...kind, conversation, revision, seen: seenAll, timerMs } as Content;
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice();
  const at = (bit >> 3) % copy.length;
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

/** What the recipient makes of it, and, where it shows it, what the desk does. */
function follow(one: Said): "shown" | "refused" {
  const { members, acceptedMs, revokedAfterMs, flip } = one;
  const content = contentOf(one);
  const encoded = encodeContent(content);
  const whole = small.send(accused, audienceOf(members), content, { acceptedMs });
  const sent = flip === undefined ? whole : { ...whole, [flip.of]: flipped(whole[flip.of as "frank"], flip.bit) };
  const epochs = [{ epoch: EPOCH, issuerKey: small.issuer().publicKey, revokedAfterMs }];
  const checked = small.check(sent, reporter, {
    nowMs: acceptedMs,
    epochKey: (epoch, atMs) => epochKeyOf({ epochs } as unknown as Manifest, epoch, atMs),
  });
  if (checked.kind === "refused") return "refused";
  const kept = encodeEvidence(checked.evidence);
  expect(kept.length).toBeLessThanOrEqual(MAX_EVIDENCE_BYTES);
  const evidence = decodeEvidence(kept);
  const keys = small.headKeys({ nowMs: acceptedMs + 1, revokedAfterMs: () => revokedAfterMs });
  expect(inspectHead(evidence.head, keys)).toMatchObject({ kind: "verified", acceptedMs });
  const layer = headsOf(accused.account, [evidence]);
  expect(inspectHeads(layer, reporter, keys).map(({ kind }) => kind)).toEqual(["verified"]);
  const committed = committedForm(encoded);
  const words = { wordsKey: evidence.wordsKey, committed, blobs: [] };
  const verdict = inspectWords(words, layer.items[0] as never, small.realm);
  if (verdict.kind !== "verified") throw new Error(verdict.reason);
  expect(verdict.content).toEqual(decodeCommitted(committed));
  expect(verdict.content).toMatchObject({ kind: content.kind, messageId: content.messageId });
  return "shown";
}

describe("what a recipient shows", () => {
  it("the desk accepts, in every kind, to whomever, whenever", () => {
    const outcomes = { shown: 0, refused: 0 };
    fc.assert(
      fc.property(said, (one) => {
        const outcome = follow(one);
        outcomes[outcome] += 1;
        const { acceptedMs, revokedAfterMs = Number.POSITIVE_INFINITY, flip } = one;
        const isGood = isInEpoch(EPOCH, acceptedMs) && acceptedMs <= revokedAfterMs && flip === undefined;
        expect(outcome).toBe(isGood ? "shown" : "refused");
      }),
      { numRuns: 300 },
    );
    expect(outcomes.shown).toBeGreaterThan(5);
    expect(outcomes.refused).toBeGreaterThan(5);
  });

  it("the desk accepts in the largest group", () => {
    const one = { ...(fc.sample(said, { numRuns: 1, seed: 1 })[0] as Said), acceptedMs: startMs };
    const { value: members } = limits.groupAccounts;
    expect(follow({ ...one, members, revokedAfterMs: undefined, flip: undefined })).toBe("shown");
  });
});
