/** Devices of one account that tell each other of registers: each with a store and an outbox of its own, and no relay. */

import {
  type DeviceId,
  encodeRegisterValue,
  parseDeviceId,
  type Register,
  type RegisterKind,
  type RegisterValue,
} from "@sotto/protocol";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { KeyedLock } from "../../../../sdk/core/keyed-lock.js";
import { RegisterOrders } from "../../../../sdk/core/registers/register-orders.js";
import { Registers } from "../../../../sdk/core/registers/registers.js";
import { namesIn } from "../../../../sdk/core/registers/waiting-names.js";
import { decodeRow, eachRow, keys } from "../../../../sdk/core/rows.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { type ManualClock, manualClock } from "../link/manual-clock.js";
import { type OutboxFixture, outboxFixture, ownRow } from "../outbox/fixture.js";
import { openSealed } from "../storage/fixture.js";

/** An id that is easy to read in a failure. */
export const idOf = (number: number): string => number.toString(16).padStart(32, "0");

/** One device. */
export interface Replica {
  readonly device: DeviceId;
  readonly store: SealedStore;
  readonly clock: ManualClock;
  readonly outbox: OutboxFixture;
  readonly orders: RegisterOrders;
  readonly registers: Registers;
  /** What was noted of other devices' changes. */
  readonly noted: string[];
  readonly others: DeviceId[];
  /** How far the relay's clock is ahead of this device's. */
  aheadMs: number;
  put<Kind extends RegisterKind>(kind: Kind, key: string, value: RegisterValue<Kind> | undefined): Promise<void>;
  /** What would leave now of what waits, oldest first; it goes on waiting. */
  waiting(): Promise<readonly (readonly Register[])[]>;
  /** Takes in what another device says. */
  hear(words: readonly Register[]): Promise<void>;
  /** Every register it has, by kind and key. */
  all(): Promise<readonly Register[]>;
}

/** A device whose connection is away, so that what it says waits. Over a store of an earlier run it is the next run. */
export async function replica(
  number: number,
  {
    store,
    clock = manualClock(),
    others = [1, 2, 3],
  }: { store?: SealedStore; clock?: ManualClock; others?: number[] } = {},
): Promise<Replica> {
  const sealed = store ?? (await openSealed());
  const outbox = await outboxFixture(sealed, clock);
  outbox.state = "waiting";
  await outbox.outbox.load();
  const device = parseDeviceId(number);
  const account = OwnAccount.create({ ...ownRow(), device });
  const noted: string[] = [];
  const present = others.filter((other) => other !== number).map(parseDeviceId);
  const nowMs = () => clock.now() + made.aheadMs;
  const orders = new RegisterOrders({
    ...{ store: sealed, account, clock, outbox: outbox.outbox, keptSends: outbox.keptSends, nowMs },
    others: () => present,
  });
  const registers = new Registers({
    ...{ store: sealed, account, locks: new KeyedLock(), clock, orders, nowMs },
    noted: (kind, conversation) => noted.push(`${kind} ${conversation}`),
    failed: (error) => outbox.failures.push(error),
  });
  const made: Replica = {
    ...{ device, store: sealed, clock, outbox, orders, registers, noted, others: present },
    aheadMs: 0,
    put: (kind, key, value) => registers.change(async () => [{ kind, key, value } as never]),
    async waiting() {
      const bodies: (readonly Register[])[] = [];
      for await (const { value } of eachRow(sealed, keys.outboxAll)) {
        const { type, body } = decodeRow("outbox", value);
        if (type === "registers") bodies.push(namesIn(await orders.filled(body)));
      }
      return bodies;
    },
    async hear(words) {
      const after = await registers.merge(words, async (plan) => {
        await sealed.commit(plan.build());
        return plan.after;
      });
      for (const work of after) work();
    },
    async all() {
      const found: Register[] = [];
      for await (const { value } of eachRow(sealed, keys.registers)) found.push(decodeRow("register", value));
      return found.sort((one, other) => (`${one.kind}/${one.key}` < `${other.kind}/${other.key}` ? -1 : 1));
    },
  };
  return made;
}

/** A word of a device, as it is told. */
export function wordOf<Kind extends RegisterKind>(
  kind: Kind,
  key: string,
  over: { readonly atMs: number; readonly device?: number; readonly value?: RegisterValue<Kind> | undefined },
): Register {
  const value = over.value === undefined ? undefined : encodeRegisterValue(kind, over.value);
  return { kind, key, atMs: over.atMs, device: parseDeviceId(over.device ?? 2), value };
}
