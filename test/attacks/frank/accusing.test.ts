/** Attacks on who said it, and to whom: recipients, members and the relay, alone and together, want to make somebody say something. */

import {
  accountIdToBytes,
  accountTag,
  type FrankHead,
  type ItemRole,
  inspectHead,
  inspectHeads,
  stamp,
  tokenHash,
} from "@sotto/protocol";
import { describe, expect, test } from "vitest";
import { mac } from "../../../protocol/frank/encoding.js";
import { commitmentOf, frankText } from "../../../protocol/frank/frank.js";
import { directRoster, rosterRoot } from "../../../protocol/frank/roster.js";
import {
  accountOf,
  type Device,
  EPOCH,
  evidenceOf,
  NOW_MS,
  reasonOf,
  SmallRealm,
  secretOf,
} from "../../support/franking/realm.js";
import { headsOf } from "../../support/franking/reports.js";
import { signerOf } from "../../support/franking/signatures.js";

const small = new SmallRealm();
const sender = small.device("S");
const reporter = small.device("A");
const other = small.device("B");
const me = reporter.account;
const sent = small.send(sender, me, small.text(sender, me, "hello"));
const evidence = evidenceOf(small.check(sent, me));
const inspected = (head: FrankHead) => {
  const verdict = inspectHead(head, small.headKeys());
  return verdict.kind === "verified" ? "verified" : verdict.reason;
};

/** A head that its maker stamps itself, as a relay that colludes would: everything but the account key is its own. */
function stamped(head: FrankHead): FrankHead {
  const root = rosterRoot(small.realm, head.recipient, head);
  const token = tokenHash(small.realm, head, head.accountTag);
  const { wordsHash, tokenMac, signature, outerKey, acceptedMs, stampedFor } = head;
  const commitment = commitmentOf(small.realm, outerKey, { wordsHash, root, token, tokenMac, signature });
  const about = { commitment, recipient: stampedFor, acceptedMs };
  return { ...head, stamp: stamp(small.stampKey(), small.realm, about) };
}

/** A head over chosen words, all of it made by somebody with a key pair of its own. */
function invented(by: Device, tag: Uint8Array, accused = sender): FrankHead {
  const { realm } = small;
  const roster = directRoster(realm, secretOf("r"), me);
  const opening = roster.openingOf(me);
  if (opening === undefined) throw new Error("a direct roster opens");
  const terms = { epoch: EPOCH, publicKey: by.key.publicKey };
  const wordsHash = mac(secretOf("m"), "frank1/msg", realm, new TextEncoder().encode("never said"));
  const over = { wordsHash, root: roster.root, token: tokenHash(realm, terms, tag) };
  return stamped({
    ...{ account: accused.account, device: accused.device, ...terms, accountTag: tag, wordsHash },
    ...{ outerKey: secretOf("o"), recipient: me, ...opening, tokenMac: secretOf("t") },
    signature: by.key.sign(frankText(realm, accused, over)),
    ...{ acceptedMs: NOW_MS, stampedFor: accountIdToBytes(me), stamp: new Uint8Array(16) },
  });
}

test("the collusion of these tests is real: with the account key, which none of them has, it would succeed", () => {
  const tag = accountTag(small.accountKey(), small.realm, sender, { epoch: EPOCH, publicKey: other.key.publicKey });
  expect(inspected(invented(other, tag))).toBe("verified");
});

describe("attack 2, T2: a reporter invents a message", () => {
  test("under its own token, in somebody else's name", () => {
    expect(inspected(invented(reporter, reporter.token.accountTag))).toBe("notIssued");
    const mine = small.send(reporter, me, small.text(reporter, me, "I said it"));
    const { head } = evidenceOf(small.check(mine, me));
    expect(inspected({ ...head, account: sender.account })).toBe("notIssued");
  });
});

describe("attack 3, T3: a recipient and the relay collude to frame", () => {
  test("T3a: with an invented token, whatever its tag", () => {
    const own = { ...other, key: signerOf(secretOf("invented")) };
    for (const tag of [secretOf("any"), new Uint8Array(32), sender.token.accountTag, reporter.token.accountTag])
      expect(inspected(invented(own, tag))).toBe("notIssued");
  });

  test("T3b: with the accused's real token and other words, for lack of the token's key", () => {
    const { accountTag: tag, publicKey } = sender.token;
    const forged = invented({ ...other, key: { publicKey, sign: reporter.key.sign } }, tag);
    expect(inspected(forged)).toBe("notSigned");
    const swapped = stamped({ ...evidence.head, wordsHash: secretOf("other words") });
    expect(inspected(swapped)).toBe("notSigned");
  });
});

describe("attack 4, T4: two recipients collude, and the relay stamps one's mail for the other", () => {
  test("T4: the other's own leaf is not what was signed", () => {
    const roster = directRoster(small.realm, secretOf("r"), other.account);
    const opening = roster.openingOf(other.account);
    const stampedFor = accountIdToBytes(other.account);
    const moved = stamped({ ...evidence.head, ...opening, recipient: other.account, stampedFor });
    expect(inspected(moved)).toBe("notSigned");
  });

  test("T4b: with the right leaf and the other's stamp the desk sees whose it is, and it is not the reporter's", () => {
    const moved = stamped({ ...evidence.head, stampedFor: accountIdToBytes(other.account) });
    expect(inspected(moved)).toBe("verified");
    for (const to of [other.account, me]) {
      const [verdict] = inspectHeads(headsOf(sender.account, [{ ...evidence, head: moved }]), to, small.headKeys());
      expect(verdict).toEqual({ kind: "refused", reason: "notTheirs" });
    }
  });
});

describe("attack 11, T8: a recipient has a token and a signature, and wants to send with them", () => {
  test("what it signs itself is not by the token's key", () => {
    const content = { ...small.text(sender, other.account, "from S, I swear") };
    const stolen = { ...sender, key: reporter.key };
    expect(reasonOf(small.check(small.send(stolen, other.account, content), other.account))).toBe("signature");
  });

  test("the signature it has is good for the one message it has", () => {
    const content = small.text(sender, other.account, "other words");
    const key = { publicKey: sender.key.publicKey, sign: () => evidence.head.signature };
    expect(reasonOf(small.check(small.send({ ...sender, key }, other.account, content), other.account))).toBe(
      "signature",
    );
  });
});

describe("attack 15, T20: somebody has the accused's public key registered as its own", () => {
  const thief = { account: accountOf("X"), device: sender.device };
  const token = small.issue(thief, sender.key.publicKey);

  test("the issuer's word for it is genuine, and yet the signature says whose message it was", () => {
    const claimed = { ...evidence.head, account: thief.account, accountTag: token.accountTag };
    expect(inspected(stamped(claimed))).toBe("notSigned");
    const { frank } = small.send({ ...sender, ...thief, token }, me, sent.content);
    const replayed = new Uint8Array(frank);
    replayed.set(evidence.head.signature, 165);
    expect(small.check({ ...sent, from: thief, frank: replayed }, me).kind).toBe("refused");
  });

  test("nor does a message of the thief's become one of the accused's", () => {
    const own = { ...thief, token, key: sender.key };
    const { head } = evidenceOf(small.check(small.send(own, me, small.text(own, me, "mine")), me));
    expect(inspected(head)).toBe("verified");
    const moved = stamped({ ...head, account: sender.account, accountTag: sender.token.accountTag });
    expect(inspected(moved)).toBe("notSigned");
  });
});

describe("attack 26, T19e-g: a report of others' mail, of two accused, of oneself", () => {
  const judged = (head: FrankHead, changed: { accused?: typeof me; by?: typeof me; role?: ItemRole } = {}) => {
    const { accused = sender.account, by = me, role = "reported" } = changed;
    const [verdict] = inspectHeads({ ...headsOf(accused, []), items: [{ role, head }] }, by, small.headKeys());
    return verdict?.kind === "refused" ? verdict.reason : verdict?.kind;
  };

  test("T19e: what another account received is not the reporter's to report, in any role", () => {
    expect(judged(evidence.head)).toBe("verified");
    for (const role of ["reported", "context", "own"] as const)
      expect(judged(evidence.head, { by: other.account, role })).toBe("notTheirs");
  });

  test("T19f: one report accuses one account", () => {
    const second = small.send(other, me, small.text(other, me, "hello too"));
    const { head } = evidenceOf(small.check(second, me));
    expect(judged(head)).toBe("severalAccused");
  });

  test("T19g: nobody reports itself, and nobody's own words are called another's", () => {
    const own = small.send(reporter, me, small.text(reporter, me, "note to self"));
    const { head } = evidenceOf(small.check(own, me));
    expect(judged(head, { accused: me })).toBe("notTheirs");
    expect(judged(head, { role: "context" })).toBe("notTheirs");
  });

  test("an appeal is in the name of who appeals", () => {
    const mine = small.send(reporter, sender.account, small.text(reporter, sender.account, "mine"));
    const stampedFor = accountIdToBytes(sender.account);
    const { head } = evidenceOf(small.check(mine, me, { stampedFor, stamp: small.stampFor(sender.account, mine) }));
    const appeal = { ...headsOf(me, []), kind: "appeal", items: [{ role: "own", head }] } as const;
    expect(inspectHeads(appeal, me, small.headKeys())[0]?.kind).toBe("verified");
    const inAnothersName = { ...appeal, accused: sender.account };
    expect(inspectHeads(inAnothersName, me, small.headKeys())[0]).toEqual({ kind: "refused", reason: "notTheirs" });
  });
});
