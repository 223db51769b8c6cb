/** Quick replies: words to send again and again, the same on all devices of the account. */

import { SottoError, toHex } from "@sotto/protocol";
import type { Random } from "../ports.js";
import type { Registers } from "./registers.js";

/** Words to send again. `{name}` in them stands for what `fillQuickReply` puts there. */
export interface QuickReply {
  /** 32 hex digits, the same on all devices. */
  readonly id: string;
  readonly title: string;
  readonly text: string;
}

/** What quick replies work with. */
export interface QuickReplyParts {
  readonly registers: Pick<Registers, "list" | "change">;
  readonly random: Random;
}

/** The quick replies of this account. */
export class QuickReplies {
  constructor(private readonly parts: QuickReplyParts) {}

  /** All of them, by title and then by id. */
  async list(): Promise<readonly QuickReply[]> {
    const held = await this.parts.registers.list("quickReply");
    return held.map(({ key, value: { title, text } }) => ({ id: key, title, text })).sort(byTitle);
  }

  /**
   * Adds one, or replaces the one with this id. Resolves once it is durable; other devices follow.
   *
   * @throws invalidArgument for an empty or too long title (256 bytes) or text (4,096 bytes), an id out of form, or beyond
   *   500 of them; outboxFull.
   */
  async put(reply: {
    readonly id?: string | undefined;
    readonly title: string;
    readonly text: string;
  }): Promise<QuickReply> {
    const { registers, random } = this.parts;
    const { id = toHex(random.bytes(16)), title, text } = reply;
    await registers.change(async () => [{ kind: "quickReply", key: id, value: { title, text } }]);
    return { id, title, text };
  }

  /** Removes one on all devices. Nothing happens if there is none. @throws outboxFull. */
  async remove(id: string): Promise<void> {
    await this.parts.registers.change(async () => [{ kind: "quickReply", key: id, value: undefined }]);
  }
}

const VARIABLE = /\{([A-Za-z]\w*)\}/g;

/**
 * The words of a quick reply with each `{name}` replaced by its value. What is put in is taken as it is; a name without a
 * value stays as it stands, so that whoever sends it sees what is missing.
 *
 * @throws invalidArgument for a value that is no text.
 */
export function fillQuickReply({ text }: Pick<QuickReply, "text">, values: Readonly<Record<string, string>>): string {
  return text.replace(VARIABLE, (variable: string, name: string) => {
    if (!Object.hasOwn(values, name)) return variable;
    const value: unknown = values[name];
    if (typeof value !== "string")
      throw new SottoError("invalidArgument", { detail: `the value of ${name} is no text` });
    return value;
  });
}

function byTitle(one: QuickReply, other: QuickReply): number {
  if (one.title !== other.title) return one.title < other.title ? -1 : 1;
  return one.id < other.id ? -1 : 1;
}
