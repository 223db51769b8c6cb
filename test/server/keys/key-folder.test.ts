import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PublicKey, SenderCertificate } from "@signalapp/libsignal-client";
import { parseAccountId, parseDeviceId, toHex } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { newKeyPair, ownBytes } from "../../../server/keys/certificates.js";
import {
  certifyRequest,
  createKeys,
  installCertificate,
  keyFolder,
  loadKeys,
  requestCertificate,
} from "../../../server/keys/key-folder.js";
import { createRootKey, openRootKey } from "../../../server/keys/root-key.js";
import { createSignatures, type RelayKeys } from "../../../server/keys/signatures.js";
import { OperatorError } from "../../../server/ops/operator-error.js";
import { temporaryFolders } from "../ops/temporary-folder.js";

const newFolder = temporaryFolders();
const NOW = Date.parse("2026-06-01T12:00:00Z");
const never = () => Promise.reject(new Error("asked for a passphrase"));

/** Whether certificates made with these keys validate under a root, as a recipient's libsignal sees it. */
function validatesUnder(keys: RelayKeys, root: Uint8Array): boolean {
  const issued = createSignatures(keys).issueCertificate({
    account: parseAccountId("9d0652a3-dcc3-4d11-975f-74d61598733f"),
    device: parseDeviceId(1),
    identityKey: newKeyPair().publicKey,
    role: "person",
    expiresMs: NOW + 1_000,
  });
  return SenderCertificate.deserialize(ownBytes(issued)).validate(PublicKey.deserialize(ownBytes(root)), NOW);
}

/** The whole way with the root elsewhere. Answers the files in between. */
async function certifyOffline(dataDir: string, away: string, rootFile: string): Promise<string> {
  const name = join(away, `step-${readdirSync(away).length}`);
  await requestCertificate(dataDir, `${name}.request`);
  await certifyRequest(await openRootKey(rootFile, never), `${name}.request`, `${name}.certificate`);
  return `${name}.certificate`;
}

describe("a root that stays offline", () => {
  it("certifies a relay that never sees its private half", async () => {
    const [dataDir, away] = [newFolder(), newFolder()];
    const root = await createRootKey(join(away, "root"), undefined);
    await installCertificate(dataDir, await certifyOffline(dataDir, away, join(away, "root")), "keepRoot", NOW);

    const keys = await loadKeys(dataDir);
    expect(keys).toBeDefined();
    if (keys === undefined) return;
    expect(toHex(keys.root)).toBe(toHex(root.publicKey));
    expect(validatesUnder(keys, root.publicKey)).toBe(true);
    expect(validatesUnder(keys, newKeyPair().publicKey)).toBe(false);
    expect(readdirSync(keyFolder(dataDir))).toEqual(["relay.json"]);
    const held = readFileSync(join(keyFolder(dataDir), "relay.json"), "utf8");
    expect(held).not.toContain(toHex(root.privateKey));
  });

  it("renews the certificate key and leaves root and secret as they are", async () => {
    const [dataDir, away] = [newFolder(), newFolder()];
    await createRootKey(join(away, "root"), undefined);
    const first = await installCertificate(
      dataDir,
      await certifyOffline(dataDir, away, join(away, "root")),
      "keepRoot",
      NOW,
    );
    const second = await installCertificate(
      dataDir,
      await certifyOffline(dataDir, away, join(away, "root")),
      "keepRoot",
      NOW + 1,
    );
    expect(toHex(second.secret)).toBe(toHex(first.secret));
    expect(toHex(second.root)).toBe(toHex(first.root));
    expect(toHex(second.certificateKey)).not.toBe(toHex(first.certificateKey));
    expect(validatesUnder(second, first.root)).toBe(true);
  });

  it("is replaced by another only when that is asked for by name", async () => {
    const [dataDir, away] = [newFolder(), newFolder()];
    await createRootKey(join(away, "one"), undefined);
    await createRootKey(join(away, "two"), undefined);
    const first = await installCertificate(
      dataDir,
      await certifyOffline(dataDir, away, join(away, "one")),
      "keepRoot",
      NOW,
    );
    const other = await certifyOffline(dataDir, away, join(away, "two"));
    await expect(installCertificate(dataDir, other, "keepRoot", NOW)).rejects.toThrow("--replace-root");
    expect(toHex((await loadKeys(dataDir))?.root ?? new Uint8Array())).toBe(toHex(first.root));
    const replaced = await installCertificate(dataDir, other, "replaceRoot", NOW);
    expect(toHex(replaced.root)).not.toBe(toHex(first.root));
    expect(toHex(replaced.secret)).toBe(toHex(first.secret));
  });

  it("does not certify one relay with the answer to another's request", async () => {
    const [mine, theirs, away] = [newFolder(), newFolder(), newFolder()];
    await createRootKey(join(away, "root"), undefined);
    const answer = await certifyOffline(theirs, away, join(away, "root"));
    await requestCertificate(mine, join(away, "request"));
    await expect(installCertificate(mine, answer, "keepRoot", NOW)).rejects.toThrow(
      "does not answer this relay's request",
    );
    expect(await loadKeys(mine)).toBeUndefined();
  });

  it("is not claimed by a certificate that another root signed", async () => {
    const [dataDir, away] = [newFolder(), newFolder()];
    await createRootKey(join(away, "forger"), undefined);
    const answer = await certifyOffline(dataDir, away, join(away, "forger"));
    const forged = { ...JSON.parse(readFileSync(answer, "utf8")), root: toHex(newKeyPair().publicKey) };
    writeFileSync(answer, JSON.stringify(forged));
    await expect(installCertificate(dataDir, answer, "keepRoot", NOW)).rejects.toThrow(OperatorError);
  });

  it("waits for one request at a time", async () => {
    const [dataDir, away] = [newFolder(), newFolder()];
    await requestCertificate(dataDir, join(away, "request"));
    await expect(requestCertificate(dataDir, join(away, "second"))).rejects.toThrow("already waiting");
  });
});

describe("a root key file", () => {
  it("opens with its passphrase only, and does not hold the key in the clear", async () => {
    const file = join(newFolder(), "root");
    const root = await createRootKey(file, "correct horse battery");
    expect(readFileSync(file, "utf8")).not.toContain(toHex(root.privateKey));
    await expect(openRootKey(file, () => Promise.resolve("wrong horse battery"))).rejects.toThrow(
      "passphrase does not open",
    );
    const opened = await openRootKey(file, () => Promise.resolve("correct horse battery"));
    expect(toHex(opened.privateKey)).toBe(toHex(root.privateKey));
  });

  it("is never overwritten, and wants a passphrase worth the name", async () => {
    const file = join(newFolder(), "root");
    await expect(createRootKey(file, "short")).rejects.toThrow("at least 12");
    await createRootKey(file, undefined);
    const before = readFileSync(file, "utf8");
    await expect(createRootKey(file, undefined)).rejects.toThrow("exists already");
    expect(readFileSync(file, "utf8")).toBe(before);
    expect(readdirSync(join(file, ".."))).toEqual(["root"]);
  });

  it("is refused with halves that do not belong together", async () => {
    const file = join(newFolder(), "root");
    await createRootKey(file, undefined);
    const swapped = { ...JSON.parse(readFileSync(file, "utf8")), publicKey: toHex(newKeyPair().publicKey) };
    writeFileSync(file, JSON.stringify(swapped));
    await expect(openRootKey(file, never)).rejects.toThrow("do not belong together");
  });
});

describe("the key folder", () => {
  const madeKeys = async () => {
    const dataDir = newFolder();
    await createKeys(dataDir, newKeyPair(), "operator", NOW);
    return dataDir;
  };
  const posix = process.platform !== "win32";

  it("has no keys where none were installed", async () => {
    expect(await loadKeys(newFolder())).toBeUndefined();
  });

  it.runIf(posix)("is its owner's alone, and so is every file in it", async () => {
    const dataDir = await madeKeys();
    expect(statSync(keyFolder(dataDir)).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(keyFolder(dataDir))) {
      expect(statSync(join(keyFolder(dataDir), name)).mode & 0o777).toBe(0o600);
    }
  });

  it.runIf(posix)("is refused when it or a file is open to others, with the command that mends it", async () => {
    const dataDir = await madeKeys();
    const file = join(keyFolder(dataDir), "relay.json");
    chmodSync(file, 0o640);
    await expect(loadKeys(dataDir)).rejects.toThrow(`chmod 600 ${file}`);
    chmodSync(file, 0o600);
    chmodSync(keyFolder(dataDir), 0o750);
    await expect(loadKeys(dataDir)).rejects.toThrow(`chmod 700 ${keyFolder(dataDir)}`);
  });

  it("is never given new keys over old ones", async () => {
    const dataDir = await madeKeys();
    const before = await loadKeys(dataDir);
    await expect(createKeys(dataDir, newKeyPair(), "development", NOW)).rejects.toThrow("exists already");
    expect(await loadKeys(dataDir)).toEqual(before);
  });

  it.each(["root", "serverCertificate", "certificateKey", "secret"])(
    "is refused when %s was changed",
    async (field) => {
      const dataDir = await madeKeys();
      const file = join(keyFolder(dataDir), "relay.json");
      const held = JSON.parse(readFileSync(file, "utf8"));
      const others = {
        root: toHex(newKeyPair().publicKey),
        certificateKey: toHex(newKeyPair().privateKey),
        serverCertificate: "00",
        secret: "00",
      };
      writeFileSync(
        file,
        JSON.stringify({ ...held, ...Object.fromEntries(Object.entries(others).filter(([key]) => key === field)) }),
      );
      await expect(loadKeys(dataDir)).rejects.toThrow("damaged");
    },
  );

  it.each(["", "not json", "{}", '{"sotto":"root key","version":1}'])(
    "is refused when a file holds %j",
    async (content) => {
      const dataDir = await madeKeys();
      writeFileSync(join(keyFolder(dataDir), "relay.json"), content);
      await expect(loadKeys(dataDir)).rejects.toThrow(OperatorError);
    },
  );
});
