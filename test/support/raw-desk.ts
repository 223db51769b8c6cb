/**
 * A desk that speaks frames by hand, for tests of the relay that need no moderators: it proves itself, puts a realm here, takes
 * asks and reports, and says what is to be done about accounts.
 */

import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import {
  type AccountId,
  deskText,
  encodeFeed,
  encodeManifest,
  encodeRealm,
  encodeSanction,
  epochOf,
  type Frame,
  type FrameToClient,
  type Manifest,
  PROTOCOL_VERSION,
  type Realm,
  realmOf,
  type Sanction,
  SEAL_PUBLIC_KEY_BYTES,
  type Sign,
  statementHash,
} from "@sotto/protocol";
import { FrameSocket } from "./raw-client/frame-socket.js";

/** An Ed25519 key. */
export interface DeskSigner {
  readonly publicKey: Uint8Array;
  readonly sign: Sign;
}

/** The statement of a test's realm. */
export const STATEMENT = "Moderators read what was reported to them, and nothing else.\n";

/** A realm: its root, what signs for its desk, and the key its desk proves itself with. */
export class TestRealm {
  readonly root = newSigner();
  readonly signer = newSigner();
  /** The relay's setting `deskKey`. */
  readonly link = newSigner();
  /** That of when the realm began, so that its documents are the same ones however late it gets. */
  private readonly epoch = epochOf(Date.now());

  get id(): Realm {
    return realmOf(this.root.publicKey);
  }

  /** The bytes of a manifest. */
  manifest(changes: Partial<Manifest> = {}): Uint8Array {
    return encodeManifest({ ...this.manifestFields(), ...changes }, this.root.sign);
  }

  /** A realm document; its parts are signed as they should be unless others are given. */
  document(
    changes: {
      readonly manifest?: Partial<Manifest>;
      readonly feedAtMs?: number;
      readonly statement?: string;
      readonly feedSigner?: DeskSigner;
    } = {},
  ): Uint8Array<ArrayBuffer> {
    const { feedAtMs = 1, feedSigner = this.signer, statement = STATEMENT } = changes;
    return encodeRealm({
      manifest: this.manifest(changes.manifest),
      feed: encodeFeed({ atMs: feedAtMs, names: new Uint8Array(0) }, this.id, feedSigner.sign),
      statement,
      disclosed: [],
    });
  }

  /** A sanction, signed. */
  sanction(
    sanction: Pick<Sanction, "account" | "kind"> & Partial<Sanction>,
    by: Sign = this.signer.sign,
  ): Uint8Array<ArrayBuffer> {
    return encodeSanction({ id: new Uint8Array(randomBytes(16)), atMs: 1, ...sanction }, this.id, by);
  }

  /** What proves this realm's desk to a relay. */
  authentication(challenge: Frame<"challenge">, by: DeskSigner = this.link): Frame<"deskAuthenticate"> {
    const signature = by.sign(deskText(challenge));
    return { type: "deskAuthenticate", version: PROTOCOL_VERSION, key: by.publicKey, signature };
  }

  private manifestFields(): Manifest {
    const key = () => new Uint8Array(SEAL_PUBLIC_KEY_BYTES);
    const span = { notBeforeMs: 0, expiresMs: Number.MAX_SAFE_INTEGER };
    return {
      root: this.root.publicKey,
      number: 1,
      previous: new Uint8Array(32),
      issuedMs: 1,
      minFrankVersion: 1,
      epochs: [{ epoch: this.epoch, issuerKey: this.signer.publicKey }],
      deskKeys: [{ role: "triage", id: new Uint8Array(8), key: key(), ...span }],
      deskSigner: this.signer.publicKey,
      statementHash: statementHash(STATEMENT),
    };
  }
}

/** A desk that dialed a relay and was welcomed. */
export class RawDesk {
  private constructor(
    readonly realm: TestRealm,
    readonly socket: FrameSocket,
  ) {}

  /** Dials a relay whose `deskKey` is `realm.link.publicKey`. */
  static async dial(url: string, realm: TestRealm): Promise<RawDesk> {
    const socket = await FrameSocket.open(url);
    socket.send(realm.authentication(await socket.until("challenge")));
    await socket.until("deskWelcome");
    return new RawDesk(realm, socket);
  }

  /** Dials, and puts the realm there. */
  static async serving(url: string, realm: TestRealm): Promise<RawDesk> {
    const desk = await RawDesk.dial(url, realm);
    await desk.done({ type: "putRealm", document: realm.document() });
    return desk;
  }

  /** Makes a request that must be answered `done`. */
  async done(request: Parameters<FrameSocket["ask"]>[0]): Promise<void> {
    const answer = await this.socket.ask(request);
    if (answer.type !== "done") throw new Error(`expected done, got ${JSON.stringify(answer)}`);
  }

  /** Has a sanction carried out. */
  enforce(sanction: Parameters<TestRealm["sanction"]>[0]): Promise<void> {
    return this.done({ type: "enforce", sanction: this.realm.sanction(sanction) });
  }

  notify(account: AccountId): Promise<void> {
    return this.done({ type: "notify", account });
  }

  /** Answers the next ask with these bytes, and answers what was asked. */
  async answerNext(body: Uint8Array): Promise<Frame<"deskAsked">> {
    const asked = await this.socket.until("deskAsked");
    this.socket.send({ type: "deskAnswered", ask: asked.ask, body });
    return asked;
  }

  /** The reports behind a number. */
  async reports(after = 0): Promise<Frame<"reports">> {
    const answer: FrameToClient = await this.socket.ask({ type: "fetchReports", after });
    if (answer.type !== "reports") throw new Error(`expected reports, got ${answer.type}`);
    return answer;
  }

  close(): Promise<void> {
    return this.socket.close();
  }
}

/** An Ed25519 key of chance. */
export function newSigner(): DeskSigner {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    publicKey: new Uint8Array(publicKey.export({ format: "der", type: "spki" }).subarray(-32)),
    sign: (message) => new Uint8Array(sign(null, message, privateKey)),
  };
}
