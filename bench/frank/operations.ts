/** The operations that are measured, and beside each the calls to primitives that it cannot do without, on inputs of the same sizes. */

import { createHash, createHmac, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { ed25519 as noble } from "@noble/curves/ed25519.js";
import { ml_kem768_x25519 as xWing } from "@noble/post-quantum/hybrid.js";
import {
  type AccountId,
  accountTag,
  type ConversationId,
  checkFrank,
  decodeHeadLayer,
  decodeWordsLayer,
  encodeHeadLayer,
  encodeWordsLayer,
  groupRoster,
  headLayerHash,
  inspectHead,
  inspectHeads,
  inspectWords,
  layerContext,
  makeFrank,
  seal,
  stamper,
  toHex,
  tokenHash,
  tokenText,
  unseal,
} from "@sotto/protocol";
import { isSoundKey, signingKeyOf } from "../../server/desk/keys/ed25519.js";
import "../../sdk/node/platform.js";
import { accountOf, EPOCH, evidenceOf, SmallRealm, secretOf } from "../../test/support/franking/realm.js";
import { reportOf, wordsItemOf } from "../../test/support/franking/reports.js";
import { sealedReportOf } from "../../test/support/franking/sealed.js";
import { clientVerify } from "../../test/support/franking/signatures.js";
import type { Operation } from "./figures.js";

/** One operation: what Sotto does, and the primitives alone. */
export interface Measured {
  run(): unknown;
  primitives(): unknown;
}

const BODY = "All measured messages carry a thousand bytes of text. ".repeat(20).slice(0, 1_000);
const small = new SmallRealm();
const sender = small.device("S");
const me = accountOf("A");
const content = small.text(sender, me, BODY);
const sent = small.send(sender, me, content);
const evidence = evidenceOf(small.check(sent, me));
const { realm } = small;
const key = secretOf("key");
const [short, long] = [new Uint8Array(200), sent.committed];
const pair = generateKeyPairSync("ed25519");
const signature = sign(null, short, pair.privateKey);
const publicJwk = pair.publicKey.export({ format: "jwk" });
const nobleKey = noble.utils.randomSecretKey();
const noblePublic = noble.getPublicKey(nobleKey);
const nobleSignature = noble.sign(short, nobleKey);
const xKeys = xWing.keygen(secretOf("x-wing"));
const sealedTo = xWing.encapsulate(xKeys.publicKey);

const audience = { kind: "account", account: me } as const;
const issuerKey = small.issuer().publicKey;
/** More than a library keeps parsed: in life, too, hardly any message bears a token that was there before. */
const devices = Array.from({ length: 130 }, (_, at) => small.device("S", { key: `token ${at}` }));
const messages = devices.map((device) => small.send(device, me, content));
let turn = 0;
const next = <T>(list: readonly T[]): T => list[turn++ % list.length] as T;

const hmac = (bytes: Uint8Array = short) => createHmac("sha256", key).update(bytes).digest();
const sha = (bytes: Uint8Array = short) => createHash("sha256").update(bytes).digest();
const times = (count: number, work: () => unknown) => {
  for (let at = 0; at < count; at++) work();
};
const nodeSign = () => sign(null, short, pair.privateKey);
const nodeVerify = () => verify(null, short, pair.publicKey, signature);
const nobleVerify = () => noble.verify(nobleSignature, short, noblePublic, { zip215: true });
const soundKey = () => noble.Point.fromBytes(noblePublic, false).isSmallOrder();
const encapsulate = () => xWing.encapsulate(xKeys.publicKey);
const decapsulate = () => xWing.decapsulate(sealedTo.cipherText, xKeys.secretKey);

/** Every operation. */
export const operations: Readonly<Record<Operation, () => Measured>> = {
  issue() {
    const issuer = signingKeyOf(secretOf("issuer"));
    const { publicKey } = sender.token;
    return {
      run() {
        if (!isSoundKey(publicKey)) throw new Error("a sound key");
        const terms = { epoch: EPOCH, publicKey };
        const tag = accountTag(key, realm, sender, terms);
        return issuer.sign(tokenText(realm, sender, tokenHash(realm, terms, tag)));
      },
      primitives() {
        soundKey();
        hmac();
        sha();
        nodeSign();
      },
    };
  },
  frank: () => ({
    run() {
      const { token, key: signer } = next(devices);
      const { committed } = sent;
      makeFrank({ realm, speaker: sender, token, secret: key, committed, audience, sign: signer.sign });
    },
    primitives() {
      // Four derived keys, salt and leaf of the roster, the words, the issuer's signature, the commitment; token and text.
      times(8, hmac);
      hmac(long);
      times(2, sha);
      nodeSign();
    },
  }),
  stamp() {
    const make = stamper(key, realm);
    const about = { commitment: sent.commitment, recipient: new Uint8Array(16), acceptedMs: sent.acceptedMs };
    return { run: () => make(about), primitives: () => hmac() };
  },
  verify: () => ({
    run() {
      const { frank, commitment, committed, acceptedMs } = next(messages);
      const { stamp } = evidence.head;
      const checked = checkFrank({
        ...{ realm, speaker: sender, me, audience, committed, frank, commitment, acceptedMs, stamp },
        ...{ nowMs: acceptedMs, minVersion: 1, verify: clientVerify },
        epochKey: () => issuerKey,
        isRevoked: () => false,
      });
      if (checked.kind !== "genuine") throw new Error("genuine");
    },
    primitives() {
      times(8, hmac);
      hmac(long);
      times(3, sha);
      nodeVerify();
      verify(null, short, createPublicKey({ key: publicJwk, format: "jwk" }), signature);
    },
  }),
  head() {
    const keys = small.headKeys();
    return {
      run() {
        if (inspectHead(evidence.head, keys).kind !== "verified") throw new Error("verified");
      },
      primitives() {
        soundKey();
        nobleVerify();
        times(4, hmac);
        times(3, sha);
      },
    };
  },
  body() {
    const words = wordsItemOf(evidence, sent);
    const item = { role: "reported", head: evidence.head } as const;
    return {
      run() {
        if (inspectWords(words, item, realm).kind !== "verified") throw new Error("verified");
      },
      primitives: () => hmac(long),
    };
  },
  report1: () => reporting(1),
  report6: () => reporting(6),
  triage1: () => triaging(1),
  triage6: () => triaging(6),
  open1: () => opening(1),
  open6: () => opening(6),
  roster33: () => roster(33),
  roster257: () => roster(257),
  roster1000: () => roster(1_000),
};

function sealedOf(messages: number) {
  const made = sealedReportOf(small, sender, me);
  const report = reportOf(
    small,
    { reporter: me, accused: sender },
    Array.from({ length: messages }, () => BODY),
  );
  const heads = encodeHeadLayer(report.heads);
  const about = { id: made.id, reporter: me };
  const headsContext = layerContext(realm, { ...about, layer: "heads" });
  const wordsContext = layerContext(realm, { ...about, layer: "words", headHash: headLayerHash(heads) });
  return { ...made, report, heads, headsContext, wordsContext };
}

function reporting(messages: number): Measured {
  const { report, triage, team, id } = sealedOf(messages);
  return {
    run() {
      const heads = encodeHeadLayer(report.heads);
      const about = { id, reporter: me };
      seal(triage.publicKey, layerContext(realm, { ...about, layer: "heads" }), heads);
      const headHash = headLayerHash(heads);
      const words = encodeWordsLayer({ ...report.words, headHash });
      seal(team.publicKey, layerContext(realm, { ...about, layer: "words", headHash }), words);
    },
    primitives: () => times(2, encapsulate),
  };
}

function triaging(messages: number): Measured {
  const { report, triage, headsContext } = sealedOf(messages);
  const sealed = seal(triage.publicKey, headsContext, encodeHeadLayer(report.heads));
  const keys = small.headKeys();
  return {
    run() {
      const opened = unseal(triage.secretKey, headsContext, sealed);
      if (opened === undefined) throw new Error("opens");
      const verdicts = inspectHeads(decodeHeadLayer(opened), me, keys);
      if (verdicts.some(({ kind }) => kind !== "verified")) throw new Error("verified");
    },
    primitives() {
      decapsulate();
      times(messages, soundKey);
      times(messages, nobleVerify);
    },
  };
}

function opening(messages: number): Measured {
  const { report, team, wordsContext } = sealedOf(messages);
  const sealed = seal(team.publicKey, wordsContext, encodeWordsLayer(report.words));
  return {
    run() {
      const opened = unseal(team.secretKey, wordsContext, sealed);
      if (opened === undefined) throw new Error("opens");
      for (const [at, words] of decodeWordsLayer(opened).items.entries()) {
        const item = report.heads.items[at];
        if (item === undefined || inspectWords(words, item, realm).kind !== "verified") throw new Error("verified");
      }
    },
    primitives() {
      decapsulate();
      times(messages, () => hmac(long));
    },
  };
}

function roster(count: number): Measured {
  const group = toHex(secretOf("group").subarray(0, 16)) as ConversationId;
  const members: AccountId[] = Array.from({ length: count }, (_, at) => accountOf(`member ${at}`));
  const width = 2 ** Math.ceil(Math.log2(count));
  return {
    run: () => groupRoster(realm, { group, revision: 7, head: key }, members),
    primitives() {
      times(count * 2 + width - count, hmac);
      times(width - 1, sha);
    },
  };
}
