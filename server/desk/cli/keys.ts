/** `sotto-desk keys …`: what others must know of this desk, what a second machine verifies with, and what to do after a theft. */

import { resolve } from "node:path";
import { epochOf } from "@sotto/protocol";
import type { Terminal } from "../../ops/cli/terminal.js";
import { OperatorError } from "../../ops/operator-error.js";
import { systemClock } from "../../ops/system.js";
import type { DeskSettings } from "../settings.js";
import { keysIn, writeVerifyKeys } from "../verify/keys.js";
import { needDesk, withDesk, withTables } from "./at-the-desk.js";

/** Prints the public halves. A data folder without a desk gets one, so that the relay can be told before the first start. */
export async function showKey(settings: DeskSettings, terminal: Terminal): Promise<void> {
  const { linkKey, fingerprint, realm, signer } = await withDesk(settings, async (desk) => desk.publicInfo);
  terminal.write(
    [
      `SOTTO_DESK_KEY=${linkKey}    (a setting of the relay)`,
      `realm        ${fingerprint}   (what apps pin)`,
      `realm id     ${realm}`,
      `signer       ${signer}`,
      "",
    ].join("\n"),
  );
}

/** Writes the keys that `verify-report` takes. */
export async function exportKeys({ dataDir }: DeskSettings, file: string, terminal: Terminal): Promise<void> {
  const path = resolve(file);
  const keys = await withTables(dataDir, (tables) => keysIn(tables));
  await writeVerifyKeys(path, keys);
  terminal.write(
    `The keys of ${keys.accountKeys.size} days are in ${path}. Whoever reads it can make reports that verify: keep it off every network, and delete it when you are done.\n`,
  );
}

/** Has the tokens of an epoch count no more from a time on; sending waits for the next epoch then. @throws OperatorError for what is no epoch or no time. */
export async function revokeEpoch(
  settings: DeskSettings,
  typed: { readonly epoch: string; readonly from: string | undefined },
  terminal: Terminal,
): Promise<void> {
  needDesk(settings.dataDir);
  const epoch = /^\d{1,9}$/.test(typed.epoch) ? Number(typed.epoch) : undefined;
  const fromMs = typed.from === undefined ? systemClock.now() : Date.parse(typed.from);
  if (epoch === undefined) {
    throw new OperatorError(`An epoch is a number; today's is ${epochOf(systemClock.now())}.`, 2);
  }
  if (Number.isNaN(fromMs)) throw new OperatorError("A time is written 2026-01-31T12:00:00Z.", 2);
  await withDesk(settings, (desk) => desk.revokeEpoch(epoch, fromMs));
  terminal.write(
    `Tokens of epoch ${epoch} count no more in what the relay takes after ${new Date(fromMs).toISOString()}. Clients hear of it once the desk runs; nobody can send under that epoch from then on.\n`,
  );
}
