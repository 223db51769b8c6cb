/** A desk on rows in memory beside a relay that is only a double, people with their own keys, and a clock that tests turn. */

import { randomBytes } from "node:crypto";
import { PrivateKey } from "@signalapp/libsignal-client";
import {
  type AccountId,
  accountIdFromBytes,
  accountIdToBytes,
  type DeskAnswer,
  type DeskKey,
  type DeskNote,
  type DeviceId,
  decodeDeskAnswer,
  decodeManifest,
  decodeNote,
  decodeRealm,
  decodeSanction,
  deskBox,
  deskKeyOf,
  EPOCH_MS,
  encodeAsk,
  encodeEnrolment,
  enrolmentContext,
  enrolmentText,
  epochOf,
  fromHex,
  noteContext,
  type ReadManifest,
  type Realm,
  type RealmDocument,
  type Sanction,
  seal,
  TOKENS_PER_BATCH,
  type Token,
  unseal,
} from "@sotto/protocol";
import {
  createDesk,
  DEFAULT_STATEMENT,
  type Desk,
  type DeskParts,
  type DeskSettings,
  defaultDeskSettings,
  type SigningKey,
  signingKeyOf,
  verifySignature,
} from "../../../server/desk/index.js";
import type { RelayReport } from "../../../server/desk/ports.js";
import { type MemoryRows, memoryRows } from "./memory-rows.js";

/** The first moment of a day, in the middle of an epoch. */
export const START_MS = Math.floor(Date.UTC(2026, 10, 22) / EPOCH_MS) * EPOCH_MS + EPOCH_MS / 2;
export const DAY_MS = 24 * 3_600_000;

/** A relay as far as a desk sees it. */
export interface RelayDouble {
  /** What the desk published last. */
  document: Uint8Array | undefined;
  readonly waiting: RelayReport[];
  readonly enforced: Uint8Array[];
  readonly told: AccountId[];
  state: "here" | "away";
  /** What it waits for before it answers that it told an account. */
  answering: Promise<void>;
  stampKey(epoch: number): Uint8Array;
  leave(report: Omit<RelayReport, "seq">): void;
}

/** A desk under test. */
export interface TestDesk {
  readonly desk: Desk;
  readonly rows: MemoryRows;
  readonly relay: RelayDouble;
  readonly realm: Realm;
  readonly calls: { readonly url: string; readonly body: string; readonly signature: string }[];
  readonly troubles: string[];
  webhook: "takes" | "refuses";
  nowMs: number;
  /** Turns the clock and does what fell due. */
  pass(ms: number): Promise<void>;
  sanctions(): Sanction[];
  /** Another desk on the same rows, as after a restart. */
  again(): Promise<TestDesk>;
}

/** Opens a desk and connects it to its relay. */
export async function openDesk(
  settings: Partial<DeskSettings> = {},
  parts: Partial<DeskParts> = {},
  rows: MemoryRows = memoryRows(),
): Promise<TestDesk> {
  const stampKeys = new Map<number, Uint8Array>();
  const relay: RelayDouble = {
    document: undefined,
    waiting: [],
    enforced: [],
    told: [],
    state: "here",
    answering: Promise.resolve(),
    stampKey(epoch) {
      const key = stampKeys.get(epoch) ?? randomBytes(32);
      stampKeys.set(epoch, key);
      return key;
    },
    leave(report) {
      relay.waiting.push({ ...report, seq: (relay.waiting.at(-1)?.seq ?? 0) + 1 });
    },
  };
  const here = async (): Promise<void> => {
    if (relay.state === "away") throw new Error("the relay is away");
  };
  const test = {
    rows,
    relay,
    calls: [] as { url: string; body: string; signature: string }[],
    troubles: [] as string[],
    webhook: "takes" as "takes" | "refuses",
    nowMs: START_MS,
  };
  const desk = await createDesk({
    rows,
    settings: {
      ...defaultDeskSettings,
      name: "Test desk",
      mode: "own process",
      statement: DEFAULT_STATEMENT,
      ...settings,
    },
    now: () => test.nowMs,
    random: (bytes) => new Uint8Array(randomBytes(bytes)),
    async callWebhook(url, body, signature) {
      if (test.webhook === "refuses") throw new Error("not now");
      test.calls.push({ url, body, signature });
    },
    trouble: (kind) => void test.troubles.push(kind),
    relay: {
      async putRealm(document) {
        await here();
        relay.document = document;
      },
      async stampKeys() {
        await here();
        const present = epochOf(test.nowMs);
        for (const epoch of [present, present + 1]) relay.stampKey(epoch);
        // All it ever made, whatever it was asked for: what the desk destroyed must not come back.
        return [...stampKeys].map(([epoch, key]) => ({ epoch, key }));
      },
      async reports(after) {
        await here();
        const reports = relay.waiting.filter(({ seq }) => seq > after);
        return { reports: reports.slice(0, 4), more: reports.length > 4 };
      },
      async acknowledgeReports(upTo) {
        await here();
        relay.waiting.splice(0, relay.waiting.findLastIndex(({ seq }) => seq <= upTo) + 1);
      },
      async enforce(sanction) {
        await here();
        relay.enforced.push(sanction);
      },
      async notify(account) {
        await here();
        relay.told.push(account);
        await relay.answering;
      },
    },
    ...parts,
  });
  desk.connected();
  await desk.settled();
  const { realm, signer } = { realm: fromHex(desk.publicInfo.realm), signer: fromHex(desk.publicInfo.signer) };
  const full = Object.assign(test, {
    desk,
    realm,
    async pass(ms: number) {
      test.nowMs += ms;
      await desk.sweep(new AbortController().signal);
    },
    sanctions: () => relay.enforced.map((one) => decodeSanction(one, realm, signer, verifySignature)),
    async again() {
      await desk.close();
      const next = await openDesk(settings, parts, rows);
      next.nowMs = test.nowMs;
      return next;
    },
  });
  return full;
}

/** Somebody with an account and one device. */
export interface Someone {
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly identity: PrivateKey;
  readonly deskKey: Uint8Array;
  ask(desk: TestDesk, ...ask: Parameters<typeof encodeAsk>): Promise<DeskAnswer>;
  /** `claimed`: as whose identity key, if not its own. */
  enrol(desk: TestDesk, hostToken?: string, claimed?: Uint8Array): Promise<DeskAnswer>;
  /** Tokens with their secret keys. @throws Error if the desk refuses. */
  tokens(desk: TestDesk, epoch?: number): Promise<(Token & { readonly signing: SigningKey })[]>;
  notes(desk: TestDesk): Promise<DeskNote[]>;
}

/** A person nobody knows yet. */
export function someone(
  account: AccountId = accountIdFromBytes(randomBytes(16)),
  deviceNumber = 1,
  identity = PrivateKey.generate(),
): Someone {
  const device = deviceNumber as DeviceId;
  const deskKey = new Uint8Array(randomBytes(32));
  const box = deskBox(identity.serialize());
  const speaker = { account, device };
  async function asked(test: TestDesk, body: Uint8Array): Promise<DeskAnswer> {
    return decodeDeskAnswer(await test.desk.asked(account, device, body));
  }
  const me: Someone = {
    ...{ account, device, identity, deskKey },
    ask: (test, topic, body) => asked(test, encodeAsk(topic, body, { realm: test.realm, speaker, deskKey })),
    enrol(test, hostToken, claimed = identity.getPublicKey().serialize()) {
      const { realm } = test;
      const text = enrolmentText(realm, speaker, { deskKey, box: box.publicKey });
      const enrolment = encodeEnrolment({
        ...{ deskKey, hostToken, box: box.publicKey },
        identityKey: claimed,
        signature: identity.sign(text),
      });
      const key = triageKeyOf(test);
      const sealed = seal(key.key, enrolmentContext(realm, speaker), enrolment);
      return asked(test, encodeAsk("enrol", { key: key.id, sealed }));
    },
    async tokens(test, epoch = epochOf(test.nowMs)) {
      const secrets = Array.from({ length: TOKENS_PER_BATCH }, () => signingKeyOf(randomBytes(32)));
      const answer = await me.ask(test, "tokens", { epoch, keys: secrets.map(({ publicKey }) => publicKey) });
      if (answer.kind !== "tokens")
        throw new Error(`refused: ${answer.kind === "refused" ? answer.reason : answer.kind}`);
      return answer.tokens.map((token, index) => {
        const signing = secrets[index] as SigningKey;
        return { ...token, epoch, publicKey: signing.publicKey, signing };
      });
    },
    async notes(test) {
      const answer = await me.ask(test, "notes", { after: 0 });
      if (answer.kind !== "notes") throw new Error(`no notes: ${answer.kind}`);
      return answer.notes.map(({ id, sealed }) => {
        const opened = unseal(box.secretKey, noteContext(test.realm, account, id), sealed);
        if (opened === undefined) throw new Error("a note that does not open");
        return decodeNote(opened);
      });
    },
  };
  return me;
}

/** What the relay serves of a desk's realm, read. */
export function realmOfDesk({ relay, desk }: TestDesk): Omit<RealmDocument, "manifest"> & {
  readonly manifest: ReadManifest;
  readonly encodedManifest: Uint8Array;
} {
  if (relay.document === undefined) throw new Error("nothing was published");
  const { manifest, feed, statement, disclosed } = decodeRealm(relay.document);
  const read = decodeManifest(manifest, verifySignature);
  if (Buffer.from(read.deskSigner).toString("hex") !== desk.publicInfo.signer) throw new Error("another signer");
  return { manifest: read, encodedManifest: manifest, feed, statement, disclosed };
}

/** The triage key that is published. */
export function triageKeyOf(test: TestDesk): DeskKey {
  const key = deskKeyOf(realmOfDesk(test).manifest, "triage", test.nowMs);
  if (key === undefined) throw new Error("no triage key");
  return key;
}

/** The 16 bytes of an account, as stamps and rosters name it. */
export function bytesOf(account: AccountId): Uint8Array {
  return accountIdToBytes(account);
}
