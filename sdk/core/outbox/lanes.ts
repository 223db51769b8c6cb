/** The lanes there are: one for each destination that anything was ever sent to in this run. */

import type { Clock } from "../ports.js";
import type { Access } from "./approach.js";
import { type Destination, laneOf } from "./destination.js";
import { type Attempted, Lane, type Passage } from "./lane.js";

/** What the first word to a group may meet at once: a log that moved, keys that changed, and devices that did, twice. */
const GROUP_REPAIRS_AT_ONCE = 4;

/** One account, written to for itself or on behalf of a group. */
export type OneAccount = Exclude<Destination, { readonly kind: "group" }>;

type Begun = Promise<{ readonly attempted: Promise<Attempted> }>;

/** What lanes work with. `toAccount` and `toGroup` encrypt the row of an order. */
export interface LanesParts {
  readonly clock: Clock;
  access(to: OneAccount): Promise<Access>;
  toAccount(order: number, to: OneAccount, passage: Passage<Access>): Begun;
  toGroup(order: number, passage: Passage<undefined>): Begun;
  failed(error: unknown): void;
}

/** Finds the lane of a destination. */
export class Lanes {
  private readonly lanes = new Map<string, Lane<Access> | Lane<undefined>>();

  constructor(private readonly parts: LanesParts) {}

  /** Adds a row behind the others of its destination. */
  add(destination: Destination, order: number): void {
    const name = laneOf(destination);
    const present = this.lanes.get(name);
    const lane = present ?? (destination.kind === "group" ? this.toGroup() : this.toAccount(destination));
    if (present === undefined) this.lanes.set(name, lane);
    lane.add(order);
  }

  /** Takes a row out; false if it is not waiting. */
  remove(destination: Destination, order: number): boolean {
    return this.lanes.get(laneOf(destination))?.remove(order) === true;
  }

  /** Goes on now with everything that waits. */
  wake(): void {
    for (const lane of this.lanes.values()) lane.wake();
  }

  /** Stops after what is on its way. */
  close(): void {
    for (const lane of this.lanes.values()) lane.close();
  }

  private toAccount(to: OneAccount): Lane<Access> {
    const { clock, failed, access, toAccount } = this.parts;
    return new Lane<Access>({
      ...{ clock, failed, repairsAtOnce: 1 },
      access: () => access(to),
      begin: (order, passage) => toAccount(order, to, passage),
    });
  }

  private toGroup(): Lane<undefined> {
    const { clock, failed, toGroup } = this.parts;
    return new Lane<undefined>({
      ...{ clock, failed, repairsAtOnce: GROUP_REPAIRS_AT_ONCE },
      access: async () => undefined,
      begin: toGroup,
    });
  }
}
