/**
 * What one operation takes with its primitives alone beside it, or the libraries' primitives by themselves. Prints one line of JSON.
 *
 *   frank-work.ts <operation>
 *   frank-work.ts primitives node|noble|tweetnacl
 */

import { createHash, createHmac, generateKeyPairSync, sign, verify } from "node:crypto";
import { ed25519 as noble } from "@noble/curves/ed25519.js";
import { hmac as nobleHmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { ml_kem768_x25519 as xWing } from "@noble/post-quantum/hybrid.js";
import nacl from "tweetnacl";
import { median } from "../statistics.js";
import { type DesignFigure, designFigures, designKeys, type Operation } from "./figures.js";
import { operations } from "./operations.js";

const WARM_UP_MS = 400;
const BATCH_MS = 40;
const BATCHES = 21;

const [what, library] = process.argv.slice(2);
const text = new Uint8Array(200).fill(7);
const key = new Uint8Array(32).fill(9);

/** User and system time of this process so far. */
function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/**
 * Microseconds of CPU that one call of each takes: batches take turns, so that whatever else the machine does hits all of them, and
 * the median of them counts.
 */
function microsOfEach<Name extends string>(works: Readonly<Record<Name, () => unknown>>): Record<Name, number> {
  const rows = (Object.entries(works) as [Name, () => unknown][]).map(([name, work]) => {
    const began = cpuMicros();
    let calls = 0;
    while (cpuMicros() - began < WARM_UP_MS * 1_000 || calls < 3) {
      work();
      calls += 1;
    }
    const perBatch = Math.max(1, Math.round((calls * BATCH_MS) / ((cpuMicros() - began) / 1_000)));
    return { name, work, perBatch, batches: [] as number[] };
  });
  for (let batch = 0; batch < BATCHES; batch++) {
    for (const { work, perBatch, batches } of rows) {
      const began = cpuMicros();
      for (let at = 0; at < perBatch; at++) work();
      batches.push((cpuMicros() - began) / perBatch);
    }
  }
  return Object.fromEntries(rows.map(({ name, batches }) => [name, median(batches)])) as Record<Name, number>;
}

const keygen = {
  openssl: () => generateKeyPairSync("ed25519").publicKey.export({ format: "der", type: "spki" }),
  opensslBusy: () => generateKeyPairSync("ed25519").publicKey.export({ format: "der", type: "spki" }),
  noble: () => noble.getPublicKey(noble.utils.randomSecretKey()),
};

function primitivesOf(library: string | undefined): Record<string, number> {
  switch (library) {
    case "node": {
      const { publicKey, privateKey } = generateKeyPairSync("ed25519");
      const signature = sign(null, text, privateKey);
      return microsOfEach({
        keyMicros: keygen.openssl,
        signMicros: () => sign(null, text, privateKey),
        verifyMicros: () => verify(null, text, publicKey, signature),
        hmacMicros: () => createHmac("sha256", key).update(text).digest(),
        shaMicros: () => createHash("sha256").update(text).digest(),
      });
    }
    case "noble": {
      const publicKey = noble.getPublicKey(key);
      const signature = noble.sign(text, key);
      const pair = xWing.keygen(key);
      const { cipherText } = xWing.encapsulate(pair.publicKey);
      return microsOfEach({
        keyMicros: keygen.noble,
        signMicros: () => noble.sign(text, key),
        verifyMicros: () => noble.verify(signature, text, publicKey, { zip215: true }),
        hmacMicros: () => nobleHmac(sha256, key, text),
        shaMicros: () => sha256(text),
        encapsulateMicros: () => xWing.encapsulate(pair.publicKey),
        decapsulateMicros: () => xWing.decapsulate(cipherText, pair.secretKey),
      });
    }
    case "tweetnacl": {
      const pair = nacl.sign.keyPair.fromSeed(key);
      const signature = nacl.sign.detached(text, pair.secretKey);
      return microsOfEach({
        keyMicros: () => nacl.sign.keyPair(),
        signMicros: () => nacl.sign.detached(text, pair.secretKey),
        verifyMicros: () => nacl.sign.detached.verify(text, signature, pair.publicKey),
      });
    }
    default:
      throw new Error("node, noble or tweetnacl");
  }
}

/** Sotto, its primitives, and the design's figure times how much longer or shorter one key takes here, now. */
function operationOf(operation: Operation): Record<string, number> {
  const { micros, scaledBy }: DesignFigure = designFigures[operation];
  const { run, primitives } = operations[operation]();
  const measured = microsOfEach({ sotto: run, primitives, key: keygen[scaledBy] });
  return {
    sotto: measured.sotto,
    primitives: measured.primitives,
    design: (micros * measured.key) / designKeys[scaledBy],
  };
}

function isOperation(name: string | undefined): name is Operation {
  return name !== undefined && Object.hasOwn(operations, name);
}

if (what !== "primitives" && !isOperation(what)) throw new Error(`no operation is called ${what}`);
process.stdout.write(`${JSON.stringify(what === "primitives" ? primitivesOf(library) : operationOf(what))}\n`);
