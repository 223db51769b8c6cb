/** Comparing the devices a send names with those there are, against sets. */

import type { AccountId, DeviceId } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AppendRow, mailboxId } from "../../../server/ports.js";
import type { Recipient } from "../../../server/relay/accounts.js";
import { addressDevices, namesTwice } from "../../../server/relay/device-list.js";

const account = "00000000-0000-4000-8000-000000000001" as AccountId;

const devices = fc.uniqueArray(
  fc.record({ device: fc.integer({ min: 1, max: 8 }), registrationId: fc.integer({ min: 1, max: 3 }) }),
  { selector: ({ device }) => device, maxLength: 6 },
);

function recipientWith(list: readonly { readonly device: number; readonly registrationId: number }[]): Recipient {
  return {
    account,
    revision: 1,
    devices: list.map(({ device, registrationId }) => ({
      device: device as DeviceId,
      registrationId,
      mailbox: mailboxId(account, device as DeviceId, registrationId),
    })),
    deliveryKeyHash: new Uint8Array(32),
    formerKeyHashes: [],
    firstContact: "everyone",
    blocked: new Set(),
  };
}

describe("a device list", () => {
  it("passes exactly when it names every device but the sending one, or some of its own account, under their registration ids", () => {
    fc.assert(
      fc.property(
        devices,
        devices,
        fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
        fc.constantFrom("all", "listed"),
        (has, named, sending, scope) => {
          const rows: AppendRow[] = [];
          const envelopes = named.map((one) => ({
            ...one,
            device: one.device as DeviceId,
            body: Uint8Array.of(one.device),
          }));
          const list = { envelopes, scope } as const;
          const wrong = addressDevices(recipientWith(has), list, sending as DeviceId | undefined, rows);

          const expected = has.filter(({ device }) => device !== sending);
          const idOf = (list: typeof has, device: number) => list.find((one) => one.device === device)?.registrationId;
          const mayLeaveOut = scope === "listed" && sending !== undefined;
          const leftOut = expected.filter(({ device }) => idOf(named, device) === undefined);
          const missing = mayLeaveOut ? [] : leftOut.map(({ device }) => device);
          const extra = named.filter(({ device }) => idOf(expected, device) === undefined).map(({ device }) => device);
          const stale = expected
            .filter(({ device, registrationId }) => ![undefined, registrationId].includes(idOf(named, device)))
            .map(({ device }) => device);
          if (missing.length + extra.length + stale.length > 0) {
            expect(wrong).toEqual({ account, missing, extra, stale });
          } else {
            expect(wrong).toBeUndefined();
            expect(new Map(rows.map(({ mailbox, body }) => [mailbox, body[0]]))).toEqual(
              new Map(
                expected
                  .filter((one) => !leftOut.includes(one))
                  .map((one) => [mailboxId(account, one.device as DeviceId, one.registrationId), one.device]),
              ),
            );
          }
        },
      ),
    );
  });

  it("that names something twice is found", () => {
    const envelope = (device: number) => ({ device: device as DeviceId, registrationId: 1, body: new Uint8Array(1) });
    const scope = "all" as const;
    const other = "00000000-0000-4000-8000-000000000002" as AccountId;
    expect(
      namesTwice([
        { account, scope, envelopes: [envelope(1), envelope(2)] },
        { account: other, scope, envelopes: [envelope(1)] },
      ]),
    ).toBe(false);
    expect(
      namesTwice([
        { account, scope, envelopes: [] },
        { account, scope, envelopes: [] },
      ]),
    ).toBe(true);
    expect(namesTwice([{ account, scope, envelopes: [envelope(2), envelope(1), envelope(2)] }])).toBe(true);
  });
});
