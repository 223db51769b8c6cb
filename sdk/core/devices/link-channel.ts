/** What the two sides of a link seal for each other, with keys that only they can derive. */

import {
  challengedTranscript,
  decodeLinkRecord,
  encodeLinkRecord,
  type LinkOffer,
  type LinkRecord,
  type LinkSecrets,
  type LinkStep,
  linkCode,
  linkStepKey,
  linkTranscript,
  SottoError,
} from "@sotto/protocol";
import type { Cipher, Engine } from "../ports.js";

/** Each key seals one body. */
const NONCE = new Uint8Array(12);
const NOTHING = new Uint8Array(0);

/** The ports a channel works with. */
export interface ChannelPorts {
  readonly engine: Pick<Engine, "agree">;
  readonly cipher: Cipher;
}

/** One side's end of a link, from the moment it knows the other side's ephemeral key. */
export class LinkChannel {
  readonly #cipher: Cipher;
  #secrets: LinkSecrets;

  private constructor(cipher: Cipher, secrets: LinkSecrets) {
    this.#cipher = cipher;
    this.#secrets = secrets;
  }

  /**
   * Agrees with the other side, whose ephemeral key is `theirs`; `joined` is the new device's, whoever asks.
   *
   * @throws linkInvalid if their key is none.
   */
  static agree(
    { engine, cipher }: ChannelPorts,
    offer: LinkOffer,
    keys: { readonly mine: Uint8Array; readonly theirs: Uint8Array; readonly joined: Uint8Array },
  ): LinkChannel {
    let shared: Uint8Array;
    try {
      shared = engine.agree(keys.mine, keys.theirs);
    } catch (cause) {
      throw new SottoError("linkInvalid", { detail: "an ephemeral key that is none", cause });
    }
    const transcript = linkTranscript(offer, keys.joined);
    return new LinkChannel(cipher, { shared, secret: offer.secret.slice(), transcript });
  }

  /** The sealed body of a step. Each step is sealed once. */
  seal<Step extends LinkStep>(step: Step, fields: LinkRecord<Step>): Uint8Array {
    const key = linkStepKey(this.#secrets, step);
    const plain = encodeLinkRecord(step, fields);
    const sealed = this.#cipher.seal(key, NONCE, plain, NOTHING);
    plain.fill(0);
    key.fill(0);
    return sealed;
  }

  /**
   * Opens a step of the other side.
   *
   * @throws linkInvalid if it was sealed by anybody else, for another link or another step, or was damaged.
   */
  open<Step extends LinkStep>(step: Step, sealed: Uint8Array): LinkRecord<Step> {
    const key = linkStepKey(this.#secrets, step);
    const padded = this.#cipher.open(key, NONCE, sealed, NOTHING);
    key.fill(0);
    if (padded === undefined) throw new SottoError("linkInvalid", { detail: `a ${step} that does not open` });
    return decodeLinkRecord(step, padded);
  }

  /** Takes the challenge into all that follows, and answers the code that both sides now show. */
  challenged(said: { readonly join: Uint8Array; readonly challenge: Uint8Array }): string {
    const transcript = challengedTranscript(this.#secrets.transcript, said);
    this.#secrets = { ...this.#secrets, transcript };
    return linkCode(this.#secrets);
  }

  /** Forgets the keys. Idempotent; nothing opens afterwards. */
  wipe(): void {
    this.#secrets.shared.fill(0);
    this.#secrets.secret.fill(0);
  }
}
