/**
 * What a device does that cannot know whether its state is the newest one: after a crash, or when an old copy of its
 * folder was put back (PROTOCOL.md, restored copies).
 *
 * The cost of an unclean end: one bundle of each contact's device, fetched with the next send to it.
 */

import { type AccountId, type Frame, hashResumeToken } from "@sotto/protocol";
import type { OwnAccount } from "../account/own-account.js";
import type { Conversations } from "../conversations/conversations.js";
import type { SenderKeys } from "../groups/sending/sender-keys.js";
import type { Plan } from "../inbox/plan.js";
import type { Clock, Random, StoreChange } from "../ports.js";
import type { Relay } from "../relay.js";
import { decodeRow, eachRow, encodeRow, keys, type Row, range } from "../rows.js";
import type { FormerSessions } from "../sessions/former-sessions.js";
import type { SealedStore } from "../storage/sealed-store.js";
import type { MissedWords } from "./missed-words.js";

/** More than any device says in a conversation between two copies of its folder. */
const COUNTER_JUMP = 1_000_000;
/** The relay's nodes differ a little in time, and what was accepted together may have been read apart. */
const MARGIN_MS = 60_000;
/** How long closing waits for the relay to take the token. */
const PARK_MS = 1_500;

/** What recovery works with. */
export interface RecoveryParts {
  readonly store: SealedStore;
  readonly account: OwnAccount;
  readonly clock: Clock;
  readonly random: Random;
  readonly conversations: Pick<Conversations, "all">;
  readonly former: Pick<FormerSessions, "retire">;
  readonly senderKeys: Pick<SenderKeys, "retire">;
  readonly words: Pick<MissedWords, "ask" | "answer">;
  readonly relay: { readonly device: Pick<Relay["device"], "state" | "request"> };
  readonly inbox: {
    /** Settles when everything delivered so far was taken. */
    settled(): Promise<void>;
    /** Goes on behind a cursor of which nothing will come any more. */
    skipTo(cursor: number): readonly StoreChange[];
  };
  /** State is being repaired; nothing is sent until the client is ready. */
  restoring(): void;
  /** Mail that was acknowledged or dropped before is not here. */
  gap(missed: number): void;
}

type Lost = Row<"lost">;

/** Finds out whether state was lost, and repairs it before anything is encrypted. */
export class Recovery {
  private token: Uint8Array | undefined;
  private isKnownNewest = false;
  private head = 0;
  private sinceMs = 0;
  private lost: Lost | undefined;
  private preparing: Promise<void> = Promise.resolve();

  constructor(private readonly parts: RecoveryParts) {}

  /** Reads what an earlier run found lost and asked nobody for. */
  async load(): Promise<void> {
    const stored = await this.parts.store.get(keys.lost);
    if (stored !== undefined) this.lost = decodeRow("lost", stored);
  }

  /**
   * The token of the last clean end, to show the relay. It is gone from the disk before this resolves: of two copies of a
   * folder one may show it, and that one's next run no more. None behind the first welcome of a process.
   */
  async takeResume(): Promise<Uint8Array | undefined> {
    if (this.isKnownNewest) return undefined;
    const { store, account } = this.parts;
    const { resume } = account.current;
    if (resume !== undefined) {
      this.token = resume;
      await store.commit([account.change({ resume: undefined })]);
    }
    return this.token;
  }

  /**
   * Runs before the connection is ready, so before anything is encrypted. The first time, unless the relay knows this
   * state for the one that was left behind, no session here encrypts any more and counters jump.
   *
   * One after the other: behind a line that broke meanwhile, the next welcome finds the sessions gone, which says nothing of
   * what else is still under way.
   */
  beforeReady(welcome: Frame<"welcome">): Promise<void> {
    const prepared = this.preparing.then(() => this.prepare(welcome));
    this.preparing = prepared.catch(() => undefined);
    return prepared;
  }

  /** For the inbox: the relay skipped mail. Noted before the mail behind it is committed. */
  skipped(): void {
    // A failed commit ends the client, which says so itself.
    this.note("everybody").catch(() => undefined);
  }

  /** Everything that waited was delivered: what is not here now will not come by itself, so others are asked. */
  async queueEmpty(): Promise<void> {
    const { store, inbox, words, gap } = this.parts;
    const { head } = this;
    await inbox.settled();
    const { cursor } = await this.position();
    const isBehind = cursor < head;
    if (isBehind) await this.note("everybody");
    const { lost } = this;
    if (lost === undefined) return;
    const plan = await words.ask(lost);
    // More may have turned out to be lost meanwhile: then it is asked for once more.
    const asked = this.lost === lost ? [{ key: keys.lost, value: undefined }] : [];
    if (this.lost === lost) this.lost = undefined;
    await store.commit([...plan.build(), ...asked, ...(isBehind ? inbox.skipTo(head) : [])]);
    for (const work of plan.after) work();
    if (isBehind) gap(head - cursor);
  }

  /** For the inbox: an account lost what this one sent it since a time. */
  answerMissed(account: AccountId, atMs: number): Promise<Plan> {
    return this.parts.words.answer(account, atMs);
  }

  /**
   * The last thing before the store closes: nothing encrypts or decrypts any more. Leaves a token behind that says so, if
   * the relay can be reached.
   */
  async park(): Promise<void> {
    const { store, account, relay, random, clock } = this.parts;
    if (relay.device.state !== "ready") return;
    const token = random.bytes(16);
    await store.commit([account.change({ resume: token })]);
    const parked = relay.device.request({ type: "park", tokenHash: hashResumeToken(token) });
    await new Promise<void>((resolve) => {
      const timer = clock.after(PARK_MS, resolve);
      // Not reached is no failure: the next run then takes the long way.
      parked
        .then(
          () => resolve(),
          () => resolve(),
        )
        .finally(() => timer.cancel());
    });
  }

  private async prepare(welcome: Frame<"welcome">): Promise<void> {
    const { account } = this.parts;
    const { acceptedMs } = await this.position();
    // A device is owed nothing from before it was added.
    const addedMs = welcome.devices.find(({ device }) => device === account.device)?.addedMs ?? 0;
    this.sinceMs = Math.max(acceptedMs - MARGIN_MS, addedMs, 0);
    this.head = welcome.head;
    if (!this.isKnownNewest && welcome.resumed === "no") await this.distrust(welcome);
    this.isKnownNewest = true;
    this.token = undefined;
    // Ids only ever rise, so somebody published keys from a later state of this device.
    if (welcome.highestPrekeyId >= account.current.nextPrekeyId) await this.note("everybody");
  }

  /** How far the mailbox was read. */
  private async position(): Promise<Row<"inbox">> {
    const stored = await this.parts.store.get(keys.inbox);
    return stored === undefined ? { cursor: 0, acceptedMs: 0 } : decodeRow("inbox", stored);
  }

  private async distrust(welcome: Frame<"welcome">): Promise<void> {
    const { store, former, senderKeys, restoring } = this.parts;
    const isUsed = (await store.list(range(keys.sessions, 1))).length > 0;
    if (!isUsed) return;
    restoring();
    // What this device said and nobody answered yet leaves no other trace: own devices know it.
    if (welcome.devices.length > 1) await this.note("ownDevices");
    await senderKeys.retire();
    await this.skipCounters();
    await this.askAgain();
    // Last: sessions are the sign that all of this is due, in the next run too.
    await former.retire();
  }

  /** What was asked for may have come to a later state of this device: it is asked for once more. */
  private async askAgain(): Promise<void> {
    const { store } = this.parts;
    for await (const { key, value } of eachRow(store, keys.undecryptables)) {
      const row = decodeRow("undecryptable", value);
      if (row.askedMs === undefined) continue;
      await store.commit([{ key, value: encodeRow("undecryptable", { ...row, askedMs: undefined }) }]);
    }
  }

  private async skipCounters(): Promise<void> {
    const { store, conversations } = this.parts;
    for (const { timeline } of await conversations.all()) {
      await store.commit([timeline.skipCounters(COUNTER_JUMP)]);
    }
  }

  /** Durable until everybody was asked, so that no crash forgets it. The commit is queued in this turn. */
  private note(whom: Lost["whom"]): Promise<void> {
    const { sinceMs, lost: before } = this;
    const lost: Lost = {
      sinceMs: Math.min(before?.sinceMs ?? sinceMs, sinceMs),
      whom: before?.whom === "everybody" ? "everybody" : whom,
    };
    this.lost = lost;
    return this.parts.store.commit([{ key: keys.lost, value: encodeRow("lost", lost) }]);
  }
}
