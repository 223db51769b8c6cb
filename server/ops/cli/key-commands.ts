/** `sotto-relay keys …`: every way keys come into being. The two ways through it stand in the help text. */

import { resolve } from "node:path";
import { rootFingerprint } from "@sotto/protocol";
import type { Command } from "commander";
import {
  certifyRequest,
  createKeys,
  installCertificate,
  keyFolder,
  loadKeys,
  requestCertificate,
} from "../../keys/key-folder.js";
import { createRootKey, openRootKey } from "../../keys/root-key.js";
import { OperatorError } from "../operator-error.js";
import type { Settings } from "../settings.js";
import { systemClock } from "../system.js";
import type { Terminal } from "./terminal.js";

const WAYS = `
With the root on this machine (move ROOT-FILE away afterwards):
  sotto-relay keys create ROOT-FILE

With the root on a machine without network (* = there):
  * sotto-relay keys root ROOT-FILE
    sotto-relay keys request REQUEST
  * sotto-relay keys certify ROOT-FILE REQUEST CERTIFICATE
    sotto-relay keys install CERTIFICATE
`;

/** Adds the commands below `keys`. Those of the offline machine read no settings. */
export function addKeyCommands(keys: Command, settings: () => Settings, terminal: Terminal): void {
  const say = (...lines: readonly string[]) => terminal.write(`${lines.join("\n")}\n`);
  const askExisting = () => terminal.askSecret("Passphrase of the root key: ");
  const askNew = async (wrap: boolean | undefined) => {
    if (wrap !== true) return undefined;
    const first = await terminal.askSecret("New passphrase for the root key: ");
    if (process.stdin.isTTY && (await terminal.askSecret("The same again: ")) !== first) {
      throw new OperatorError("The two passphrases differ; nothing was written.", 2);
    }
    return first;
  };
  keys.addHelpText("after", WAYS);

  keys
    .command("show", { isDefault: true })
    .description("print the fingerprint that apps pin")
    .action(async () => {
      const installed = await loadKeys(settings().dataDir);
      if (installed === undefined) throw new OperatorError(`There are no keys in ${keyFolder(settings().dataDir)}.`);
      say(
        `root         ${rootFingerprint(installed.root)}`,
        `installed    ${new Date(installed.installedMs).toISOString()}`,
        installed.origin === "development"
          ? "made by       development mode; nobody holds the root, so do not pin it in a published app"
          : "made by       operator",
      );
    });

  keys
    .command("root")
    .description("make a root key file; the only secret that can stay offline for ever")
    .argument("<root-file>")
    .option("--wrap", "protect the file with a passphrase")
    .action(async (file: string, { wrap }: { wrap?: boolean }) => {
      const root = await createRootKey(resolve(file), await askNew(wrap));
      say(
        `The root key is in ${resolve(file)}${wrap === true ? ", wrapped with the passphrase" : ", NOT wrapped"}.`,
        "Keep it and a copy of it where nobody else gets at them: without it, a stolen relay cannot be replaced under the same root.",
        `Apps pin     ${rootFingerprint(root.publicKey)}`,
      );
    });

  keys
    .command("create")
    .description("make a root key file and this relay's keys in one step")
    .argument("<root-file>")
    .option("--wrap", "protect the file with a passphrase")
    .action(async (file: string, { wrap }: { wrap?: boolean }) => {
      const { dataDir } = settings();
      if ((await loadKeys(dataDir)) !== undefined) {
        throw new OperatorError(
          `There are keys in ${keyFolder(dataDir)} already; to renew them: sotto-relay keys request FILE`,
        );
      }
      const root = await createRootKey(resolve(file), await askNew(wrap));
      await createKeys(dataDir, root, "operator", systemClock.now());
      say(
        `The relay's keys are in ${keyFolder(dataDir)}.`,
        `The root key is in ${resolve(file)}${wrap === true ? ", wrapped with the passphrase" : ", NOT wrapped"}. Move it off this machine now.`,
        `Apps pin     ${rootFingerprint(root.publicKey)}`,
      );
    });

  keys
    .command("request")
    .description("make a certificate key and write the request to have it certified")
    .argument("<request-file>")
    .action(async (file: string) => {
      await requestCertificate(settings().dataDir, resolve(file));
      say(
        `The request is in ${resolve(file)}; it holds no secret. Take it to the machine with the root and run:`,
        "  sotto-relay keys certify ROOT-FILE REQUEST CERTIFICATE",
      );
    });

  keys
    .command("certify")
    .description("sign a request with the root; needs no relay and no network")
    .argument("<root-file>")
    .argument("<request-file>")
    .argument("<certificate-file>")
    .action(async (rootFile: string, request: string, certificate: string) => {
      const root = await openRootKey(resolve(rootFile), askExisting);
      await certifyRequest(root, resolve(request), resolve(certificate));
      say(
        `The certificate is in ${resolve(certificate)}; it holds no secret. Take it to the relay and run:`,
        "  sotto-relay keys install CERTIFICATE",
        `Apps pin     ${rootFingerprint(root.publicKey)}`,
      );
    });

  keys
    .command("install")
    .description("install the certificate that answers this relay's request")
    .argument("<certificate-file>")
    .option("--replace-root", "take a certificate under another root, which apps that pinned the old one refuse")
    .action(async (file: string, { replaceRoot }: { replaceRoot?: boolean }) => {
      const change = replaceRoot === true ? "replaceRoot" : "keepRoot";
      const installed = await installCertificate(settings().dataDir, resolve(file), change, systemClock.now());
      say("Installed. A running relay uses it after a restart.", `Apps pin     ${rootFingerprint(installed.root)}`);
    });
}
