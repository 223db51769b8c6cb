/** What devices of this account note on one conversation: a draft, pins, labels, and who looks after it. */

import { type MessageId, parseMessageId, registerTable, SottoError } from "@sotto/protocol";
import type { Thread } from "../conversations/conversations.js";
import type { Item } from "../conversations/items.js";
import { byName, type Label } from "./labels.js";
import type { Registers, Wish } from "./registers.js";

/** What notes work with. */
export interface NotesParts {
  readonly thread: Pick<Thread, "timeline" | "reader">;
  readonly registers: Pick<Registers, "get" | "list" | "isEmptied" | "change">;
}

/** The notes on one conversation. `Conversation` says what each of them promises. */
export class Notes {
  constructor(private readonly parts: NotesParts) {}

  async draft(): Promise<string | undefined> {
    return (await this.parts.registers.get("draft", this.id))?.text;
  }

  async setDraft(text: string | undefined): Promise<void> {
    const value = text === undefined || text === "" ? undefined : { text };
    await this.parts.registers.change(async () => [{ kind: "draft", key: this.id, value }]);
  }

  async pins(): Promise<readonly Item[]> {
    const held = await this.parts.registers.list("pin", this.id);
    const items = await Promise.all(held.map(({ key }) => this.message(messageOf(key))));
    return items.filter((item) => item !== undefined && item.kind !== "deleted") as readonly Item[];
  }

  async pin(message: MessageId): Promise<void> {
    const id = parseMessageId(message);
    const item = await this.message(id);
    if (item === undefined || item.kind === "deleted") {
      throw new SottoError("invalidArgument", { detail: "there is no such message in this conversation" });
    }
    const { registers } = this.parts;
    await registers.change(async () => {
      const held = await registers.list("pin", this.id);
      const isFull = held.length >= registerTable.pin.most;
      return [...(isFull ? await this.deadPins(held) : []), { kind: "pin", key: this.keyOf(id), value: {} }];
    });
  }

  async unpin(message: MessageId): Promise<void> {
    const key = this.keyOf(parseMessageId(message));
    await this.parts.registers.change(async () => [{ kind: "pin", key, value: undefined }]);
  }

  async labels(): Promise<readonly Label[]> {
    const { registers } = this.parts;
    const held = await registers.list("labelled", this.id);
    const found = await Promise.all(
      held.map(async ({ key }) => {
        const id = messageOf(key);
        const label = await registers.get("label", id);
        return label === undefined ? [] : [{ id, name: label.name, color: label.color }];
      }),
    );
    return found.flat().sort(byName);
  }

  async hasLabel(id: string): Promise<boolean> {
    const { registers } = this.parts;
    const found = await Promise.all([registers.get("labelled", this.keyOf(id)), registers.get("label", id)]);
    return found.every((value) => value !== undefined);
  }

  async label(id: string): Promise<void> {
    const { registers } = this.parts;
    await registers.change(async () => {
      if ((await registers.get("label", id)) === undefined) {
        throw new SottoError("invalidArgument", { detail: "there is no such label" });
      }
      const held = await registers.list("labelled", this.id);
      const isFull = held.length >= registerTable.labelled.most;
      return [...(isFull ? await this.deadLabels(held) : []), { kind: "labelled", key: this.keyOf(id), value: {} }];
    });
  }

  async unlabel(id: string): Promise<void> {
    await this.parts.registers.change(async () => [{ kind: "labelled", key: this.keyOf(id), value: undefined }]);
  }

  async assignee(): Promise<string | undefined> {
    return (await this.parts.registers.get("assignee", this.id))?.agent;
  }

  async assign(agent: string | undefined): Promise<void> {
    const value = agent === undefined ? undefined : { agent };
    await this.parts.registers.change(async () => [{ kind: "assignee", key: this.id, value }]);
  }

  private get id(): string {
    return this.parts.thread.timeline.id;
  }

  private keyOf(id: string): string {
    return `${this.id}/${id}`;
  }

  private async message(id: MessageId): Promise<Item | undefined> {
    const { reader } = this.parts.thread;
    const found = await reader.message(id);
    return found === undefined ? undefined : reader.item(found);
  }

  /** Pins whose message is gone for good; one that never came here may still be on other devices. */
  private async deadPins(held: readonly { readonly key: string }[]): Promise<readonly Wish[]> {
    const dead: Wish[] = [];
    for (const { key } of held) {
      const found = await this.parts.thread.reader.message(messageOf(key));
      const item = found === undefined ? undefined : await this.parts.thread.reader.item(found);
      const isGone = found !== undefined && (item === undefined || item.kind === "deleted");
      if (isGone) dead.push({ kind: "pin", key, value: undefined });
    }
    return dead;
  }

  /** Labels on this conversation that were removed; one that this device has not heard of yet may still come. */
  private async deadLabels(held: readonly { readonly key: string }[]): Promise<readonly Wish[]> {
    const dead: Wish[] = [];
    for (const { key } of held) {
      const isRemoved = await this.parts.registers.isEmptied("label", messageOf(key));
      if (isRemoved) dead.push({ kind: "labelled", key, value: undefined });
    }
    return dead;
  }
}

/** The second id of a key. */
function messageOf(key: string): MessageId {
  return parseMessageId(key.slice(33));
}
