/** What was said in a run, by which device, and what the relay and the disks are known to have of it. */

import type { MessageId } from "@sotto/protocol";
import type { SentMessage } from "@sotto/sdk";
import { SottoError } from "@sotto/sdk/node";
import type { DeviceName, Side } from "./events.js";

/** What a saying says. All but a text change another one. */
export type SayingKind = "text" | "edit" | "delete" | "react" | "unreact";

/** What became of a saying. `open`: nobody heard, because its device died or was put back before. */
export type Outcome =
  | { readonly state: "open" }
  | { readonly state: "accepted" }
  | { readonly state: "failed"; readonly code: string };

/** One thing that was said. */
export interface Saying {
  readonly id: MessageId;
  /** Its place among all that was said; a text begins with it. */
  readonly number: number;
  readonly kind: SayingKind;
  readonly target: MessageId | undefined;
  readonly author: DeviceName;
  readonly side: Side;
  /** The event in which it was said. */
  readonly at: number;
  readonly startedMs: number;
  outcome: Outcome;
}

/** A copy of a device's folder. */
export interface Copy {
  readonly takenAt: number;
  /** What it holds for certain. */
  readonly holds: ReadonlySet<MessageId>;
  readonly isInheritanceDone: boolean;
}

/** The life of a device, as far as it decides what the device must show in the end. */
export interface Biography {
  readonly name: DeviceName;
  readonly side: Side;
  readonly joinedAt: number;
  /** When its registration was over. */
  joinedMs: number;
  readonly donor: DeviceName | undefined;
  /** What its donor showed when it was linked, if it was to hand over its history. */
  inherits: ReadonlySet<MessageId>;
  isInheritanceDone: boolean;
  /** Put back to older copies: when, and to what. */
  readonly restores: { readonly at: number; readonly copy: Copy }[];
  /** What it said and its account's other devices were told for certain. */
  readonly synced: Set<MessageId>;
  /** What was read on it. */
  readonly reads: { readonly id: MessageId; readonly at: number }[];
  /** The event in which it was revoked, also by a reset. */
  endedAt: number | undefined;
}

/** The records of one run. */
export class Ledger {
  readonly sayings = new Map<MessageId, Saying>();
  readonly biographies = new Map<DeviceName, Biography>();
  /** Events in which a side began anew. */
  readonly resets: { readonly side: Side; readonly at: number }[] = [];
  private readonly acceptedAt = new Map<MessageId, number>();

  /** The next text's number. */
  get next(): number {
    return this.sayings.size;
  }

  /** Notes a saying, and what becomes of it as soon as it is known. */
  said(
    handle: SentMessage,
    saying: Pick<Saying, "kind" | "target" | "author" | "side" | "at">,
    settled: () => void,
  ): Saying {
    const noted: Saying = {
      ...saying,
      id: handle.id,
      number: this.next,
      startedMs: Date.now(),
      outcome: { state: "open" },
    };
    this.sayings.set(handle.id, noted);
    handle.accepted.then(
      () => {
        noted.outcome = { state: "accepted" };
        settled();
      },
      (error: unknown) => {
        const code = error instanceof SottoError ? error.code : String(error);
        // A client that closes lets its handles go; the message goes with the next life.
        if (code !== "closed") noted.outcome = { state: "failed", code };
        settled();
      },
    );
    return noted;
  }

  /** The relay said when it accepted a message. Told again, as to the repeat of a lost answer, the first time counts. */
  relayAccepted(id: MessageId, acceptedMs: number): void {
    this.acceptedAt.set(id, Math.min(acceptedMs, this.acceptedAt.get(id) ?? acceptedMs));
  }

  /**
   * When the relay accepted a saying, by its own clock. Where a receipt proves it and the answer itself never came, only
   * that it was behind its beginning.
   */
  acceptedMs({ id, startedMs }: Saying): number {
    return this.acceptedAt.get(id) ?? startedMs;
  }

  /** Whether the relay was heard to accept a saying. */
  isTimed({ id }: Saying): boolean {
    return this.acceptedAt.has(id);
  }

  /** A device is registered. */
  born(biography: Biography): void {
    biography.joinedMs = Date.now();
    this.biographies.set(biography.name, biography);
  }

  /** Devices that are registered now, of one side or of both. */
  live(side?: Side): readonly Biography[] {
    return [...this.biographies.values()].filter(
      (one) => one.endedAt === undefined && (side === undefined || one.side === side),
    );
  }

  /**
   * What a device said and the relay accepted, as far as its present state knows of it, which shows `shown`: put back, it
   * neither shows what it said behind its copy, nor has it in its outbox.
   */
  acceptedOf({ name, restores }: Biography, shown: ReadonlySet<MessageId>): readonly MessageId[] {
    const putBackAt = restores.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
    return [...this.sayings.values()]
      .filter(({ author, outcome }) => author === name && outcome.state === "accepted")
      .filter(({ id, at }) => at > putBackAt || shown.has(id))
      .map(({ id }) => id);
  }
}

/** A biography's first line. */
export function unborn(life: Pick<Biography, "name" | "side" | "joinedAt" | "donor" | "inherits">): Biography {
  return {
    ...life,
    joinedMs: 0,
    isInheritanceDone: life.inherits.size === 0,
    restores: [],
    synced: new Set(),
    reads: [],
    endedAt: undefined,
  };
}
