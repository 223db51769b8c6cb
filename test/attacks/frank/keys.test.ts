/** Attacks on keys: ones under which anybody signs, ones on which libraries disagree, and ones that were stolen or published. */

import { type FrankHead, inspectHead, sealKeysOf, TOKENS_PER_BATCH, unseal } from "@sotto/protocol";
import { afterEach, describe, expect, test } from "vitest";
import { ed25519 as client } from "../../../sdk/node/ed25519.js";
import { isSoundKey, signingKeyOf, verifySignature } from "../../../server/desk/keys/ed25519.js";
import { openDesk, someone, type TestDesk } from "../../server/desk/desk-of.js";
import { crookedSigner, emptySignature, smallOrderKeys, uncanonicalKeys } from "../../support/franking/crooked.js";
import {
  accountOf,
  DAY_MS,
  EPOCH,
  evidenceOf,
  NOW_MS,
  reasonOf,
  SmallRealm,
  secretOf,
} from "../../support/franking/realm.js";
import { sealedReportOf } from "../../support/franking/sealed.js";
import { clientVerify, deskVerify, independentVerify, signerOf } from "../../support/franking/signatures.js";

const small = new SmallRealm();
const sender = small.device("S");
const me = accountOf("A");
const content = small.text(sender, me, "hello");
const inspected = (head: FrankHead) => {
  const verdict = inspectHead(head, small.headKeys());
  return verdict.kind === "verified" ? "verified" : verdict.reason;
};

describe("attack 9, T7a: a token key of small order, under which anybody could have signed", () => {
  let opened: TestDesk | undefined;
  afterEach(() => opened?.desk.close());

  test("the threat is real: two libraries take such a key for every message", () => {
    const takers = [clientVerify, independentVerify].map((verify) =>
      verify(smallOrderKeys[0] as Uint8Array, secretOf("any message"), emptySignature),
    );
    expect(takers).toContain(true);
  });

  test("none of the eight points is sound, nor any second spelling of one", () => {
    expect(smallOrderKeys).toHaveLength(8);
    for (const key of [...smallOrderKeys, ...uncanonicalKeys]) expect(isSoundKey(key)).toBe(false);
    for (const size of [0, 31, 33]) expect(isSoundKey(new Uint8Array(size).fill(9))).toBe(false);
    expect(isSoundKey(sender.key.publicKey)).toBe(true);
  });

  test("the issuer gives no token for a batch with one of them", async () => {
    const desk = await openDesk();
    opened = desk;
    const alice = someone();
    await alice.enrol(desk);
    const epoch = Math.floor(desk.nowMs / DAY_MS);
    const sound = (name: string) =>
      Array.from({ length: TOKENS_PER_BATCH }, (_, at) => signingKeyOf(secretOf(`${name} ${at}`)).publicKey);
    for (const [at, key] of [...smallOrderKeys, ...uncanonicalKeys].entries()) {
      const keys = sound(`batch ${at}`).with(at % TOKENS_PER_BATCH, key);
      expect(await alice.ask(desk, "tokens", { epoch, keys })).toMatchObject({ kind: "refused", reason: "badAsk" });
    }
    expect(await alice.ask(desk, "tokens", { epoch, keys: sound("good") })).toMatchObject({ kind: "tokens" });
  });

  test("and were one issued, the desk would not hold anybody to what is signed under it", () => {
    const key = { publicKey: smallOrderKeys[0] as Uint8Array, sign: () => emptySignature };
    const weak = { ...sender, key, token: small.issue(sender, key.publicKey) };
    const checked = small.check(small.send(weak, me, content), me, { verify: independentVerify });
    expect(inspected(evidenceOf(checked).head)).toBe("weakKey");
  });
});

describe("attack 10, T7c-g: a signature on which libraries disagree", () => {
  const cases = [
    ["T7c: torsion of order 2 in R", { nonceTorsion: 4 }],
    ["T7d: torsion of order 4 in R", { nonceTorsion: 2 }],
    ["T7e: torsion of order 8 in R", { nonceTorsion: 1 }],
    ["T7f: a key of mixed order", { keyTorsion: 1 }],
    ["T7g: both", { keyTorsion: 3, nonceTorsion: 5 }],
  ] as const;

  test.each(cases)("%s: what any client took, the desk takes", (name, crookedness) => {
    const key = crookedSigner(name, crookedness);
    const crooked = { ...sender, key, token: small.issue(sender, key.publicKey) };
    const sent = small.send(crooked, me, content);
    const lax = small.check(sent, me, { verify: deskVerify });
    expect(reasonOf(lax)).toBe("genuine");
    expect(inspected(evidenceOf(lax).head)).toBe("verified");
  });

  test("they do disagree: the strict ones refuse torsion in R", () => {
    const key = crookedSigner("disagreement", { nonceTorsion: 1 });
    const [text, signature] = [secretOf("text"), key.sign(secretOf("text"))];
    expect(deskVerify(key.publicKey, text, signature)).toBe(true);
    expect(clientVerify(key.publicKey, text, signature)).toBe(false);
    expect(independentVerify(key.publicKey, text, signature)).toBe(false);
  });

  test("of keys and signatures that mean nothing, too: what some library takes, the desk takes, and then looks at the key", () => {
    let taken = 0;
    for (const key of [...smallOrderKeys, ...uncanonicalKeys]) {
      for (const text of ["one", "two", "three", "four"].map(secretOf)) {
        const takers = [clientVerify, independentVerify].map((verify) => verify(key, text, emptySignature));
        if (!takers.includes(true)) continue;
        taken += 1;
        expect(verifySignature(key, text, emptySignature)).toBe(true);
        expect(isSoundKey(key)).toBe(false);
      }
    }
    expect(taken).toBeGreaterThan(0);
  });

  test("whatever the client's library takes of many crooked and straight signatures, the desk takes", () => {
    let taken = 0;
    for (let at = 0; at < 64; at++) {
      const key = crookedSigner(`many ${at}`, { keyTorsion: at % 8, nonceTorsion: Math.floor(at / 8) });
      const text = secretOf(`text ${at}`);
      const signature = key.sign(text);
      const takers = [clientVerify, independentVerify].map((verify) => verify(key.publicKey, text, signature));
      if (!takers.includes(true)) continue;
      taken += 1;
      expect(verifySignature(key.publicKey, text, signature)).toBe(true);
    }
    expect(taken).toBeGreaterThan(0);
  });

  test("a signature with an S that is not reduced is taken by neither side", () => {
    const { publicKey, privateKey } = client.fromSeed(secretOf("seed"));
    const text = secretOf("text");
    const signature = client.sign(privateKey, text);
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString("hex")}`) + order;
    const grown = Uint8Array.of(
      ...signature.subarray(0, 32),
      ...Buffer.from(s.toString(16).padStart(64, "0"), "hex").reverse(),
    );
    expect(clientVerify(publicKey, text, grown)).toBe(false);
    expect(deskVerify(publicKey, text, grown)).toBe(false);
  });
});

describe("attack 16, T11e-f: the issuer's key is stolen, or was published as it has to be", () => {
  const thief = signerOf(secretOf("thief"));
  const token = { epoch: EPOCH, publicKey: thief.publicKey, accountTag: secretOf("guessed") };
  const forgedToken = { ...token, signature: small.signToken(sender, token) };
  const forged = small.send({ ...sender, key: thief, token: forgedToken }, me, content);

  test("T11f: stolen while it counts: clients take it, the desk does not, and revoking the epoch ends it", () => {
    const checked = small.check(forged, me);
    expect(inspected(evidenceOf(checked).head)).toBe("notIssued");
    expect(reasonOf(small.check(forged, me, { epochKey: () => undefined }))).toBe("epoch");
  });

  test("T11e: published: nothing made with it is shown later, whatever time its maker names", () => {
    for (const days of [1, 2, 3, 29]) {
      const acceptedMs = NOW_MS + days * DAY_MS;
      expect(reasonOf(small.check({ ...forged, acceptedMs }, me, { nowMs: acceptedMs }))).toBe("time");
    }
  });

  test("T11e: published: it does not help to claim that the relay took it back then", () => {
    const { head } = evidenceOf(small.check(forged, me));
    expect(inspected(head)).toBe("notIssued");
    const real = evidenceOf(small.check(small.send(sender, me, content), me)).head;
    expect(inspected({ ...real, acceptedMs: real.acceptedMs - 1 })).toBe("notStamped");
  });

  test("T11e: a late reader is safe: the commitment that was stamped then holds the issuer's signature of then", () => {
    const sent = small.send(sender, me, content);
    // With the published key anybody signs the same token anew; Ed25519 is deterministic, so take another one's.
    const other = small.send(
      { ...sender, token: { ...sender.token, signature: new Uint8Array(64).fill(1) } },
      me,
      content,
    );
    expect(reasonOf(small.check({ ...sent, frank: other.frank }, me))).toBe("commitment");
  });
});

describe("attack 17, T11a-b: one of the desk's keys is stolen", () => {
  const { triage, team, sealed, contexts } = sealedReportOf(small, sender, me);

  test("T11a: triage's opens who and when, and no word", () => {
    expect(unseal(triage.secretKey, contexts.heads, sealed.heads)).toBeDefined();
    expect(unseal(triage.secretKey, contexts.words, sealed.words)).toBeUndefined();
  });

  test("T11b: a team's opens words, neither heads nor those of another team or an older key", () => {
    expect(unseal(team.secretKey, contexts.words, sealed.words)).toBeDefined();
    expect(unseal(team.secretKey, contexts.heads, sealed.heads)).toBeUndefined();
    expect(unseal(sealKeysOf(secretOf("another month")).secretKey, contexts.words, sealed.words)).toBeUndefined();
  });
});
