/** Splitting multi-recipient messages: one spelling, and its bounds. */

import { type AccountId, limits } from "@sotto/protocol";
import { describe, expect, it } from "vitest";
import { splitMessage } from "../../../server/relay/multi-recipient.js";
import { receivedMessage, type SentRecipient, SHARED, sentMessage } from "./support/sent-message.js";

const MOST = { accounts: 300, devices: 1_000 };
const account = (number: number) => `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}` as AccountId;
const recipient = (number: number, ...devices: readonly number[]): SentRecipient => ({
  account: account(number),
  devices: devices.map((device) => ({ device, registrationId: 100 + device })),
});

function kindOf(message: Uint8Array, most = MOST): string {
  return splitMessage(message, most).kind;
}

/** A message whose byte at `at` is another one. */
function withByte(message: Uint8Array, at: number, byte: number): Uint8Array {
  const changed = message.slice();
  changed[at] = byte;
  return changed;
}

describe("a multi-recipient message", () => {
  it("is split into heads by account, and one end for all", () => {
    const split = splitMessage(sentMessage([recipient(1, 1, 5), recipient(2, 127)]), MOST);
    if (split.kind !== "split") throw new Error(split.kind);
    expect(split.devices).toBe(3);
    expect(split.shared).toEqual(SHARED);
    expect(split.recipients.map((one) => one.account)).toEqual([account(1), account(2)]);
    expect(
      split.recipients.map(({ envelopes }) => envelopes.map(({ device, registrationId }) => [device, registrationId])),
    ).toEqual([
      [
        [1, 101],
        [5, 105],
      ],
      [[127, 227]],
    ]);
    for (const { account: of, envelopes } of split.recipients) {
      for (const { body } of envelopes) {
        expect(Buffer.concat([body, split.shared]).equals(receivedMessage(of))).toBe(true);
      }
    }
  });

  it("may name as many accounts and devices as the bounds say", () => {
    const accounts = (count: number) => Array.from({ length: count }, (_, number) => recipient(number + 1, 1));
    expect(kindOf(sentMessage(accounts(300)))).toBe("split");
    expect(kindOf(sentMessage(accounts(301)))).toBe("tooMany");
    const devices = [recipient(1, 1, 2), recipient(2, 1, 2)];
    expect(kindOf(sentMessage(devices), { accounts: 2, devices: 4 })).toBe("split");
    expect(kindOf(sentMessage(devices), { accounts: 2, devices: 3 })).toBe("tooMany");
    const most = Array.from({ length: limits.devicesPerAccount.value + 1 }, (_, index) => index + 1);
    expect(kindOf(sentMessage([recipient(1, ...most.slice(1))]))).toBe("split");
    expect(kindOf(sentMessage([recipient(1, ...most)]))).toBe("malformed");
  });

  it("that is cut off anywhere before its ciphertext is malformed", () => {
    const message = sentMessage([recipient(1, 1, 2), recipient(2, 3)], SHARED.subarray(0, 48));
    expect(kindOf(message)).toBe("split");
    for (let length = 0; length < message.length; length++) {
      expect(kindOf(message.subarray(0, length)), `${length} bytes`).toBe("malformed");
    }
  });

  it("names no account and no device twice", () => {
    expect(kindOf(sentMessage([recipient(1, 1), recipient(1, 2)]))).toBe("malformed");
    expect(kindOf(sentMessage([recipient(1, 1), recipient(2, 1), recipient(1, 1)]))).toBe("malformed");
    expect(kindOf(sentMessage([recipient(1, 3, 3)]))).toBe("malformed");
  });

  it("has ids in their ranges, and nobody to leave out", () => {
    const message = sentMessage([recipient(1, 1)]);
    const deviceAt = 2 + 1 + 16;
    for (const id of [0, 128, 255]) expect(kindOf(withByte(message, deviceAt, id))).toBe("malformed");
    expect(kindOf(withByte(message, deviceAt + 1, 0x40))).toBe("malformed");
    expect(kindOf(sentMessage([{ account: account(1), devices: [{ device: 1, registrationId: 0 }] }]))).toBe(
      "malformed",
    );
    expect(kindOf(withByte(message, 2, 1))).toBe("malformed");
    for (const version of [0, 0x22, 0x24, 0x11]) expect(kindOf(withByte(message, 0, version))).toBe("malformed");
  });

  it("spells its number of accounts in one way", () => {
    const message = sentMessage([recipient(1, 1)]);
    const counted = (...count: readonly number[]) =>
      Buffer.concat([Buffer.of(0x23, ...count), message.subarray(2)]) as Uint8Array;
    expect(kindOf(counted(1))).toBe("split");
    for (const count of [[0], [0x81, 0], [0x81, 0x80, 0], [0x81, 0x80, 0x80, 0], [0x80], [0x80, 0x80, 0x80, 1]]) {
      expect(kindOf(counted(...count)), count.join(" ")).toBe("malformed");
    }
    expect(kindOf(counted(0xff, 0xff, 0x7f))).toBe("tooMany");
  });
});
