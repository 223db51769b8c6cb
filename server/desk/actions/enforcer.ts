/** Hands signed sanctions to the relay, again and again until it took them, and keeps what stands against an account. */

import { type AccountId, EPOCH_MS, encodeSanction, epochOf, fromHex, type Sanction } from "@sotto/protocol";
import type { Ledger } from "../audit/ledger.js";
import type { ActionRow } from "../cases/case-file.js";
import type { KeyRing } from "../keys/key-ring.js";
import type { Locks } from "../lock.js";
import type { RelayLink, RowChange } from "../ports.js";
import type { Tables } from "../rows.js";

/** What enforcing works on. */
export interface EnforcerParts {
  readonly tables: Tables;
  readonly ledger: Ledger;
  readonly keys: KeyRing;
  readonly relay: RelayLink;
  readonly locks: Locks;
  now(): number;
}

/** How long what was taken back is repeated: as long as anybody would restore a relay from. */
const LIFTS_REPEATED_MS = 90 * 24 * 3_600_000;

/** Has sanctions carried out. */
export class Enforcer {
  readonly #parts: EnforcerParts;

  constructor(parts: EnforcerParts) {
    this.#parts = parts;
  }

  /** A sanction as the relay takes it: signed by the desk. */
  signed(action: ActionRow): { readonly account: AccountId; readonly sanction: Uint8Array } {
    const { keys } = this.#parts;
    const { id, account, kind, device, lifts, untilMs, atMs } = action;
    const target = lifts === undefined ? {} : { lifts: fromHex(lifts) };
    const sanction: Sanction = { id: fromHex(id), account, kind, device, ...target, untilMs, atMs };
    return { account, sanction: encodeSanction(sanction, keys.realm, keys.signer.sign) };
  }

  /** Hands over what waits, oldest first. Rejects if the relay did not take something; what it took is not handed over again. */
  async run(): Promise<void> {
    const { tables, ledger, relay, locks } = this.#parts;
    const failed: unknown[] = [];
    const waiting = await tables.enforcement.all();
    const actions = await Promise.all(
      waiting.map(async (one) => ({ ...one, action: await tables.action.get(one.key) })),
    );
    // A lift must not come before what it lifts.
    const isLift = ({ action }: (typeof actions)[number]) => (action?.kind === "lift" ? 1 : 0);
    actions.sort((one, other) => (one.action?.atMs ?? 0) - (other.action?.atMs ?? 0) || isLift(one) - isLift(other));
    for (const { key, value } of actions) {
      try {
        await relay.enforce(value.sanction);
      } catch (cause) {
        failed.push(cause);
        continue;
      }
      await locks.hold("cases", async () => {
        // Read again: it may have been lifted while the relay worked.
        const action = await tables.action.get(key);
        const changes: RowChange[] = [tables.enforcement.drop(key)];
        if (action !== undefined) changes.push(tables.action.put(key, { ...action, enforced: "yes" }));
        await ledger.commit(changes);
      });
    }
    if (failed.length > 0) throw failed[0];
  }

  /** Tells the relay again what it carried out: one that was restored from a backup may have lost it, and no other does it twice. */
  async repeat(): Promise<void> {
    const { tables, relay, now } = this.#parts;
    const actions = (await tables.action.all()).map(({ value }) => value).filter((one) => isRepeated(one, now()));
    for (const action of actions) await relay.enforce(this.signed(action).sanction);
  }
}

/** Whether the relay is to be told again: what holds, and what was taken back lately. A device that was removed may have a successor. */
function isRepeated({ kind, state, enforced, untilMs, atMs }: ActionRow, nowMs: number): boolean {
  if (state !== "inForce" || enforced !== "yes" || kind === "warn" || kind === "revokeDevice") return false;
  if (kind === "lift") return nowMs - atMs < LIFTS_REPEATED_MS;
  return untilMs === undefined || nowMs < untilMs;
}

/** What puts an action in force. A warning is words, and needs nobody to carry it out. */
export function inForceChanges(
  tables: Tables,
  action: ActionRow,
  signed: { readonly account: AccountId; readonly sanction: Uint8Array },
): RowChange[] {
  const { id, account, kind, device } = action;
  if (kind === "warn") return [tables.action.put(id, { ...action, state: "inForce", enforced: "yes" })];
  return [
    tables.action.put(id, { ...action, state: "inForce" }),
    tables.standing.put(`${account}/${id}`, { kind, device, untilMs: standingUntilMs(action) }),
    tables.enforcement.put(id, signed),
  ];
}

/** How long the issuer goes by an action. A device that the relay removed may have tokens of this epoch and the next, and its number a successor. */
function standingUntilMs({ kind, untilMs, atMs }: ActionRow): number | undefined {
  return kind === "revokeDevice" ? (epochOf(atMs) + 2) * EPOCH_MS : untilMs;
}

/** What takes an action back. */
export function liftChanges(
  tables: Tables,
  lifted: ActionRow,
  lift: ActionRow,
  signed: { readonly account: AccountId; readonly sanction: Uint8Array },
): RowChange[] {
  const isWords = lifted.kind === "warn";
  return [
    tables.action.put(lifted.id, { ...lifted, state: "lifted" }),
    tables.standing.drop(`${lifted.account}/${lifted.id}`),
    tables.action.put(lift.id, { ...lift, enforced: isWords ? "yes" : "no" }),
    ...(isWords ? [] : [tables.enforcement.put(lift.id, signed)]),
  ];
}
