import { readFileSync } from "node:fs";
import { ml_kem768_x25519 as xWing } from "@noble/post-quantum/hybrid.js";
import * as protocol from "@sotto/protocol";
import { describe, expect, test } from "vitest";
import { deriveFrankKey, hash, mac } from "../../../protocol/frank/encoding.js";
import { commitmentOf, frankText, wordsHashOf } from "../../../protocol/frank/frank.js";
import { directRoster, rosterRoot } from "../../../protocol/frank/roster.js";
import { parsed } from "../../../scripts/vectors/json.js";
import { deskVerify, independentVerify, isSoundKey } from "../../support/franking/signatures.js";
import { hex } from "../spelling.js";

interface CheckInput {
  readonly account: protocol.AccountId;
  readonly device: protocol.DeviceId;
  readonly me: protocol.AccountId;
  readonly to?: protocol.AccountId;
  readonly standing?: { group: protocol.ConversationId; revision: number; head: Uint8Array };
  readonly members?: readonly protocol.AccountId[];
  readonly committed: Uint8Array;
  readonly frank: Uint8Array;
  readonly commitment: Uint8Array;
  readonly acceptedMs: number;
  readonly stamp: Uint8Array;
  readonly realm?: Uint8Array;
  readonly minVersion?: number;
  readonly nowMs?: number;
  readonly stampedFor?: Uint8Array;
  readonly epochs?: "none";
  readonly revoked?: Uint8Array;
}
interface Opening {
  readonly salt: Uint8Array;
  readonly path: readonly { readonly side: "left" | "right"; readonly hash: Uint8Array }[];
}

function load(): unknown {
  return JSON.parse(readFileSync(new URL("../../../protocol/vectors/frank.json", import.meta.url), "utf8"));
}

const vectors = load() as {
  realm: { realm: unknown; nowMs: number; epoch: number };
  keys: Readonly<Record<"issuer" | "accountKey" | "stampKey", unknown>>;
  derived: { derivation: string; input: unknown[]; output: unknown }[];
  rosters: unknown[];
  committed: { content: unknown; committed: unknown }[];
  franks: { name: string; input: unknown; evidence?: unknown; refused?: string }[];
  heads: {
    heads: { name: string; layer: unknown; reporter: protocol.AccountId; verdict: unknown }[];
    words: { wordsKey: unknown; committed: unknown; head: number; verdict: { kind: string; reason?: string } }[];
  };
  seals: Record<"secretKey" | "context" | "sealed" | "sharedSecret" | "plaintext", unknown>[];
};
const bytes = (value: unknown) => parsed(value) as Uint8Array;
const realm = bytes(vectors.realm.realm);
const issuerKey = bytes(vectors.keys.issuer);

describe("derived values", () => {
  const derivations: Readonly<Record<string, (...input: never[]) => unknown>> = {
    mac: (key: Uint8Array, label: string, fields: readonly Uint8Array[]) => mac(key, label, ...fields),
    hash: (label: string, fields: readonly Uint8Array[]) => hash(label, ...fields),
    deriveFrankKey,
    accountTag: protocol.accountTag,
    tokenHash: protocol.tokenHash,
    tokenText: protocol.tokenText,
    tokenName: protocol.tokenName,
    wordsHashOf,
    frankText,
    commitmentOf,
    stamp: protocol.stamp,
    blobCommitment: protocol.blobCommitment,
    headLayerHash: protocol.headLayerHash,
    statementHash: protocol.statementHash,
    realmFingerprint: protocol.realmFingerprint,
    directRootOf: (of: Uint8Array, key: Uint8Array, to: protocol.AccountId) => directRoster(of, key, to).root,
  };

  test.each(vectors.derived)("$derivation", ({ derivation, input, output }) => {
    expect(derivations[derivation]?.(...(input.map(parsed) as never[]))).toEqual(parsed(output));
  });

  test("cover every derivation", () => {
    const covered = new Set(vectors.derived.map(({ derivation }) => derivation));
    expect([...covered].sort()).toEqual(Object.keys(derivations).sort());
  });
});

test.each(vectors.rosters)("a roster: %#", (vector) => {
  const { standing, accounts, root, account, opening } = parsed(vector) as {
    standing: { group: protocol.ConversationId; revision: number; head: Uint8Array };
    accounts: protocol.AccountId[];
    root: Uint8Array;
    account: protocol.AccountId;
    opening: Opening;
  };
  const roster = protocol.groupRoster(realm, standing, accounts);
  expect(roster.root).toEqual(root);
  expect(roster.openingOf(account)).toEqual(opening);
  expect(rosterRoot(realm, account, opening)).toEqual(root);
});

test.each(vectors.committed)("a committed form: %#", ({ content, committed }) => {
  expect(protocol.committedForm(bytes(content))).toEqual(bytes(committed));
  expect(() => protocol.decodeCommitted(bytes(committed))).not.toThrow();
});

describe.each([
  ["noble by ZIP-215", deskVerify],
  ["tweetnacl", independentVerify],
])("franks, signatures checked by %s", (_library, verify) => {
  test.each(vectors.franks)("$name", ({ input, evidence, refused }) => {
    const said = parsed(input) as CheckInput;
    const audience: protocol.Audience =
      said.to === undefined
        ? { kind: "group", roster: protocol.groupRoster(realm, said.standing as never, said.members ?? []) }
        : { kind: "account", account: said.to };
    const checked = protocol.checkFrank({
      ...said,
      audience,
      realm: said.realm ?? realm,
      speaker: said,
      nowMs: said.nowMs ?? vectors.realm.nowMs,
      minVersion: said.minVersion ?? 1,
      epochKey: (epoch) => (said.epochs !== "none" && epoch === vectors.realm.epoch ? issuerKey : undefined),
      isRevoked: (name) => said.revoked !== undefined && hex(name) === hex(said.revoked),
      verify,
    });
    if (checked.kind === "refused") return expect(checked.reason).toBe(refused);
    const kept = bytes(evidence);
    expect(protocol.encodeEvidence(checked.evidence)).toEqual(kept);
    expect(protocol.decodeEvidence(kept)).toEqual(checked.evidence);
  });
});

test("franks are refused for every reason there is", () => {
  const reasons = new Set(vectors.franks.map(({ refused }) => refused));
  const all = "unfranked malformed version epoch time commitment roster token signature revoked".split(" ");
  expect([...reasons].sort()).toEqual([...all, undefined].sort());
});

const keys: protocol.HeadKeys = {
  realm,
  accountKey: () => bytes(vectors.keys.accountKey),
  stampKey: () => bytes(vectors.keys.stampKey),
  revokedAfterMs: () => undefined,
  isSoundKey,
  verify: deskVerify,
  nowMs: vectors.realm.nowMs,
};

test.each(vectors.heads.heads)("a head $name", ({ layer, reporter, verdict }) => {
  const read = protocol.decodeHeadLayer(bytes(layer));
  expect(protocol.inspectHeads(read, reporter, keys)).toEqual([parsed(verdict)]);
  expect(protocol.encodeHeadLayer(read)).toEqual(bytes(layer));
});

test.each(vectors.heads.words)("words: $verdict.kind", ({ wordsKey, committed, head, verdict }) => {
  const layer = protocol.decodeHeadLayer(bytes(vectors.heads.heads[head]?.layer));
  const [item] = layer.items;
  if (item === undefined) throw new Error("an item");
  const got = protocol.inspectWords({ wordsKey: bytes(wordsKey), committed: bytes(committed), blobs: [] }, item, realm);
  expect(got.kind === "refused" ? got : { kind: got.kind }).toEqual(verdict);
});

test.each(vectors.seals)("a seal opens: %#", ({ secretKey, context, sealed, sharedSecret, plaintext }) => {
  const whole = bytes(sealed);
  expect(protocol.unseal(bytes(secretKey), bytes(context), whole)).toEqual(bytes(plaintext));
  expect(xWing.decapsulate(whole.subarray(0, 1_120), bytes(secretKey))).toEqual(bytes(sharedSecret));
});
