/** The issuer: who gets tokens, for which keys, and how often. */

import { createHash, randomBytes } from "node:crypto";
import { ED25519_TORSION_SUBGROUP } from "@noble/curves/ed25519.js";
import {
  accountIdFromBytes,
  deskKeyId,
  EPOCH_MS,
  encodeAsk,
  epochKeyOf,
  epochOf,
  fromHex,
  TOKENS_PER_BATCH,
  tokenHash,
  tokenText,
} from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { isSoundKey, signingKeyOf, verifySignature } from "../../../server/desk/index.js";
import { openDesk, realmOfDesk, someone } from "./desk-of.js";

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());
const freshKeys = (count = TOKENS_PER_BATCH) =>
  Array.from({ length: count }, () => signingKeyOf(randomBytes(32)).publicKey);

describe("enrolment", () => {
  it("is by the identity key, and pins it", async () => {
    const test = await openDesk();
    const alice = someone();
    expect(await alice.enrol(test)).toEqual({ kind: "enrolled" });
    expect(await someone(alice.account, 2).enrol(test)).toMatchObject({ kind: "refused", reason: "identityMoved" });
    expect(await alice.enrol(test)).toEqual({ kind: "enrolled" });
    expect(await alice.tokens(test)).toHaveLength(TOKENS_PER_BATCH);
  });

  it("is refused to whoever does not hold the identity key", async () => {
    const test = await openDesk();
    const alice = someone();
    const claimed = alice.identity.getPublicKey().serialize();
    expect(await someone(alice.account).enrol(test, undefined, claimed)).toMatchObject({ reason: "badAsk" });
    expect(await alice.enrol(test)).toEqual({ kind: "enrolled" });
  });

  it("in development mode an identity may move, the former devices are forgotten, and the log says so", async () => {
    const test = await openDesk({ mode: "development" });
    const alice = someone();
    await alice.enrol(test);
    const reset = someone(alice.account, 2);
    expect(await reset.enrol(test)).toEqual({ kind: "enrolled" });
    expect(await alice.ask(test, "notes", { after: 0 })).toMatchObject({ reason: "unknownDevice" });
    expect(test.rows.dump().toString("latin1")).toContain('"what":"identityMoved"');
  });

  it("of another identity is let in once the operator allows that very key, and no other", async () => {
    let test = await openDesk();
    const alice = someone();
    await alice.enrol(test);
    const reset = someone(alice.account, 2);
    expect(await test.desk.refusedIdentities()).toEqual([]);
    expect(await reset.enrol(test)).toMatchObject({ reason: "identityMoved" });
    const [refused] = await test.desk.refusedIdentities();
    if (refused === undefined) throw new Error("nothing was kept");
    expect(refused).toMatchObject({ account: alice.account, state: "refused" });
    expect(refused.key).toEqual(sha256(reset.identity.getPublicKey().serialize()));
    await expect(test.desk.allowIdentity({ ...refused, key: new Uint8Array(32) })).rejects.toMatchObject({
      code: "notFound",
    });
    await test.desk.allowIdentity(refused);
    // It holds over a restart and over what the former identity does meanwhile.
    test = await test.again();
    expect(await alice.enrol(test)).toEqual({ kind: "enrolled" });
    expect(await test.desk.refusedIdentities()).toMatchObject([{ state: "allowed" }]);
    expect(await someone(alice.account, 3).enrol(test)).toMatchObject({ reason: "identityMoved" });
    expect(await reset.enrol(test)).toEqual({ kind: "enrolled" });
    expect(await alice.ask(test, "notes", { after: 0 })).toMatchObject({ reason: "unknownDevice" });
    expect(await alice.enrol(test)).toMatchObject({ reason: "identityMoved" });
    expect((await test.desk.refusedIdentities())[0]?.key).toEqual(sha256(alice.identity.getPublicKey().serialize()));
    const log = test.rows.dump().toString("latin1");
    for (const what of ["identityRefused", "identityAllowed", "identityMoved"])
      expect(log).toContain(`"what":"${what}"`);
  });

  it("a host's word moves an identity of the same person, and of nobody else", async () => {
    const hostToken = async (token: string) => {
      if (token.startsWith("bad")) throw new Error("no");
      return token;
    };
    const test = await openDesk({}, { hostToken });
    const alice = someone();
    expect(await alice.enrol(test)).toMatchObject({ reason: "hostToken" });
    expect(await alice.enrol(test, "bad alice")).toMatchObject({ reason: "hostToken" });
    expect(await alice.enrol(test, "alice")).toEqual({ kind: "enrolled" });
    expect(await someone(alice.account).enrol(test, "mallory")).toMatchObject({ reason: "identityMoved" });
    expect(await someone(alice.account).enrol(test, "alice")).toEqual({ kind: "enrolled" });
  });

  it("refuses what was sealed for another account, and what is no enrolment", async () => {
    const test = await openDesk();
    const alice = someone();
    const mallory = someone();
    const stolen = { ...mallory, account: alice.account };
    const key = realmOfDesk(test).manifest.deskKeys[0]?.id ?? deskKeyId(new Uint8Array(8));
    const ask = encodeAsk("enrol", { key, sealed: randomBytes(2_000) });
    expect(await test.desk.asked(stolen.account, alice.device, ask)).toBeInstanceOf(Uint8Array);
    expect(await alice.ask(test, "notes", { after: 0 })).toMatchObject({ reason: "unknownDevice" });
    expect(await alice.ask(test, "enrol", { key, sealed: randomBytes(2_000) })).toMatchObject({ reason: "badAsk" });
  });
});

describe("tokens", () => {
  it("verify under the epoch's published key for that account and device only", async () => {
    const test = await openDesk();
    const alice = someone();
    await alice.enrol(test);
    const [token] = await alice.tokens(test);
    if (token === undefined) throw new Error("no token");
    const issuerKey = epochKeyOf(realmOfDesk(test).manifest, token.epoch, test.nowMs) as Uint8Array;
    const text = (account = alice.account) =>
      tokenText(test.realm, { account, device: alice.device }, tokenHash(test.realm, token, token.accountTag));
    expect(verifySignature(issuerKey, text(), token.signature)).toBe(true);
    expect(verifySignature(issuerKey, text(someone().account), token.signature)).toBe(false);
  });

  it("are answered the same for a batch that is asked for again, which costs nothing", async () => {
    const test = await openDesk({ batchesPerEpoch: 1 });
    const alice = someone();
    await alice.enrol(test);
    const ask = { epoch: epochOf(test.nowMs), keys: freshKeys() };
    const first = await alice.ask(test, "tokens", ask);
    expect(first.kind).toBe("tokens");
    expect(await alice.ask(test, "tokens", ask)).toEqual(first);
    expect(await alice.ask(test, "tokens", { ...ask, keys: freshKeys() })).toMatchObject({ reason: "quota" });
  });

  it("keep to the quota when many batches are asked for at once", async () => {
    const test = await openDesk({ batchesPerEpoch: 2 });
    const alice = someone();
    await alice.enrol(test);
    const epoch = epochOf(test.nowMs);
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => alice.ask(test, "tokens", { epoch, keys: freshKeys() })),
    );
    expect(answers.filter(({ kind }) => kind === "tokens")).toHaveLength(2);
  });

  it("are of the present epoch or the next", async () => {
    const test = await openDesk();
    const alice = someone();
    await alice.enrol(test);
    const present = epochOf(test.nowMs);
    for (const [epoch, kind] of [
      [present - 1, "refused"],
      [present, "tokens"],
      [present + 1, "tokens"],
      [present + 2, "refused"],
    ] as const) {
      expect((await alice.ask(test, "tokens", { epoch, keys: freshKeys() })).kind).toBe(kind);
    }
  });

  it("are refused without the key that the device left here", async () => {
    const test = await openDesk();
    const alice = someone();
    await alice.enrol(test);
    const ask = { epoch: epochOf(test.nowMs), keys: freshKeys() };
    expect(await someone(alice.account).ask(test, "tokens", ask)).toMatchObject({ reason: "unknownDevice" });
    const other = someone(accountIdFromBytes(randomBytes(16)));
    expect(await other.ask(test, "tokens", ask)).toMatchObject({ reason: "unknownDevice" });
  });

  it("are not given for a key that anybody could sign under, or that has two spellings", async () => {
    const test = await openDesk();
    const alice = someone();
    await alice.enrol(test);
    const identity = fromHex(`01${"00".repeat(31)}`);
    const notCanonical = [
      fromHex(`ee${"ff".repeat(30)}7f`),
      fromHex(`01${"00".repeat(30)}80`),
      fromHex("ff".repeat(32)),
    ];
    const weak = [...ED25519_TORSION_SUBGROUP.map(fromHex), identity, ...notCanonical];
    expect(weak.filter(isSoundKey)).toEqual([]);
    for (const key of weak) {
      const ask = { epoch: epochOf(test.nowMs), keys: [key, ...freshKeys(TOKENS_PER_BATCH - 1)] };
      expect(await alice.ask(test, "tokens", ask)).toMatchObject({ reason: "badAsk" });
    }
  });

  it("leave nothing of a batch but names, and those go with the epoch", async () => {
    const test = await openDesk();
    const alice = someone();
    await alice.enrol(test);
    const ask = { epoch: epochOf(test.nowMs), keys: freshKeys() };
    await alice.ask(test, "tokens", ask);
    expect(ask.keys.some((key) => test.rows.dump().includes(Buffer.from(key)))).toBe(false);
    const batches = () => [...test.rows.held.keys()].filter((key) => key.startsWith("batch/"));
    expect(batches()).toHaveLength(1);
    await test.pass(3 * EPOCH_MS);
    expect(batches()).toHaveLength(0);
  });
});
