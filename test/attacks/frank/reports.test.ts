/** Attacks on reports and around them: replays, floods, links, leaks, a relay that meddles with what is sealed. */

import { createHmac } from "node:crypto";
import {
  accountIdToBytes,
  encodeHeadLayer,
  encodeWordsLayer,
  type FrankHead,
  headLayerHash,
  inspectHead,
  inspectHeads,
  inspectWords,
  labelled,
  layerContext,
  noteBodies,
  seal,
  tokenHash,
  tokenName,
  unseal,
} from "@sotto/protocol";
import { describe, expect, test } from "vitest";
import { mac } from "../../../protocol/frank/encoding.js";
import { commitmentOf, frankText } from "../../../protocol/frank/frank.js";
import { directRoster, rosterRoot } from "../../../protocol/frank/roster.js";
import { judge } from "../../../server/desk/triage/judge.js";
import {
  accountOf,
  EPOCH,
  evidenceOf,
  holds,
  NOW_MS,
  reasonOf,
  SmallRealm,
  secretOf,
} from "../../support/franking/realm.js";
import { headsOf } from "../../support/franking/reports.js";
import { sealedReportOf } from "../../support/franking/sealed.js";
import { clientVerify, signerOf } from "../../support/franking/signatures.js";

const small = new SmallRealm();
const sender = small.device("S");
const [me, other] = [accountOf("A"), accountOf("B")];
const sent = small.send(sender, me, small.text(sender, me, "hello"));
const evidence = evidenceOf(small.check(sent, me));
const dedupeOf = (head: FrankHead) => {
  const verdict = inspectHead(head, small.headKeys());
  return verdict.kind === "verified" ? Buffer.from(verdict.dedupe).toString("hex") : verdict.reason;
};

describe("attack 12: a token was stolen from a device", () => {
  test("once the feed names it nothing under it is shown, and other tokens are not touched", () => {
    const named = Buffer.from(tokenName(sender.key.publicKey)).toString("hex");
    const isRevoked = (name: Uint8Array) => Buffer.from(name).toString("hex") === named;
    expect(reasonOf(small.check(sent, me, { isRevoked }))).toBe("revoked");
    const second = small.device("S", { key: "another token" });
    const fine = small.send(second, me, small.text(second, me, "still me"));
    expect(reasonOf(small.check(fine, me, { isRevoked }))).toBe("genuine");
  });
});

describe("attack 13, T9: a token or a message is used again", () => {
  test("T9a: the relay stamps the same message at another time of the day: one message for the desk", () => {
    const again = { ...sent, acceptedMs: NOW_MS + 3_600_000 };
    const later = evidenceOf(small.check(again, me, { nowMs: again.acceptedMs }));
    expect(dedupeOf(later.head)).toBe(dedupeOf(evidence.head));
  });

  test("T9b: reports of it by many are reports of one message, of others under the same token are not", () => {
    const group = small.send(sender, me, small.text(sender, me, "another"));
    expect(dedupeOf(evidenceOf(small.check(group, me)).head)).not.toBe(dedupeOf(evidence.head));
    expect(dedupeOf({ ...evidence.head })).toBe(dedupeOf(evidence.head));
  });

  test("T9c: beyond the token's day it is not shown again", () => {
    const acceptedMs = (EPOCH + 2) * 86_400_000;
    expect(reasonOf(small.check({ ...sent, acceptedMs }, me, { nowMs: acceptedMs }))).toBe("time");
  });
});

describe("attack 22, T9b: floods of false reports and of the same one", () => {
  test("a report in which nothing is genuine counts as unverified, however much it claims", () => {
    const forged = { ...evidence, head: { ...evidence.head, accountTag: secretOf("forged") } };
    const heads = headsOf(sender.account, [forged, forged, forged]);
    expect(judge(heads, me, small.headKeys())).toMatchObject({ trust: "unverified" });
    const context = { ...headsOf(sender.account, []), items: [{ role: "context", head: evidence.head }] } as const;
    expect(judge(context, me, small.headKeys()).trust).toBe("unverified");
    expect(judge(headsOf(sender.account, [evidence]), me, small.headKeys()).trust).toBe("verified");
  });

  test("one message said a hundred times in a report is one", () => {
    const { items } = judge(headsOf(sender.account, [evidence, evidence, evidence]), me, small.headKeys());
    expect(new Set(items.map(({ dedupe }) => dedupe && Buffer.from(dedupe).toString("hex"))).size).toBe(1);
  });
});

describe("attack 23, T17: relay and issuer together want to link a message to a batch of tokens", () => {
  const commitments = Array.from({ length: 300 }, (_, at) => {
    const content = { ...sent.content, counter: at + 1 };
    return small.send(sender, me, content, { secret: secretOf(`secret ${at}`) }).commitment;
  });

  test("nothing of the token is in the commitment, nor any function of the two that they could compute", () => {
    const { publicKey, accountTag, signature } = sender.token;
    const known = [publicKey, accountTag, signature, tokenHash(small.realm, sender.token, accountTag)];
    for (const commitment of commitments.slice(0, 20)) {
      for (const value of known) expect(holds(value, commitment.subarray(0, 8))).toBe(false);
    }
    const secrets = new Set(commitments.map((commitment) => Buffer.from(commitment).toString("hex")));
    expect(secrets.size).toBe(commitments.length);
  });

  test("the same message under one token has another commitment under every secret", () => {
    const [one, two] = ["one", "two"].map((name) => small.send(sender, me, sent.content, { secret: secretOf(name) }));
    expect(one?.commitment).not.toEqual(two?.commitment);
  });

  test("bytes of commitments are spread evenly: chi-square over 9,600 of them", () => {
    const counts = new Array<number>(256).fill(0);
    for (const commitment of commitments) for (const byte of commitment) counts[byte] = (counts[byte] as number) + 1;
    const expected = (commitments.length * 32) / 256;
    const chi = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 255 degrees of freedom: the middle is 255, and 0.01 % lie beyond 347. The inputs are fixed, so this never flickers.
    expect(chi).toBeLessThan(347);
    expect(chi).toBeGreaterThan(180);
  });
});

describe("attack 24, T18: a report leaks and is to shame somebody", () => {
  /** What anybody can make with no secret at all: a key of its own, random tag and stamp. */
  function simulated(text: string): FrankHead & { readonly wordsKey: Uint8Array; readonly committed: Uint8Array } {
    const key = signerOf(secretOf("nobody's key"));
    const { realm } = small;
    const committed = small.send(sender, me, { ...sent.content, text } as typeof sent.content).committed;
    const wordsKey = secretOf("nobody's words key");
    const wordsHash = mac(wordsKey, "frank1/msg", realm, committed);
    const roster = directRoster(realm, secretOf("nobody's roster key"), me);
    const { salt, path } = roster.openingOf(me) as NonNullable<ReturnType<typeof roster.openingOf>>;
    const terms = { epoch: EPOCH, publicKey: key.publicKey };
    const tag = secretOf("a random tag");
    const over = { wordsHash, root: roster.root, token: tokenHash(realm, terms, tag) };
    return {
      ...{ account: sender.account, device: sender.device, ...terms, accountTag: tag, wordsHash, wordsKey, committed },
      ...{ outerKey: secretOf("nobody's outer key"), recipient: me, salt, path, tokenMac: secretOf("random") },
      signature: key.sign(frankText(realm, sender, over)),
      ...{ acceptedMs: NOW_MS, stampedFor: accountIdToBytes(me), stamp: secretOf("random stamp").subarray(0, 16) },
    };
  }

  /** Every check that somebody without the desk's keys can make on what a report discloses. */
  function passesInPublic(head: FrankHead, wordsKey: Uint8Array, committed: Uint8Array): boolean {
    const { realm } = small;
    const root = rosterRoot(realm, head.recipient, head);
    const token = tokenHash(realm, head, head.accountTag);
    const words = inspectWords({ wordsKey, committed, blobs: [] }, { role: "reported", head }, realm);
    const { wordsHash, tokenMac, signature } = head;
    const commitment = commitmentOf(realm, head.outerKey, { wordsHash, root, token, tokenMac, signature });
    const isSigned = clientVerify(head.publicKey, frankText(realm, head, { wordsHash, root, token }), signature);
    return words.kind === "verified" && isSigned && commitment.length === 32;
  }

  test("T18a: a real one passes every public check", () => {
    expect(passesInPublic(evidence.head, evidence.wordsKey, sent.committed)).toBe(true);
  });

  test("T18b: one that anybody made without a secret passes them as well, with any words", () => {
    for (const text of ["hello", "something terrible"]) {
      const { wordsKey, committed, ...head } = simulated(text);
      expect(passesInPublic(head, wordsKey, committed)).toBe(true);
    }
  });

  test("T18c: only the desk's keys tell them apart", () => {
    const { wordsKey: _key, committed: _words, ...head } = simulated("something terrible");
    expect(dedupeOf(head)).toBe("notIssued");
    expect(dedupeOf(evidence.head)).not.toBe("notIssued");
    const withoutKeys = small.headKeys({ accountKey: () => undefined });
    expect(inspectHead(evidence.head, withoutKeys)).toEqual({ kind: "refused", reason: "keyGone" });
  });

  test("T18d: what a device keeps and a report holds has neither the issuer's signature nor what opens its MAC", () => {
    const kept = Buffer.concat([
      encodeHeadLayer(headsOf(sender.account, [evidence])),
      evidence.wordsKey,
      evidence.commitment,
    ]);
    const secret = sent.frank.subarray(1, 33);
    const tokenMacKey = mac32(secret, "frank1/kdf/t");
    for (const gone of [secret, sender.token.signature, tokenMacKey]) expect(holds(kept, gone)).toBe(false);
  });
});

describe("attack 25, T19: the relay swaps reporters, mixes layers, tampers", () => {
  const { triage, team, sealed, encoded, contexts, report, id } = sealedReportOf(small, sender, me);
  const { realm } = small;

  test("T19a: in another reporter's name, or as another report, nothing opens", () => {
    for (const changed of [{ reporter: other }, { id: secretOf("other").subarray(0, 16) }]) {
      const about = { id, reporter: me, ...changed };
      expect(unseal(triage.secretKey, layerContext(realm, { ...about, layer: "heads" }), sealed.heads)).toBeUndefined();
      const headHash = headLayerHash(encoded.heads);
      const words = layerContext(realm, { ...about, layer: "words", headHash });
      expect(unseal(team.secretKey, words, sealed.words)).toBeUndefined();
    }
  });

  test("T19b: the words open beside their own heads only", () => {
    const second = sealedReportOf(small, small.device("T"), me);
    expect(unseal(team.secretKey, second.contexts.words, sealed.words)).toBeUndefined();
    expect(unseal(team.secretKey, contexts.words, second.sealed.words)).toBeUndefined();
    expect(unseal(triage.secretKey, contexts.words, sealed.heads)).toBeUndefined();
    expect(report.words.headHash).toEqual(headLayerHash(encoded.heads));
  });

  test("T19c: with a bit changed anywhere neither layer opens", () => {
    for (const layer of ["heads", "words"] as const) {
      const { secretKey } = layer === "heads" ? triage : team;
      for (let at = 0; at < sealed[layer].length; at += 401) {
        const changed = new Uint8Array(sealed[layer]);
        changed[at] = (changed[at] as number) ^ 4;
        expect(unseal(secretKey, contexts[layer], changed)).toBeUndefined();
      }
    }
  });

  test("T19d: a layer does not open as two reports for two moderators: its key is committed to", () => {
    const again = seal(team.publicKey, contexts.words, encodeWordsLayer({ ...report.words, note: "other" }));
    const mixed = new Uint8Array(sealed.words);
    mixed.set(again.subarray(1_120, 1_152), 1_120);
    expect(unseal(team.secretKey, contexts.words, mixed)).toBeUndefined();
    expect(unseal(team.secretKey, labelled("another context"), sealed.words)).toBeUndefined();
  });
});

describe("attack 29: words are marked for each member, to find out who reported", () => {
  test("what the accused is told has no place for words, reporters or counts of them", () => {
    const { shape } = noteBodies.statement;
    const names = shape.kind === "record" ? Object.keys(shape.fields) : [];
    expect(names).toEqual(["statement", "sanction", "device", "category", "rule", "untilMs", "appealUntilMs"]);
  });

  test("nor has what triage sees: no word, and of a group nobody but reporter and accused", () => {
    const bytes = Buffer.from(encodeHeadLayer(headsOf(sender.account, [evidence])));
    expect(bytes.includes("hello")).toBe(false);
    expect(inspectHeads(headsOf(sender.account, [evidence]), me, small.headKeys())[0]?.kind).toBe("verified");
  });
});

function mac32(key: Uint8Array, text: string): Uint8Array {
  return new Uint8Array(createHmac("sha256", key).update(text).digest());
}
