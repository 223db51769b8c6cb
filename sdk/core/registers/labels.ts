/** Labels: what conversations can be marked with, for the devices of this account alone. */

import { toHex } from "@sotto/protocol";
import type { Random } from "../ports.js";
import type { Registers } from "./registers.js";

/** A label. */
export interface Label {
  /** 32 hex digits, the same on all devices. */
  readonly id: string;
  readonly name: string;
  /** How the app shows it, in words of its own. */
  readonly color: string | undefined;
}

/** What labels work with. */
export interface LabelParts {
  readonly registers: Pick<Registers, "list" | "change">;
  readonly random: Random;
}

/** The labels of this account. */
export class Labels {
  constructor(private readonly parts: LabelParts) {}

  /** All of them, by name and then by id. */
  async list(): Promise<readonly Label[]> {
    const held = await this.parts.registers.list("label");
    return held.map(({ key, value: { name, color } }) => ({ id: key, name, color })).sort(byName);
  }

  /**
   * Adds one, or changes the one with this id. Resolves once it is durable; other devices follow.
   *
   * @throws invalidArgument for an empty or too long name (256 bytes) or color (32 bytes), an id out of form, or beyond 200
   *   of them; outboxFull.
   */
  async put(label: {
    readonly id?: string | undefined;
    readonly name: string;
    readonly color?: string | undefined;
  }): Promise<Label> {
    const { registers, random } = this.parts;
    const { id = toHex(random.bytes(16)), name, color } = label;
    await registers.change(async () => [{ kind: "label", key: id, value: { name, color } }]);
    return { id, name, color };
  }

  /** Removes one on all devices, and so from every conversation. Nothing happens if there is none. @throws outboxFull. */
  async remove(id: string): Promise<void> {
    await this.parts.registers.change(async () => [{ kind: "label", key: id, value: undefined }]);
  }
}

/** The order in which labels are shown. */
export function byName(one: Label, other: Label): number {
  if (one.name !== other.name) return one.name < other.name ? -1 : 1;
  return one.id < other.id ? -1 : 1;
}
