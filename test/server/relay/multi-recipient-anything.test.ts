/** The splitter beside libsignal's: what ours takes libsignal takes, with the same bytes for everybody. */

import { beforeAll, describe, expect, it } from "vitest";
import { type SplitMessage, splitMessage } from "../../../server/relay/multi-recipient.js";
import { SignalSender, type SplitByAccount, splitBySignal } from "./support/signal-group.js";

const MOST = { accounts: 1_000, devices: 16_000 };
const MUTANTS = 24_000;
const SEED = 0x50770;

/** Deterministic, so that a mutant that is found can be made again. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
}

function sorted({ recipients, shared }: SplitMessage): SplitByAccount {
  return recipients
    .map(({ account, envelopes }) => ({
      account,
      devices: envelopes.map(({ device, registrationId }) => ({ device, registrationId })),
      received: Buffer.concat([envelopes[0]?.body ?? new Uint8Array(), shared]).toString("hex"),
    }))
    .sort((one, other) => (one.account < other.account ? -1 : 1));
}

function ours(message: Uint8Array): SplitByAccount | undefined {
  const split = splitMessage(message, MOST);
  return split.kind === "split" ? sorted(split) : undefined;
}

describe("beside libsignal", () => {
  let sender: SignalSender;
  let message: Uint8Array;

  beforeAll(async () => {
    sender = new SignalSender();
    const accounts = [await sender.meet(1), await sender.meet(3), await sender.meet(1), await sender.meet(2)];
    message = await sender.encrypt(accounts.flatMap(({ addresses }) => addresses));
  });

  it("splits 250 accounts, some with several devices, into the same bytes", async () => {
    const accounts = await Promise.all(
      Array.from({ length: 250 }, (_, index) => sender.meet(1 + (index % 7 === 0 ? 1 : 0))),
    );
    const large = await sender.encrypt(accounts.flatMap(({ addresses }) => addresses));
    const theirs = splitBySignal(large);
    expect(theirs).toHaveLength(250);
    expect(ours(large)).toEqual(theirs);
  });

  it(`takes none of ${MUTANTS} mutants that libsignal refuses, and no other bytes`, () => {
    const random = randomFrom(SEED);
    const counts = { agreed: 0, stricter: 0, refused: 0 };
    for (let number = 0; number < MUTANTS; number++) {
      const mutant = mutated(message, random);
      const our = ours(mutant);
      const theirs = splitBySignal(mutant);
      if (our !== undefined) {
        expect(our, Buffer.from(mutant).toString("hex")).toEqual(theirs);
        counts.agreed += 1;
      } else if (theirs !== undefined) counts.stricter += 1;
      else counts.refused += 1;
    }
    // A splitter that refuses everything, or mutants that are all alike, would prove nothing.
    expect(counts.agreed).toBeGreaterThan(MUTANTS / 20);
    expect(counts.refused).toBeGreaterThan(MUTANTS / 20);
  });

  it("is stricter with excluded accounts and with an account that is named twice", async () => {
    const one = await sender.meet(2);
    const other = await sender.meet(1);
    const [first, second] = one.addresses;
    const excluding = await sender.encrypt(one.addresses, [other.account]);
    expect(splitMessage(excluding, MOST).kind).toBe("malformed");
    const apart = [first, other.addresses[0], second].flatMap((address) => address ?? []);
    expect(splitMessage(await sender.encrypt(apart), MOST).kind).toBe("malformed");
    const beside = await sender.encrypt([...one.addresses, ...other.addresses]);
    expect(ours(beside)).toEqual(splitBySignal(beside));
  });
});

/** A message with one to three changes, mostly in its beginning, where everything but key material and ciphertext stands. */
function mutated(message: Uint8Array, random: (below: number) => number): Uint8Array {
  let mutant = Uint8Array.from(message);
  for (let changes = 1 + random(3); changes > 0; changes--) mutant = changed(mutant, random);
  return mutant;
}

function changed(from: Uint8Array, random: (below: number) => number): Uint8Array<ArrayBuffer> {
  const to = Uint8Array.from(from);
  const near = () => random(random(2) === 0 ? Math.min(to.length, 40) : to.length);
  switch (random(8)) {
    case 0:
      to[near()] = random(256);
      return to;
    case 1: {
      const at = near();
      to[at] = (to[at] ?? 0) ^ (1 << random(8));
      return to;
    }
    case 2:
      return to.slice(0, near());
    case 3: {
      const at = near();
      return spliced(to, at, Math.min(random(20), to.length - at), new Uint8Array());
    }
    case 4:
      return spliced(
        to,
        near(),
        0,
        Uint8Array.from({ length: 1 + random(20) }, () => random(256)),
      );
    case 5: {
      // Another count of accounts, also in longer spellings.
      const spellings = [
        [0],
        [1],
        [3],
        [5],
        [0x84, 0],
        [0x84, 0x80, 0],
        [0x80, 0],
        [0x84, 1],
        [0xff, 0xff, 0xff, 0xff, 0x0f],
      ];
      return spliced(to, 1, 1, Uint8Array.from(spellings[random(spellings.length)] ?? []));
    }
    case 6: {
      // A piece of the message again, such as an account or a device.
      const at = near();
      const piece = to.slice(at, at + ([3, 6, 68, 71, 74][random(5)] ?? 3));
      return spliced(to, near(), 0, piece);
    }
    default: {
      const at = near();
      to.copyWithin(at, near(), near());
      return to;
    }
  }
}

function spliced(bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]));
}
