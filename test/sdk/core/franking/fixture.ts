/** What franks, over a true store, with a small desk and the clock in the test's hands. */

import { type AccountId, encodeContent, type FrankSpeaker } from "@sotto/protocol";
import { OwnAccount } from "../../../../sdk/core/account/own-account.js";
import { Counters } from "../../../../sdk/core/counters.js";
import { DeskAsks } from "../../../../sdk/core/franking/desk-asks.js";
import { EvidenceRows } from "../../../../sdk/core/franking/evidence.js";
import { Franker } from "../../../../sdk/core/franking/franker.js";
import { Realm } from "../../../../sdk/core/franking/realm.js";
import { Rosters } from "../../../../sdk/core/franking/rosters.js";
import { Tokens } from "../../../../sdk/core/franking/tokens.js";
import type { Random } from "../../../../sdk/core/ports.js";
import type { Row } from "../../../../sdk/core/rows.js";
import type { SealedStore } from "../../../../sdk/core/storage/sealed-store.js";
import { nodePlatform } from "../../../../sdk/node/platform.js";
import { NOW_MS } from "../../../support/franking/realm.js";
import { SmallDesk } from "../../../support/franking/small-desk.js";
import { type ManualClock, manualClock, settled } from "../link/manual-clock.js";
import { ownRow } from "../outbox/fixture.js";
import { conversationId, device, me, messageId, peer } from "../people.js";
import { openSealed } from "../storage/fixture.js";

const engine = await nodePlatform.engine();
const identity = engine.generateIdentity();

/** Who speaks in these tests. */
export const speaker: FrankSpeaker = { account: me, device };

/** Everything that franks. */
export interface FrankingFixture {
  readonly store: SealedStore;
  readonly clock: ManualClock;
  readonly desk: SmallDesk;
  readonly realm: Realm;
  readonly asks: DeskAsks;
  readonly tokens: Tokens;
  readonly franker: Franker;
  readonly evidence: EvidenceRows;
  readonly counters: Counters;
  readonly failures: unknown[];
  /** How often what waits was woken. */
  readonly woken: { count: number };
  link: "ready" | "waiting";
  isDevelopment: boolean;
  /** What the next draws of four bytes are, as a share of all there is. */
  chance: number;
  members: readonly AccountId[];
}

/** What a fixture is made of; what is left out is made anew. */
export interface FrankingSetting {
  readonly store?: SealedStore;
  readonly clock?: ManualClock;
  readonly desk?: SmallDesk;
  readonly pinned?: string;
  readonly hostToken?: () => Promise<string>;
}

/** Makes one; another over the same store is the next run. Nothing is asked yet: call `connect`. */
export async function frankingFixture(setting: FrankingSetting = {}): Promise<FrankingFixture> {
  const store = setting.store ?? (await openSealed());
  const clock = setting.clock ?? manualClock(NOW_MS);
  const nowMs = () => clock.now();
  const desk = setting.desk ?? new SmallDesk(speaker, nowMs);
  const counters = new Counters();
  const failures: unknown[] = [];
  const failed = (error: unknown) => void failures.push(error);
  const woken = { count: 0 };
  const account = OwnAccount.create({
    ...ownRow(),
    identityPublic: identity.publicKey,
    identityPrivate: identity.privateKey,
  });
  const random: Random = {
    bytes(size) {
      if (size !== 4) return nodePlatform.random.bytes(size);
      const drawn = new Uint8Array(4);
      new DataView(drawn.buffer).setUint32(0, Math.floor(fixture.chance * 0xffff_ffff));
      return drawn;
    },
  };
  const relay = {
    device: {
      get state() {
        return fixture.link;
      },
      request: desk.request as never,
    },
    nowMs,
  };
  const { deviceKeys } = nodePlatform;
  const log = () => undefined;
  const realm = new Realm({
    ...{ pinned: setting.pinned, store, relay, clock, log, counters, failed },
    verify: deviceKeys.verify,
    isDevelopment: () => fixture.isDevelopment,
    moved() {
      woken.count += 1;
      tokens.reconsider();
    },
  });
  const asks = new DeskAsks({ store, account, engine, realm, relay, random, hostToken: setting.hostToken });
  const tokens = new Tokens({
    ...{ store, speaker, realm, asks, deviceKeys, relay, clock, random, log, counters, failed },
    moved() {
      woken.count += 1;
    },
  });
  const rosters = new Rosters({
    realm: () => (realm.isKnown ? realm.id : undefined),
    membersAt: () => fixture.members,
  });
  const evidence = new EvidenceRows(store);
  const franker = new Franker({
    ...{ store, speaker, realm, tokens, rosters, evidence, random, counters, nowMs },
  });
  const fixture: FrankingFixture = {
    ...{ store, clock, desk, realm, asks, tokens, franker, evidence, counters, failures, woken },
    link: "ready",
    isDevelopment: true,
    chance: 0.5,
    members: [me, peer],
  };
  await Promise.all([realm.load(), tokens.load(), franker.load()]);
  return fixture;
}

/** The connection is ready: what follows from that is done when this resolves. */
export async function connect(fixture: FrankingFixture): Promise<void> {
  fixture.realm.wake();
  fixture.tokens.reconsider();
  await quiet();
}

/** Lets everything happen that needs no time. */
export async function quiet(turns = 60): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await settled();
}

/** An order that says a text. */
export function orderOf(number: number, over: Partial<Row<"outbox">> = {}): Row<"outbox"> {
  const header = { sender: me, device, conversation: conversationId, messageId: messageId(number), seen: [] };
  const body = encodeContent({ ...header, kind: "text", text: `t${number}`, counter: number, sentAtMs: number });
  return {
    envelope: new Uint8Array(16).fill(number),
    recipient: peer,
    type: "content",
    envelopes: [],
    body,
    createdMs: NOW_MS,
    state: "queued",
    ...over,
  };
}
