/**
 * The relay's own keys, in `keys/` of its data folder (0700, files 0600):
 *
 *   relay.json      root public key, server certificate, private certificate key, relay secret. One file, so that they
 *                   always belong together.
 *   requested.json  the private key of a request that the root has not certified yet.
 *
 * The root's private key is never here. The way of a certificate, where `*` marks the machine that holds the root:
 *
 *   root* ──▶ root file      request ──▶ request file ──certify*──▶ certificate file ──install──▶ relay.json
 */

import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { toHex } from "@sotto/protocol";
import { OperatorError } from "../ops/operator-error.js";
import { certify, isCertifiedBy, newKeyPair, publicKeyOf } from "./certificates.js";
import { type KeyFileForm, privateFolder, readKeyFile, requirePrivateFolder, writeKeyFile } from "./key-file.js";
import { decode, type RootKey } from "./root-key.js";
import type { RelayKeys } from "./signatures.js";

type RelayField = "root" | "serverCertificate" | "certificateKey" | "secret" | "installedAt" | "origin";

const relayForm: KeyFileForm<RelayField> = {
  sotto: "relay keys",
  holds: "relay key file",
  fields: ["root", "serverCertificate", "certificateKey", "secret", "installedAt", "origin"],
  access: "owner",
};

const requestedForm: KeyFileForm<"certificateKey"> = {
  sotto: "requested certificate key",
  holds: "requested certificate key",
  fields: ["certificateKey"],
  access: "owner",
};

const requestForm: KeyFileForm<"publicKey"> = {
  sotto: "certificate request",
  holds: "certificate request",
  fields: ["publicKey"],
  access: "anyone",
};

const certificateForm: KeyFileForm<"root" | "publicKey" | "serverCertificate"> = {
  sotto: "server certificate",
  holds: "server certificate",
  fields: ["root", "publicKey", "serverCertificate"],
  access: "anyone",
};

/** Who made the keys: `development` = made by a relay in development mode, whose root nobody keeps. */
export type KeyOrigin = "operator" | "development";

/** The relay's keys with what is known of them. */
export interface InstalledKeys extends RelayKeys {
  readonly installedMs: number;
  readonly origin: KeyOrigin;
}

/** The folder of a relay's keys. */
export function keyFolder(dataDir: string): string {
  return join(dataDir, "keys");
}

const relayFile = (dataDir: string) => join(keyFolder(dataDir), "relay.json");
const requestedFile = (dataDir: string) => join(keyFolder(dataDir), "requested.json");

/**
 * The installed keys, or `undefined` if none are.
 *
 * @throws OperatorError if the folder or a file is open to others, damaged, or the certificate is not the root's.
 */
export async function loadKeys(dataDir: string): Promise<InstalledKeys | undefined> {
  await requirePrivateFolder(keyFolder(dataDir));
  const file = relayFile(dataDir);
  const held = await readKeyFile(file, relayForm);
  if (held === undefined) return undefined;
  const keys: InstalledKeys = {
    root: decode(held.root, file),
    serverCertificate: decode(held.serverCertificate, file),
    certificateKey: decode(held.certificateKey, file),
    secret: decode(held.secret, file),
    installedMs: Date.parse(held.installedAt),
    origin: held.origin === "development" ? "development" : "operator",
  };
  if (keys.secret.length !== 32 || !belongTogether(keys)) {
    throw new OperatorError(`${file} is damaged: its keys do not belong together. Restore it from a backup.`);
  }
  return keys;
}

function belongTogether({ root, serverCertificate, certificateKey }: RelayKeys): boolean {
  try {
    return isCertifiedBy(root, serverCertificate, publicKeyOf(certificateKey));
  } catch {
    return false;
  }
}

/**
 * Makes a certificate key, keeps its private half in the key folder and writes a request for the root's holder.
 *
 * @throws OperatorError if `out` exists, or a request is already waiting.
 */
export async function requestCertificate(dataDir: string, out: string): Promise<void> {
  await privateFolder(keyFolder(dataDir));
  if ((await readKeyFile(requestedFile(dataDir), requestedForm)) !== undefined) {
    throw new OperatorError(
      `A request is already waiting for its certificate. Install that one, or delete ${requestedFile(dataDir)} to start over.`,
    );
  }
  const { privateKey, publicKey } = newKeyPair();
  await writeKeyFile(out, requestForm, { publicKey: toHex(publicKey) }, "create");
  await writeKeyFile(requestedFile(dataDir), requestedForm, { certificateKey: toHex(privateKey) }, "create");
}

/**
 * Answers a request with a certificate under the root. Needs no relay and no network.
 *
 * @throws OperatorError if the request does not exist or parse, or `out` exists.
 */
export async function certifyRequest(root: RootKey, requestFile: string, out: string): Promise<void> {
  const request = await readKeyFile(requestFile, requestForm);
  if (request === undefined) throw new OperatorError(`There is no certificate request at ${requestFile}.`);
  let certificate: Uint8Array;
  try {
    certificate = certify(root.privateKey, decode(request.publicKey, requestFile));
  } catch (cause) {
    throw new OperatorError(`${requestFile} is damaged: it holds no public key.`, 1, { cause });
  }
  const values = {
    root: toHex(root.publicKey),
    publicKey: request.publicKey,
    serverCertificate: toHex(certificate),
  };
  await writeKeyFile(out, certificateForm, values, "create");
}

/** Whether an installed root may be replaced by another, which every app that pinned it then refuses. */
export type RootChange = "keepRoot" | "replaceRoot";

/**
 * Installs the certificate that answers the waiting request. The relay's secret stays; the relay uses it after a restart.
 *
 * @throws OperatorError if it answers another request, its root did not sign it, or it would change the root unasked.
 */
export async function installCertificate(
  dataDir: string,
  certificateFile: string,
  change: RootChange,
  nowMs: number,
): Promise<InstalledKeys> {
  await requirePrivateFolder(keyFolder(dataDir));
  const answer = await readKeyFile(certificateFile, certificateForm);
  if (answer === undefined) throw new OperatorError(`There is no certificate at ${certificateFile}.`);
  const requested = await readKeyFile(requestedFile(dataDir), requestedForm);
  if (requested === undefined) {
    throw new OperatorError(
      "No request of this relay waits for a certificate; make one with: sotto-relay keys request FILE",
    );
  }
  const installed = await loadKeys(dataDir);
  const keys: InstalledKeys = {
    root: decode(answer.root, certificateFile),
    serverCertificate: decode(answer.serverCertificate, certificateFile),
    certificateKey: decode(requested.certificateKey, requestedFile(dataDir)),
    secret: installed?.secret ?? randomBytes(32),
    installedMs: nowMs,
    origin: "operator",
  };
  if (!belongTogether(keys)) {
    throw new OperatorError(`${certificateFile} does not answer this relay's request, or its root did not sign it.`);
  }
  if (installed !== undefined && change === "keepRoot" && toHex(installed.root) !== toHex(keys.root)) {
    throw new OperatorError(
      "This certificate is under another root than the one in use. Every app that pinned the old root would refuse this relay; if that is meant, add --replace-root.",
    );
  }
  await save(dataDir, keys, "replace");
  await rm(requestedFile(dataDir), { force: true });
  return keys;
}

/**
 * Makes and installs keys under a root in one step, for a machine where the root is at hand.
 *
 * @throws OperatorError if keys are installed already.
 */
export async function createKeys(
  dataDir: string,
  root: RootKey,
  origin: KeyOrigin,
  nowMs: number,
): Promise<InstalledKeys> {
  await privateFolder(keyFolder(dataDir));
  const { privateKey, publicKey } = newKeyPair();
  const keys: InstalledKeys = {
    root: root.publicKey,
    serverCertificate: certify(root.privateKey, publicKey),
    certificateKey: privateKey,
    secret: randomBytes(32),
    installedMs: nowMs,
    origin,
  };
  await save(dataDir, keys, "create");
  return keys;
}

async function save(dataDir: string, keys: InstalledKeys, mode: "create" | "replace"): Promise<void> {
  const values = {
    root: toHex(keys.root),
    serverCertificate: toHex(keys.serverCertificate),
    certificateKey: toHex(keys.certificateKey),
    secret: toHex(keys.secret),
    installedAt: new Date(keys.installedMs).toISOString(),
    origin: keys.origin,
  };
  await writeKeyFile(relayFile(dataDir), relayForm, values, mode);
}
