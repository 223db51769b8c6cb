/** `sotto-desk identities …`: accounts that came back under another identity key, and letting one in. */

import { type AccountId, fromHex, parseAccountId, toHex } from "@sotto/protocol";
import type { Terminal } from "../../ops/cli/terminal.js";
import { OperatorError } from "../../ops/operator-error.js";
import type { DeskSettings } from "../settings.js";
import { needDesk, withDesk } from "./at-the-desk.js";

/** Prints every account whose new identity was refused. */
export async function listIdentities(settings: DeskSettings, terminal: Terminal): Promise<void> {
  needDesk(settings.dataDir);
  const refused = await withDesk(settings, (desk) => desk.refusedIdentities());
  if (refused.length === 0) terminal.write("No account came back under another identity.\n");
  for (const { account, key, state } of refused) terminal.write(`${account}  ${toHex(key)}  ${state}\n`);
}

/** Lets one in. @throws OperatorError for what names none. */
export async function allowIdentity(
  settings: DeskSettings,
  typed: { readonly account: string; readonly key: string },
  terminal: Terminal,
): Promise<void> {
  needDesk(settings.dataDir);
  const account = accountOf(typed.account);
  if (!/^[0-9a-f]{64}$/.test(typed.key)) throw new OperatorError("A key is the 64 hex digits that the list shows.", 2);
  await withDesk(settings, (desk) => desk.allowIdentity({ account, key: fromHex(typed.key) }));
  terminal.write(
    `${account} can enrol under this key once the desk runs; what its former devices left here counts no more then. If nobody who uses the account told you that it was reset, this key may be a thief's, or the relay's.\n`,
  );
}

function accountOf(text: string): AccountId {
  try {
    return parseAccountId(text);
  } catch (cause) {
    throw new OperatorError("An account is named as the list shows it.", 2, { cause });
  }
}
