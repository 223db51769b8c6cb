import {
  decodeManifest,
  decodeSanction,
  encodeManifest,
  encodeSanction,
  type FrankHead,
  inspectHead,
  type Manifest,
  statementHash,
  tokenHash,
  tokenText,
} from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accountOf, EPOCH, evidenceOf, NOW_MS, SmallRealm, secretOf } from "../../support/franking/realm.js";
import {
  clientVerify,
  deskVerify,
  independentSignerOf,
  independentVerify,
  type Signer,
  signerOf,
} from "../../support/franking/signatures.js";

const small = new SmallRealm();
const me = accountOf("A");
const verifiers = { "node:crypto": clientVerify, "noble by ZIP-215": deskVerify, tweetnacl: independentVerify };
const signers = { "node:crypto": signerOf, tweetnacl: independentSignerOf };
type Maker = (seed: Uint8Array) => Signer;
const pairs = Object.entries(signers).flatMap(([by, make]) =>
  Object.entries(verifiers).map(([at, verify]) => [by, at, make, verify] as const),
);

describe.each(pairs)("signed by %s, checked by %s", (_by, _at, make: Maker, verify) => {
  test("any text", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ minLength: 32, maxLength: 32 }), (text, seed) => {
        const { publicKey, sign } = make(seed);
        expect(publicKey).toEqual(signerOf(seed).publicKey);
        expect(verify(publicKey, text, sign(text))).toBe(true);
        expect(verify(publicKey, Uint8Array.of(...text, 0), sign(text))).toBe(false);
      }),
      { numRuns: 8 },
    );
  });

  test("a token and a frank", () => {
    const key = make(secretOf("token key"));
    const device = small.device("S");
    const issued = small.issue(device, key.publicKey);
    const issuer = make(secretOf(`realm issuer ${EPOCH}`));
    const text = tokenText(small.realm, device, tokenHash(small.realm, issued, issued.accountTag));
    const sender = { ...device, key, token: { ...issued, signature: issuer.sign(text) } };
    const sent = small.send(sender, me, small.text(sender, me, "hello"));
    const head: FrankHead = evidenceOf(small.check(sent, me, { verify })).head;
    expect(inspectHead(head, small.headKeys({ verify })).kind).toBe("verified");
  });

  test("a manifest and a sanction", () => {
    const root = make(secretOf("root"));
    const manifest: Manifest = {
      root: root.publicKey,
      number: 1,
      previous: new Uint8Array(32),
      issuedMs: NOW_MS,
      minFrankVersion: 1,
      epochs: [],
      deskKeys: [],
      deskSigner: root.publicKey,
      statementHash: statementHash("powers"),
    };
    expect(decodeManifest(encodeManifest(manifest, root.sign), verify)).toMatchObject(manifest);
    const sanction = {
      id: secretOf("id").subarray(0, 16),
      account: me,
      kind: "warn",
      atMs: NOW_MS,
    } as const;
    const encoded = encodeSanction(sanction, small.realm, root.sign);
    expect(decodeSanction(encoded, small.realm, root.publicKey, verify)).toEqual(sanction);
  });
});
