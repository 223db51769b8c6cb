import {
  askMac,
  decodeAsk,
  decodeSanction,
  deskBox,
  encodeAsk,
  encodeNote,
  encodeSanction,
  enrolmentContext,
  enrolmentText,
  noteContext,
  parseDeviceId,
  type Sanction,
  sanctionKinds,
  seal,
  unseal,
} from "@sotto/protocol";
import { describe, expect, test } from "vitest";
import { accountOf, EPOCH, NOW_MS, SmallRealm, secretOf } from "../../support/franking/realm.js";
import { clientVerify, signerOf } from "../../support/franking/signatures.js";
import { refusal } from "../refusal.js";
import { hex } from "../spelling.js";

const { realm } = new SmallRealm();
const other = new SmallRealm("other").realm;
const account = accountOf("A");
const speaker = { account, device: parseDeviceId(2) };
const deskKey = secretOf("desk key");

describe("an ask", () => {
  const keys = Array.from({ length: 32 }, (_, at) => secretOf(`key ${at}`));
  const body = { epoch: EPOCH, keys };
  const by = { realm, speaker, deskKey };
  const ask = decodeAsk(encodeAsk("tokens", body, by));

  test("bears a MAC under the device's key over all that it says; an enrolment bears none", () => {
    expect(ask.mac).toEqual(askMac(deskKey, realm, speaker, ask));
    const sealed = decodeAsk(encodeAsk("enrol", { key: new Uint8Array(8), sealed: Uint8Array.of(1) }));
    expect(sealed.mac).toBeUndefined();
  });

  test("has another MAC for another key, realm, account, device, topic or body", () => {
    const macs = [
      askMac(deskKey, realm, speaker, ask),
      askMac(secretOf("other"), realm, speaker, ask),
      askMac(deskKey, other, speaker, ask),
      askMac(deskKey, realm, { ...speaker, account: accountOf("B") }, ask),
      askMac(deskKey, realm, { ...speaker, device: parseDeviceId(3) }, ask),
      askMac(deskKey, realm, speaker, { ...ask, topic: "notes" }),
      askMac(deskKey, realm, speaker, { ...ask, body: ask.body.subarray(1) }),
    ].map(hex);
    expect(new Set(macs).size).toBe(macs.length);
  });

  test("for tokens always names as many keys", () => {
    for (const count of [0, 1, 31, 33]) {
      const few = Array.from({ length: count }, (_, at) => secretOf(`key ${at}`));
      expect(refusal(() => encodeAsk("tokens", { ...body, keys: few }, by))).toBe("invalidArgument");
    }
  });
});

test("an enrolment is signed and sealed for one device of one account of one realm", () => {
  const { publicKey: box } = deskBox(secretOf("identity"));
  const said = { deskKey, box };
  const moved = { ...speaker, device: parseDeviceId(3) };
  const texts = [
    enrolmentText(realm, speaker, said),
    enrolmentText(other, speaker, said),
    enrolmentText(realm, { ...speaker, account: accountOf("B") }, said),
    enrolmentText(realm, moved, said),
    enrolmentText(realm, speaker, { ...said, deskKey: secretOf("x") }),
    enrolmentText(realm, speaker, { ...said, box: deskBox(secretOf("x")).publicKey }),
    enrolmentContext(realm, speaker),
    enrolmentContext(other, speaker),
    enrolmentContext(realm, moved),
  ].map(hex);
  expect(new Set(texts).size).toBe(texts.length);
});

test("a note opens on the account's devices alone, and only as the note it is", () => {
  const identity = secretOf("identity");
  const box = deskBox(identity);
  expect(deskBox(identity)).toEqual(box);
  const id = secretOf("note").subarray(0, 16);
  const note = encodeNote({ atMs: NOW_MS, kind: "receipt", about: id, stage: "new", outcome: "open" });
  const sealed = seal(box.publicKey, noteContext(realm, account, id), note);
  expect(unseal(deskBox(identity).secretKey, noteContext(realm, account, id), sealed)).toEqual(note);
  expect(unseal(deskBox(secretOf("x")).secretKey, noteContext(realm, account, id), sealed)).toBeUndefined();
  expect(unseal(box.secretKey, noteContext(realm, accountOf("B"), id), sealed)).toBeUndefined();
  expect(unseal(box.secretKey, noteContext(realm, account, secretOf("x").subarray(0, 16)), sealed)).toBeUndefined();
});

describe("a sanction", () => {
  const desk = signerOf(secretOf("desk signer"));
  const sanction: Sanction = {
    id: secretOf("sanction").subarray(0, 16),
    account,
    kind: "mute",
    untilMs: NOW_MS + 1,
    atMs: NOW_MS,
  };
  const encoded = encodeSanction(sanction, realm, desk.sign);

  test("reads back as the desk signed it, of every kind", () => {
    for (const kind of sanctionKinds) {
      const bytes = encodeSanction({ ...sanction, kind }, realm, desk.sign);
      expect(decodeSanction(bytes, realm, desk.publicKey, clientVerify)).toEqual({ ...sanction, kind });
    }
  });

  test("is refused in another realm, by another signer, and with a byte changed", () => {
    expect(refusal(() => decodeSanction(encoded, other, desk.publicKey, clientVerify))).toBe("badFrame");
    expect(refusal(() => decodeSanction(encoded, realm, secretOf("x"), clientVerify))).toBe("badFrame");
    for (let at = 0; at < encoded.length; at++) {
      const changed = new Uint8Array(encoded);
      changed[at] = (changed[at] as number) ^ 1;
      expect(
        refusal(() => decodeSanction(changed, realm, desk.publicKey, clientVerify)),
        `byte ${at}`,
      ).toBe("badFrame");
    }
  });
});
