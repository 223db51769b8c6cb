/**
 * Makes what is said one that can be reported: each order of the outbox is franked once, when it first leaves, and what it was
 * franked with is durable before its ciphertext leaves. A try that is made again says the same with the same frank, while its token
 * is good and it is for the same people.
 */

import {
  type AccountId,
  accountIdToBytes,
  checkFrank,
  committedForm,
  decodeContent,
  decodeGroupBody,
  type Evidence,
  encodeEvidence,
  epochOf,
  equalBytes,
  FRANK_SECRET_BYTES,
  FRANK_VERSION,
  type FrankSpeaker,
  fromHex,
  type GroupStanding,
  isInEpoch,
  makeFrank,
  type Audience as Readers,
  SottoError,
  tokenOfFrank,
} from "@sotto/protocol";
import type { Counters } from "../counters.js";
import type { Random, StoreChange } from "../ports.js";
import { decodeRow, eachRow, encodeRow, keys, type Row } from "../rows.js";
import type { SealedStore } from "../storage/sealed-store.js";
import { type EvidenceRows, reportableUntil } from "./evidence.js";
import { isUnfranked } from "./genuine.js";
import type { Realm } from "./realm.js";
import type { Rosters } from "./rosters.js";
import type { TokenUse } from "./token-stock.js";
import type { Tokens } from "./tokens.js";

/** Rows of one commit. */
const BATCH = 256;

/** What franking works with. */
export interface FrankerParts {
  readonly store: SealedStore;
  readonly speaker: FrankSpeaker;
  readonly realm: Pick<Realm, "isKnown" | "id" | "assertUsable" | "minVersion">;
  readonly tokens: Pick<Tokens, "next" | "assertAllowed" | "counts">;
  readonly rosters: Pick<Rosters, "at">;
  readonly evidence: Pick<EvidenceRows, "keeping">;
  readonly random: Random;
  readonly counters: Counters;
  /** The relay's clock. */
  nowMs(): number;
}

/** Whom a send is for: one account, or everybody in a group as its log was read to some entry. */
export type Whom =
  | { readonly kind: "account"; readonly account: AccountId }
  | { readonly kind: "group"; readonly standing: GroupStanding };

/** What goes with a send: the commitment beside the ciphertext, and, of what can be reported, the frank within. */
export interface Franked {
  readonly frank?: Uint8Array | undefined;
  readonly commitment: Uint8Array;
}

/** What is kept of an accepted send, so that its sender can show it too. */
export interface OwnEvidence {
  readonly encoded: Uint8Array;
  readonly changes: readonly StoreChange[];
}

/** How the relay answered a send. */
export interface Stamped {
  readonly acceptedMs: number;
  readonly stamp: Uint8Array;
}

/** What an order says, as far as franking goes. */
type Said = Pick<Row<"outbox">, "envelope" | "type" | "body">;

/** Franks orders. */
export class Franker {
  constructor(private readonly parts: FrankerParts) {}

  /** Forgets what orders were franked with that are there no more. Called once, when a client starts. */
  async load(): Promise<void> {
    const { store } = this.parts;
    const waiting = new Set<string>();
    for await (const { value } of eachRow(store, keys.outboxAll)) {
      waiting.add(keys.frank(decodeRow("outbox", value).envelope));
    }
    let gone: StoreChange[] = [];
    for await (const { key } of eachRow(store, keys.franks)) {
      if (waiting.has(key)) continue;
      gone.push({ key, value: undefined });
      if (gone.length < BATCH) continue;
      await store.commit(gone);
      gone = [];
    }
    if (gone.length > 0) await store.commit(gone);
  }

  /**
   * What goes with an order; `undefined` while it has to wait for a token, for the realm, or for the group's members at that
   * entry. What is not franked has a commitment too, the same with every try, which says nothing.
   *
   * What it commits is durable when any later commit is: the order may be encrypted at once.
   *
   * @throws wrongRealm, realmRequired; unsupportedVersion if the realm asks for newer franks, which an update makes; muted,
   *   suspended or identityMoved, by the moderators' desk.
   */
  async franked(row: Said, whom: Whom): Promise<Franked | undefined> {
    const words = wordsOf(row);
    if (words === undefined) return { commitment: this.blank(row.envelope) };
    const { realm, tokens, counters } = this.parts;
    realm.assertUsable();
    if (realm.isKnown && realm.minVersion > FRANK_VERSION) {
      throw new SottoError("unsupportedVersion", { detail: "the realm takes no franks of this version any more" });
    }
    tokens.assertAllowed();
    const readers = this.readersOf(whom);
    if (readers === undefined) return this.waits();
    const audience = nameOf(readers);
    const present = await this.present(row);
    if (present !== undefined && this.isGood(present, audience)) return present;
    const use = tokens.next();
    if (use === undefined) return this.waits();
    const made = this.make(words, readers, use);
    const standing = whom.kind === "group" ? standingOf(whom.standing) : undefined;
    const kept: Row<"frank"> = { ...made, epoch: use.token.epoch, audience, standing };
    this.commit([{ key: keys.frank(row.envelope), value: encodeRow("frank", kept) }, ...use.changes]);
    counters.count("franked");
    return made;
  }

  /**
   * What this account keeps of what the relay accepted, so that it can be shown to the desk beside what others said. `undefined`
   * for what was not franked. The words of a resend are known by their first frank.
   */
  async evidence(row: Row<"outbox">, { acceptedMs, stamp }: Stamped): Promise<OwnEvidence | undefined> {
    const words = row.resendOf === undefined ? wordsOf(row) : undefined;
    const present = words === undefined ? undefined : await this.present(row);
    if (words === undefined || present === undefined) return undefined;
    const { recipient, group } = row;
    const { standing } = present;
    const isToGroup = recipient === undefined && group !== undefined && standing !== undefined;
    const whom: Whom | undefined = isToGroup
      ? { kind: "group", standing: { id: group, ...standing } }
      : recipient && { kind: "account", account: recipient };
    const evidence = whom && this.opened(words, present, { whom, acceptedMs, stamp });
    if (evidence === undefined) return undefined;
    const untilMs = reportableUntil(acceptedMs);
    const changes = this.parts.evidence.keeping({ evidence, content: words, acceptedMs, standing, untilMs });
    return { encoded: encodeEvidence(evidence), changes };
  }

  /**
   * Whether the relay took an order at a time at which its token was not good: nobody is shown that, so it has to be said again.
   * It happens where this device's clock was set meanwhile, or the order left at the very end of an epoch.
   */
  async isMissed(row: Said, acceptedMs: number): Promise<boolean> {
    const present = wordsOf(row) === undefined ? undefined : await this.present(row);
    return present !== undefined && !isInEpoch(present.epoch, acceptedMs);
  }

  /** The change that forgets what an order was franked with. */
  forgotten({ envelope }: Pick<Said, "envelope">): StoreChange {
    return { key: keys.frank(envelope), value: undefined };
  }

  /** Forgets it at once: the order was taken back. */
  forget(row: Pick<Said, "envelope">): void {
    this.commit([this.forgotten(row)]);
  }

  /** 32 bytes that are random to everybody else, and the same whenever this order is sent. */
  blank(envelope: Uint8Array): Uint8Array {
    const { store } = this.parts;
    const name = keys.frank(envelope);
    return fromHex(`${store.blind("blank/1", name)}${store.blind("blank/2", name)}`);
  }

  private make(words: Uint8Array, audience: Readers, { token, sign }: TokenUse) {
    const { realm, speaker, random } = this.parts;
    return makeFrank({
      ...{ realm: realm.id, speaker, token, audience, sign },
      secret: random.bytes(FRANK_SECRET_BYTES),
      committed: committedForm(words),
    });
  }

  /** What this device franked itself it need not verify; all the rest is as a recipient sees it. */
  private opened(
    words: Uint8Array,
    { frank, commitment, epoch }: Row<"frank">,
    { whom, acceptedMs, stamp }: Stamped & { readonly whom: Whom },
  ): Evidence | undefined {
    const { realm, speaker } = this.parts;
    const audience = this.readersOf(whom);
    if (audience === undefined) return undefined;
    const checked = checkFrank({
      ...{ realm: realm.id, speaker, audience, frank, commitment, acceptedMs, stamp: stamp.slice() },
      me: speaker.account,
      committed: committedForm(words),
      stampedFor: whom.kind === "group" ? fromHex(whom.standing.id) : accountIdToBytes(whom.account),
      nowMs: acceptedMs,
      epochKey: (number) => (number === epoch ? OWN : undefined),
      minVersion: FRANK_VERSION,
      isRevoked: () => false,
      verify: () => true,
    });
    return checked.kind === "genuine" ? checked.evidence : undefined;
  }

  private readersOf(whom: Whom): Readers | undefined {
    if (whom.kind === "account") return whom;
    if (!this.parts.realm.isKnown) return undefined;
    const roster = this.parts.rosters.at(whom.standing);
    return roster && { kind: "group", roster };
  }

  private async present({ envelope }: Pick<Said, "envelope">): Promise<Row<"frank"> | undefined> {
    const stored = await this.parts.store.get(keys.frank(envelope));
    return stored === undefined ? undefined : decodeRow("frank", stored);
  }

  private isGood({ frank, epoch, audience }: Row<"frank">, wanted: Uint8Array): boolean {
    const { tokens, nowMs } = this.parts;
    const token = tokenOfFrank(frank);
    const isPresent = epoch === epochOf(nowMs()) && token !== undefined && tokens.counts(token);
    return isPresent && equalBytes(audience, wanted);
  }

  private waits(): undefined {
    this.parts.counters.count("franksAwaited");
    return undefined;
  }

  /** The commit of the ratchet that follows resolves after this one; a store that failed ends the client by itself. */
  private commit(changes: readonly StoreChange[]): void {
    this.parts.store.commit(changes).catch(() => undefined);
  }
}

const OWN = new Uint8Array(32);

/**
 * The content that an order says, if it can be reported: receipts go without, and what devices and SDKs say to each other. An
 * invitation says its own content.
 */
function wordsOf({ type, body }: Said): Uint8Array | undefined {
  if (type === "invitation") return decodeGroupBody("invitation", body).content;
  if (type !== "content") return undefined;
  return isUnfranked(decodeContent(body).kind) ? undefined : body;
}

function nameOf(readers: Readers): Uint8Array {
  return readers.kind === "account" ? accountIdToBytes(readers.account) : readers.roster.root;
}

function standingOf({ revision, head }: GroupStanding): NonNullable<Row<"frank">["standing"]> {
  return { revision, head };
}
