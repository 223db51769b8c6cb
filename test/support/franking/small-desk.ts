/**
 * A desk in miniature behind a link in the test's hands: serves a realm document, takes enrolments, gives out tokens. What it
 * answers is on the wire as a real one's; what it knows is in memory.
 */

import {
  askMac,
  type DeskAnswer,
  type DeskRefusal,
  decodeAsk,
  decodeAskBody,
  decodeEnrolment,
  deskKeyId,
  digest,
  type Enrolment,
  EPOCH_MS,
  encodeDeskAnswer,
  encodeFeed,
  encodeManifest,
  encodeRealm,
  enrolmentContext,
  epochOf,
  equalBytes,
  type Frame,
  type FrankSpeaker,
  realmFingerprint,
  SottoError,
  sealKeysOf,
  statementHash,
  toHex,
  unseal,
} from "@sotto/protocol";
import { SmallRealm, secretOf } from "./realm.js";
import { type Signer, signerOf } from "./signatures.js";

const STATEMENT = "What moderators can do here, and what they cannot.";

/** An ask as the desk understood it. */
export interface Asked {
  readonly topic: string;
  readonly epoch?: number;
}

/** The desk, and the relay before it. */
export class SmallDesk {
  readonly small: SmallRealm;
  readonly asked: Asked[] = [];
  readonly enrolments: Enrolment[] = [];
  /** What it answers every ask but an enrolment with. */
  refusal: { readonly reason: DeskRefusal; readonly untilMs?: number } | undefined;
  /** `deskAway`: asks are answered busy. `no`: there is no realm either. */
  available: Frame<"realm">["available"] = "yes";
  /** What the issuer's signatures are made to be. */
  spoil: (signature: Uint8Array) => Uint8Array = (signature) => signature;
  number = 1;
  minFrankVersion = 1;
  /** What it shows as its statement; the manifest names another. */
  shownStatement = STATEMENT;
  /** Who signs the feed. */
  feedSigner: Signer;
  feedMs: number;
  revoked: readonly Uint8Array[] = [];
  /** Epochs that the manifest names, counted from the present one. */
  ahead = 1;
  private readonly firstEpoch: number;
  private readonly deskKeys = new Map<string, Uint8Array>();
  private readonly triage = sealKeysOf(secretOf("small triage"));
  private readonly signer = signerOf(secretOf("small signer"));

  constructor(
    private readonly speaker: FrankSpeaker,
    private readonly nowMs: () => number,
    name = "realm",
  ) {
    this.small = new SmallRealm(name);
    this.feedMs = nowMs();
    this.feedSigner = this.signer;
    this.firstEpoch = epochOf(nowMs());
  }

  /** What an app pins. */
  get pin(): string {
    return realmFingerprint(this.small.root.publicKey);
  }

  /** What the relay serves now. */
  document(): Uint8Array {
    const epoch = epochOf(this.nowMs());
    const { root } = this.small;
    const epochs = Array.from({ length: 4 + this.ahead }, (_, index) => epoch - 3 + index);
    const manifest = encodeManifest(
      {
        root: root.publicKey,
        // A day later it is another one; of the next number it would have to name this one.
        number: this.number + 2 * (epoch - this.firstEpoch),
        previous: new Uint8Array(32),
        issuedMs: epoch * EPOCH_MS,
        minFrankVersion: this.minFrankVersion,
        epochs: epochs.map((number) => ({ epoch: number, issuerKey: this.small.issuer(number).publicKey })),
        deskKeys: [
          {
            ...{ role: "triage", id: deskKeyId(this.triage.publicKey), key: this.triage.publicKey },
            ...{ notBeforeMs: 0, expiresMs: (epoch + 30) * EPOCH_MS },
          },
        ],
        deskSigner: this.signer.publicKey,
        statementHash: statementHash(STATEMENT),
      },
      root.sign,
    );
    const names = new Uint8Array(this.revoked.length * 8);
    const ascending = [...this.revoked].sort((one, other) => (toHex(one) < toHex(other) ? -1 : 1));
    for (const [index, name] of ascending.entries()) names.set(name, index * 8);
    const feed = encodeFeed({ atMs: this.feedMs, names }, this.small.realm, this.feedSigner.sign);
    return encodeRealm({ manifest, feed, statement: this.shownStatement, disclosed: [] });
  }

  /** What a connection asks: only what goes to the desk or is about the realm. */
  readonly request = async (frame: { readonly type: string }): Promise<never> => {
    const asked = frame as Frame<"fetchRealm"> | Frame<"askDesk">;
    if (asked.type === "fetchRealm") return this.realm(asked.known) as never;
    if (this.available !== "yes") throw new SottoError("busy");
    return { type: "deskAnswer", id: 1, body: encodeDeskAnswer(this.answer(asked.body)) } as never;
  };

  private realm(known: Uint8Array | undefined): Frame<"realm"> {
    const { available } = this;
    if (available === "no") return { type: "realm", id: 1, available };
    const document = this.document();
    const isKnown = known !== undefined && equalBytes(known, digest(document));
    return { type: "realm", id: 1, available, document: isKnown ? undefined : document };
  }

  /** Forgets everybody, as a desk with a new folder does. */
  forget(): void {
    this.deskKeys.clear();
  }

  private answer(body: Uint8Array): DeskAnswer {
    const ask = decodeAsk(body);
    const name = `${this.speaker.account}/${this.speaker.device}`;
    if (ask.topic === "enrol") return this.enrol(name, ask.body);
    this.asked.push({
      topic: ask.topic,
      ...(ask.topic === "tokens" ? { epoch: decodeAskBody("tokens", ask.body).epoch } : {}),
    });
    const deskKey = this.deskKeys.get(name);
    const isKnown =
      deskKey !== undefined &&
      ask.mac !== undefined &&
      equalBytes(ask.mac, askMac(deskKey, this.small.realm, this.speaker, ask));
    if (!isKnown) return { kind: "refused", reason: "unknownDevice", untilMs: undefined };
    if (this.refusal !== undefined) return { kind: "refused", untilMs: undefined, ...this.refusal };
    if (ask.topic === "notes") return { kind: "notes", notes: [], more: "no" };
    const { epoch, keys } = decodeAskBody("tokens", ask.body);
    const tokens = keys.map((key) => this.small.issue(this.speaker, key, epoch));
    return {
      kind: "tokens",
      epoch,
      tokens: tokens.map(({ accountTag, signature }) => ({ accountTag, signature: this.spoil(signature) })),
    };
  }

  private enrol(name: string, body: Uint8Array): DeskAnswer {
    this.asked.push({ topic: "enrol" });
    const { sealed } = decodeAskBody("enrol", body);
    const opened = unseal(this.triage.secretKey, enrolmentContext(this.small.realm, this.speaker), sealed);
    if (opened === undefined) return { kind: "refused", reason: "badAsk", untilMs: undefined };
    const enrolment = decodeEnrolment(opened);
    this.enrolments.push(enrolment);
    this.deskKeys.set(name, enrolment.deskKey.slice());
    return { kind: "enrolled" };
  }
}
