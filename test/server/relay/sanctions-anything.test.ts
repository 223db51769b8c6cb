/** Sanctions in any order, said again, lifted early or late, over time and restarts: what is refused is what a simple model says. */

import { accountIdFromBytes, encodeSanction, type Sanction } from "@sotto/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Act, Sanctions } from "../../../server/relay/desk/sanctions.js";
import { memoryStore } from "../../../server/store/index.js";
import { TestRealm } from "../../support/raw-desk.js";
import { ManualClock } from "./support/manual-clock.js";

const account = accountIdFromBytes(new Uint8Array(16).fill(7));
const realm = new TestRealm();
const acts: readonly Act[] = ["send", "firstContact", "resolve", "certificate", "upload"];
const refused = {
  suspend: acts,
  mute: ["firstContact", "certificate", "upload"],
  noNewConversations: ["firstContact", "resolve"],
} as const;
const codes = { suspend: "suspended", mute: "muted", noNewConversations: "restricted" } as const;
type Lasting = keyof typeof refused;

type Word =
  | { readonly kind: Lasting; readonly id: number; readonly lastsMs: number | undefined }
  | { readonly kind: "lift"; readonly id: number; readonly lifts: number }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "sweep" }
  | { readonly kind: "restart" };

const id = fc.nat(5);
const word: fc.Arbitrary<Word> = fc.oneof(
  fc.record({
    kind: fc.constantFrom<Lasting>("suspend", "mute", "noNewConversations"),
    id,
    lastsMs: fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined }),
  }),
  // Lifts have ids of their own.
  fc.record({ kind: fc.constant("lift" as const), id: fc.integer({ min: 6, max: 8 }), lifts: id }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 40 }) }),
  fc.constant({ kind: "sweep" as const }),
  fc.constant({ kind: "restart" as const }),
);

/** What is said of an account, kept as simply as can be. */
class Model {
  private readonly said = new Map<number, { readonly kind: Lasting; readonly untilMs: number }>();
  private readonly lifted = new Set<number>();
  private readonly lifts = new Set<number>();

  hear(one: Extract<Word, { readonly id: number }>, nowMs: number): void {
    if (one.kind === "lift") {
      if (this.lifts.has(one.id)) return;
      this.lifts.add(one.id);
      this.lifted.add(one.lifts);
    } else if (!this.said.has(one.id)) {
      this.said.set(one.id, { kind: one.kind, untilMs: nowMs + (one.lastsMs ?? Number.POSITIVE_INFINITY) });
    }
  }

  refusal(act: Act, nowMs: number): string | undefined {
    const inForce = [...this.said].filter(([one, { untilMs }]) => !this.lifted.has(one) && nowMs < untilMs);
    const kinds = inForce.map(([, { kind }]) => kind);
    const grounds: readonly Lasting[] = ["suspend", "mute", "noNewConversations"];
    const ground = grounds.find((kind) => kinds.includes(kind) && refused[kind].some((one) => one === act));
    return ground && codes[ground];
  }
}

describe("sanctions", () => {
  it("refuse what a simple model refuses, whatever is said in whatever order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 30 }), async (words) => {
        const clock = new ManualClock();
        const store = memoryStore({ clock });
        await store.open();
        const held = { id: realm.id, manifest: { deskSigner: realm.signer.publicKey } } as never;
        const open = async () => {
          const opened = new Sanctions(
            { store, clock, signatures: { verifyDevice: () => true }, realm: { held } },
            async () => {},
          );
          await opened.load(account);
          return opened;
        };
        let sanctions = await open();
        const model = new Model();
        for (const one of words) {
          if (one.kind === "wait") clock.shift(one.ms);
          else if (one.kind === "sweep") sanctions.prune();
          else if (one.kind === "restart") sanctions = await open();
          else {
            model.hear(one, clock.now());
            await sanctions.enforce(encodeSanction(sanctionOf(one, clock.now()), realm.id, realm.signer.sign));
          }
          for (const act of acts) expect(sanctions.refusal(account, act)?.code).toBe(model.refusal(act, clock.now()));
        }
        await store.close();
      }),
      { numRuns: 60 },
    );
  });
});

function sanctionOf(one: Extract<Word, { readonly id: number }>, nowMs: number): Sanction {
  const named = { id: idOf(one.id), account, atMs: nowMs, kind: one.kind };
  if (one.kind === "lift") return { ...named, lifts: idOf(one.lifts) };
  return { ...named, untilMs: one.lastsMs === undefined ? undefined : nowMs + one.lastsMs };
}

function idOf(number: number): Uint8Array {
  return new Uint8Array(16).fill(number + 1);
}
