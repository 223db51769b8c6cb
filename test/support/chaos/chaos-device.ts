/** One device of one person, over all its lives: opened, closed, crashed, copied, put back, cut off. */

import { cp, rm } from "node:fs/promises";
import type { AccountId, MessageId } from "@sotto/protocol";
import { type Client, type ClientOptions, type ClientState, createClient, type DirectConversation } from "@sotto/sdk";
import { other, type Side } from "./events.js";
import type { KeyWatch } from "./key-watch.js";
import type { Biography, Copy, Ledger } from "./ledger.js";
import { Life } from "./life.js";
import { pause, within } from "./patience.js";
import { type View, viewOf } from "./view.js";

/** A device may take this long to open, to close, or to become ready. */
const STEP_MS = 15_000;
/** A crash that waits for a write waits no longer than this. */
const CRASH_MS = 60;

/** What the devices of one run share. */
export interface Common {
  readonly relay: string;
  readonly watch: KeyWatch;
  /** Whose account is whose; filled as accounts are opened. */
  readonly sides: Map<AccountId, Side>;
  readonly ledger: Ledger;
  /** A frame passed that is no heartbeat. */
  moved(): void;
  /** Something is wrong, whatever the end shows. */
  wrong(what: string): void;
}

/** How a device's first life begins; later ones open what is there. */
export type Birth = (life: Life, options: ClientOptions) => Promise<Client>;

const opening: Birth = (life, options) => createClient(life.platform, options);

interface Running {
  readonly life: Life;
  readonly client: Client;
}

/** A device. Its events are played one after the other. */
export class ChaosDevice {
  private running: Running | undefined;
  private conversation: DirectConversation | undefined;
  private net: "up" | "cut" = "up";
  private copy: Copy | undefined;
  /** What it showed when it was last opened, and thus has on its disk. */
  private held: ReadonlySet<MessageId> = new Set();
  private isEnding = false;
  private deviceId: Client["deviceId"] | undefined;

  constructor(
    private readonly common: Common,
    readonly biography: Biography,
    private readonly folder: string,
  ) {}

  get name(): string {
    return this.biography.name;
  }

  /** Its number at the relay. */
  get id(): Client["deviceId"] {
    if (this.deviceId === undefined) throw new Error(`${this.name} was never registered`);
    return this.deviceId;
  }

  /** Its conversation with the other side, while it runs. */
  get on(): { readonly client: Client; readonly conversation: DirectConversation } | undefined {
    const { running, conversation } = this;
    return running === undefined || conversation === undefined ? undefined : { client: running.client, conversation };
  }

  /** The same, unless it is cut off. */
  get reachable() {
    return this.net === "up" ? this.on : undefined;
  }

  /** Begins a life. */
  async open(birth: Birth = opening): Promise<void> {
    const { watch, moved, relay, wrong, ledger } = this.common;
    const warned = (event: string) => {
      if (event.startsWith("the relay refused")) wrong(`${this.name}: ${event}`);
    };
    const accepted = (id: MessageId, acceptedMs: number) => ledger.relayAccepted(id, acceptedMs);
    const life = new Life({ folder: this.folder, watch, moved, warned, accepted });
    this.net = "up";
    this.isEnding = false;
    const options = { relay, userId: this.biography.side, store: life.choice };
    const client = await within(STEP_MS, `${this.name} opens`, birth(life, options));
    this.running = { life, client };
    this.deviceId = client.deviceId;
    this.common.sides.set(client.accountId, this.biography.side);
    this.listen(client);
  }

  /** Opens the conversation with the other side. */
  async meet(): Promise<void> {
    const client = this.running?.client;
    if (client === undefined) return;
    const userId = other[this.biography.side];
    this.conversation = await within(STEP_MS, `${this.name} opens its conversation`, client.openDM({ userId }));
    this.held = (await this.view()).ids;
  }

  /** Waits until it is connected. */
  async ready(): Promise<void> {
    const client = this.running?.client;
    if (client !== undefined) await within(STEP_MS, `${this.name} gets ready`, untilState(client, "ready"));
  }

  /** Closes as an app should. `kept` keeps a copy of its folder. */
  async close(copy: "kept" | "none", at: number): Promise<void> {
    const { running } = this;
    if (running === undefined) return;
    await this.noteSynced();
    const holds = copy === "kept" ? (await this.view()).ids : undefined;
    await this.shut(running);
    if (holds !== undefined) await this.keepCopy(holds, at);
  }

  /** Dies at one of its next writes, while `stir` makes it write. */
  async crash(
    fuse: { readonly afterWrites: number; readonly lastWrite: "kept" | "lost"; readonly copy: "kept" | "none" },
    at: number,
    stir: () => void,
  ): Promise<void> {
    const { running } = this;
    if (running === undefined) return;
    this.isEnding = true;
    const { life } = running;
    life.store.light(fuse);
    stir();
    await Promise.race([life.store.stopped, pause(CRASH_MS)]);
    life.die();
    this.forget();
    await within(STEP_MS, `the disk of ${this.name} comes to rest`, life.store.bury());
    if (fuse.copy === "kept") await this.keepCopy(this.held, at);
  }

  /** Puts the kept copy back. False if there is none, or if it runs. */
  async restore(at: number): Promise<boolean> {
    const { copy } = this;
    if (copy === undefined || this.running !== undefined) return false;
    await rm(this.folder, { recursive: true });
    await cp(this.copyFolder, this.folder, { recursive: true });
    this.biography.restores.push({ at, copy });
    if (!copy.isInheritanceDone) this.biography.inherits = new Set();
    this.copy = undefined;
    return true;
  }

  cut(): void {
    this.net = "cut";
    this.running?.life.cut();
  }

  rejoin(): void {
    this.net = "up";
    this.running?.life.rejoin();
  }

  /** It was revoked: it must hear of it if it can, and is put away. */
  async hearsItsEnd(): Promise<void> {
    const { running } = this;
    if (running === undefined) return;
    if (this.net === "up") {
      const heard = within(STEP_MS, `${this.name} hears that it was revoked`, untilState(running.client, "revoked"));
      await heard.catch((error: Error) => this.common.wrong(error.message));
    }
    await this.leave();
  }

  /** Ends for good. Idempotent. */
  async leave(): Promise<void> {
    if (this.running !== undefined) await this.shut(this.running);
  }

  /** What it shows. */
  async view(): Promise<View> {
    if (this.conversation === undefined) throw new Error(`${this.name} is off`);
    return viewOf(this.conversation, this.common.sides);
  }

  /** What of it still moves, in words; nothing if it rests. */
  async unrest(): Promise<string | undefined> {
    const { running } = this;
    if (running === undefined || this.net === "cut") return undefined;
    const { client, life } = running;
    if (client.state !== "ready") return `${this.name} is ${client.state}`;
    const { outboxSize } = await client.debugBundle();
    if (outboxSize > 0) return `${this.name} has ${outboxSize} in its outbox`;
    return life.isDrained ? undefined : `${this.name} has mail it did not acknowledge`;
  }

  /** If nothing waits in its outbox, what it knows to have said was told to its account's other devices too. */
  async noteSynced(): Promise<void> {
    if (this.running === undefined) return;
    const accepted = this.common.ledger.acceptedOf(this.biography, (await this.view()).ids);
    if ((await this.running.client.debugBundle()).outboxSize > 0) return;
    for (const id of accepted) this.biography.synced.add(id);
  }

  private get copyFolder(): string {
    return `${this.folder}.copy`;
  }

  private async keepCopy(holds: ReadonlySet<MessageId>, at: number): Promise<void> {
    await rm(this.copyFolder, { recursive: true, force: true });
    await cp(this.folder, this.copyFolder, { recursive: true });
    this.copy = { takenAt: at, holds, isInheritanceDone: this.biography.isInheritanceDone };
  }

  private async shut({ client, life }: Running): Promise<void> {
    this.isEnding = true;
    await within(STEP_MS, `${this.name} closes`, client.close());
    life.die();
    this.forget();
  }

  private forget(): void {
    this.running = undefined;
    this.conversation = undefined;
  }

  private listen(client: Client): void {
    const { wrong } = this.common;
    client.addEventListener("state", ({ state, reason }) => {
      if (state === "closed" && !this.isEnding) wrong(`${this.name} ended: ${reason?.code}, ${reason?.cause}`);
      const isMember = this.biography.endedAt === undefined;
      if (state === "revoked" && isMember) wrong(`${this.name} was turned away: ${reason?.code}`);
    });
    client.addEventListener("transfer", ({ direction, done, total }) => {
      if (direction !== "receiving" || done < total) return;
      // Once the donor is gone, or was put back and has forgotten that it was to send everything, this is something else.
      const donor = this.common.ledger.biographies.get(this.biography.donor ?? this.name);
      const isGone = donor?.endedAt !== undefined || donor?.restores.some(({ at }) => at >= this.biography.joinedAt);
      if (isGone !== true) this.biography.isInheritanceDone = true;
    });
    void this.acceptEverybody(client);
  }

  private async acceptEverybody(client: Client): Promise<void> {
    try {
      for await (const request of client.requests()) await request.accept();
    } catch (error) {
      if (!this.isEnding) this.common.wrong(`${this.name} accepts nobody any more: ${error}`);
    }
  }
}

/** Resolves when a client is in a state, or closed. */
function untilState(client: Client, wanted: ClientState): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (client.state !== wanted && client.state !== "closed") return;
      client.removeEventListener("state", look);
      resolve();
    };
    client.addEventListener("state", look);
    look();
  });
}
