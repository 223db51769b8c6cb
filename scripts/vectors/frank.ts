/**
 * Vectors of frank/1: what every function yields of fixed inputs, franks that pass with what is kept of them, franks that do not,
 * heads and words as a desk sees them. Keys and signatures are real and follow from the seeds; a seal is opened, never made anew.
 */

import { createHmac } from "node:crypto";
import { gcm } from "@noble/ciphers/aes.js";
import { ml_kem768_x25519 as xWing } from "@noble/post-quantum/hybrid.js";
import * as protocol from "@sotto/protocol";
import { deriveFrankKey, hash, mac } from "../../protocol/frank/encoding.js";
import { commitmentOf, frankText, wordsHashOf } from "../../protocol/frank/frank.js";
import { directRoster, rosterRoot } from "../../protocol/frank/roster.js";
import { sealedPlaintextSize } from "../../protocol/frank/seal.js";
import { accountOf, EPOCH, evidenceOf, NOW_MS, SmallRealm, secretOf } from "../../test/support/franking/realm.js";
import { headsOf, wordsItemOf } from "../../test/support/franking/reports.js";
import { frankCases, type Refusal } from "./frank-refusals.js";
import { printed } from "./json.js";

const small = new SmallRealm();
const sender = small.device("S", { device: 2 });
const me = accountOf("A");
const words = small.text(sender, me, "Grüße, 世界 👋");
const group = protocol.toHex(secretOf("group").subarray(0, 16)) as protocol.ConversationId;
const standing = { group, revision: 7, head: secretOf("head") };
const members = (count: number) => Array.from({ length: count }, (_, at) => accountOf(`member ${at}`));

/** Everything of frank/1. */
export function frankVectors() {
  return {
    realm: { root: printed(small.root.publicKey), realm: printed(small.realm), nowMs: NOW_MS, epoch: EPOCH },
    keys: {
      issuer: printed(small.issuer().publicKey),
      accountKey: printed(small.accountKey()),
      stampKey: printed(small.stampKey()),
      token: printed(sender.key.publicKey),
    },
    derived: derived(),
    rosters: [1, 2, 3, 5, 33].map(rosterVector),
    committed: committedVectors(),
    franks: frankCases(small, sender, words).map(frankVector),
    heads: headVectors(),
    seals: sealVectors(),
  };
}

function derived() {
  const { token } = sender;
  const secret = secretOf("secret");
  const token32 = protocol.tokenHash(small.realm, token, token.accountTag);
  const committed = protocol.committedForm(protocol.encodeContent(words));
  const wordsKey = deriveFrankKey(secret, "m");
  const over = { wordsHash: wordsHashOf(small.realm, wordsKey, committed), root: secretOf("root"), token: token32 };
  const whole = { ...over, tokenMac: secretOf("token MAC"), signature: new Uint8Array(64).fill(0x5a) };
  const recipient = protocol.accountIdToBytes(me);
  const stamped = { commitment: secretOf("commitment"), recipient, acceptedMs: NOW_MS };
  const blob = { id: secretOf("b").subarray(0, 16), key: secretOf("k"), digest: secretOf("d"), sizeBytes: 5_000 };
  const speaker = { account: sender.account, device: sender.device };
  const row = (name: string, input: readonly unknown[], output: unknown) => ({
    derivation: name,
    input: printed(input),
    output: printed(output),
  });
  return [
    row(
      "mac",
      [secret, "frank1/example", [Uint8Array.of(1), new Uint8Array(0)]],
      mac(secret, "frank1/example", Uint8Array.of(1), new Uint8Array(0)),
    ),
    row("hash", ["frank1/example", [Uint8Array.of(1)]], hash("frank1/example", Uint8Array.of(1))),
    ...(["m", "o", "r", "t"] as const).map((purpose) =>
      row("deriveFrankKey", [secret, purpose], deriveFrankKey(secret, purpose)),
    ),
    row(
      "accountTag",
      [small.accountKey(), small.realm, speaker, { epoch: EPOCH, publicKey: token.publicKey }],
      token.accountTag,
    ),
    row("tokenHash", [small.realm, { epoch: EPOCH, publicKey: token.publicKey }, token.accountTag], token32),
    row("tokenText", [small.realm, speaker, token32], protocol.tokenText(small.realm, speaker, token32)),
    row("tokenName", [token.publicKey], protocol.tokenName(token.publicKey)),
    row("wordsHashOf", [small.realm, wordsKey, committed], over.wordsHash),
    row("frankText", [small.realm, speaker, over], frankText(small.realm, speaker, over)),
    row("commitmentOf", [small.realm, secret, whole], commitmentOf(small.realm, secret, whole)),
    row("stamp", [small.stampKey(), small.realm, stamped], protocol.stamp(small.stampKey(), small.realm, stamped)),
    row("blobCommitment", [blob], protocol.blobCommitment(blob)),
    row("headLayerHash", [Uint8Array.of(1, 2)], protocol.headLayerHash(Uint8Array.of(1, 2))),
    row("statementHash", ["what moderators may do"], protocol.statementHash("what moderators may do")),
    row("realmFingerprint", [small.root.publicKey], protocol.realmFingerprint(small.root.publicKey)),
    row("directRootOf", [small.realm, secret, me], directRoster(small.realm, secret, me).root),
  ];
}

function rosterVector(count: number) {
  const accounts = members(count);
  const roster = protocol.groupRoster(small.realm, standing, accounts);
  const account = accounts[count - 1] ?? me;
  const opening = roster.openingOf(account);
  if (
    opening === undefined ||
    protocol.toHex(rosterRoot(small.realm, account, opening)) !== protocol.toHex(roster.root)
  )
    throw new Error("a member's opening leads to the root");
  return printed({ standing, accounts, root: roster.root, account, opening });
}

function committedVectors() {
  const blob = (name: string) => ({
    id: secretOf(`${name} id`).subarray(0, 16),
    key: secretOf(`${name} key`),
    digest: secretOf(`${name} digest`),
    sizeBytes: 5_000,
  });
  const { kind: _kind, text: _text, ...header } = words;
  const thumbnail = { ...blob("small"), mime: "image/jpeg", width: 8, height: 6 };
  const picture = { ...blob("large"), media: "image", mime: "image/png", expiresMs: NOW_MS, thumbnail } as const;
  const preview = { url: "https://example.com/", title: "Example", image: thumbnail };
  const contents: readonly protocol.Content[] = [
    words,
    { ...header, kind: "attachments", attachments: [picture], text: "look" },
    { ...header, kind: "annotated", text: "see https://example.com/", mentions: [], preview },
    { ...header, kind: "annotated", text: "nothing to see", mentions: [] },
  ];
  return contents.map((content) => {
    const encoded = protocol.encodeContent(content);
    return { content: printed(encoded), committed: printed(protocol.committedForm(encoded)) };
  });
}

function frankVector({ name, sent, me: reader, changed, reason }: Refusal) {
  const { realm, minVersion, nowMs, stampedFor, isRevoked } = changed;
  const checked = small.check(sent, reader, changed);
  const got = checked.kind === "genuine" ? "genuine" : checked.reason;
  if (got !== reason) throw new Error(`${name}: expected ${reason}, got ${got}`);
  const { audience } = sent;
  return {
    name,
    input: printed({
      ...{ account: sent.from.account, device: sent.from.device, me: reader },
      ...(audience.kind === "account" ? { to: audience.account } : { standing, members: members(5) }),
      ...{ committed: sent.committed, frank: sent.frank, commitment: sent.commitment, acceptedMs: sent.acceptedMs },
      stamp: small.stampFor(reader, sent),
      ...{ realm, minVersion, nowMs, stampedFor, epochs: changed.epochKey && "none" },
      revoked: isRevoked && protocol.tokenName(sender.token.publicKey),
    }),
    ...(checked.kind === "genuine"
      ? { evidence: printed(protocol.encodeEvidence(checked.evidence)) }
      : { refused: checked.reason }),
  };
}

function headVectors() {
  const sent = small.send(sender, me, words);
  const kept = evidenceOf(small.check(sent, me));
  const good = { role: "reported", head: kept.head } as const;
  const items: readonly (readonly [string, protocol.HeadItem])[] = [
    ["as it came", good],
    ["accused of another account", { ...good, head: { ...kept.head, account: me } }],
    ["with other words", { ...good, head: { ...kept.head, wordsHash: secretOf("x") } }],
    ["with an invented stamp", { ...good, head: { ...kept.head, stamp: new Uint8Array(16) } }],
    ["opened for another recipient", { ...good, head: { ...kept.head, recipient: accountOf("B") } }],
    ["at another time", { ...good, head: { ...kept.head, acceptedMs: NOW_MS + 1 } }],
    ["called the reporter's own", { ...good, role: "own" }],
  ];
  const rows = items.map(([name, item]) => {
    const layer = { ...headsOf(sender.account, []), items: [item] };
    const [verdict] = protocol.inspectHeads(layer, me, small.headKeys());
    return { name, layer: printed(protocol.encodeHeadLayer(layer)), reporter: me, verdict: printed(verdict) };
  });
  const words1 = wordsItemOf(kept, sent);
  const texts = [words1, { ...words1, committed: protocol.encodeContent({ ...words, text: "forged" }) }].map((item) => {
    const verdict = protocol.inspectWords(item, good, small.realm);
    const said = verdict.kind === "verified" ? { kind: verdict.kind } : verdict;
    return { wordsKey: printed(item.wordsKey), committed: printed(item.committed), head: 0, verdict: said };
  });
  return { heads: rows, words: texts };
}

/** Seals of fixed randomness, so that they are the same at every run; the library's own seal draws 64 random bytes. */
function sealVectors() {
  const keys = protocol.sealKeysOf(secretOf("desk"));
  return ["", "what somebody said", "x".repeat(4_095)].map((text, at) => {
    const context = protocol.labelled("frank1/example", Uint8Array.of(at));
    const plaintext = new TextEncoder().encode(text);
    const seed = Uint8Array.of(...secretOf(`kem ${at}`), ...secretOf(`ecdh ${at}`));
    const { cipherText, sharedSecret } = xWing.encapsulate(keys.publicKey, seed);
    const root = mac32(sharedSecret, protocol.labelled("frank1/report", cipherText, context));
    const [key, commit] = ["frank1/seal/key", "frank1/seal/commit"].map((name) =>
      mac32(root, new TextEncoder().encode(name)),
    );
    if (key === undefined || commit === undefined) throw new Error("two keys");
    const padded = new Uint8Array(sealedPlaintextSize(plaintext.length));
    padded.set(plaintext);
    padded[plaintext.length] = 0x80;
    const associated = protocol.labelled("frank1/seal", context, cipherText, commit);
    const sealed = Uint8Array.of(...cipherText, ...commit, ...gcm(key, new Uint8Array(12), associated).encrypt(padded));
    const opened = protocol.unseal(keys.secretKey, context, sealed);
    if (opened === undefined || protocol.toHex(opened) !== protocol.toHex(plaintext)) throw new Error("a seal opens");
    return {
      secretKey: printed(keys.secretKey),
      context: printed(context),
      sealed: printed(sealed),
      sharedSecret: printed(sharedSecret),
      plaintext: printed(plaintext),
    };
  });
}

function mac32(key: Uint8Array, text: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac("sha256", key).update(text).digest());
}
