/** Key-holders for tests, with real keys. */

import { generateKeyPairSync, type KeyObject, randomBytes, randomInt, sign } from "node:crypto";
import { KEMKeyPair, PrivateKey } from "@signalapp/libsignal-client";
import {
  type AccountId,
  authenticationText,
  type DeviceId,
  type Frame,
  hashDeliveryKey,
  PROTOCOL_VERSION,
  registrationText,
} from "@sotto/protocol";

type Bytes = Uint8Array<ArrayBuffer>;

/** What all devices of a person share. */
export class Person {
  readonly identity = PrivateKey.generate();
  readonly deliveryKey: Bytes = new Uint8Array(randomBytes(16));

  constructor(readonly userId: string) {}

  get identityKey(): Bytes {
    return this.identity.getPublicKey().serialize();
  }

  sign(message: Uint8Array): Bytes {
    return this.identity.sign(Uint8Array.from(message));
  }

  /** A signed EC prekey. */
  signedPrekey(id: number) {
    const key = PrivateKey.generate().getPublicKey().serialize();
    return { id, key, signature: this.sign(key) };
  }

  /** A signed Kyber prekey. */
  kyberPrekey(id: number) {
    const key = KEMKeyPair.generate().getPublicKey().serialize();
    return { id, key, signature: this.sign(key) };
  }

  /** One-time keys of both kinds with these ids. */
  oneTimeKeys(ids: readonly number[]) {
    return {
      oneTimePrekeys: ids.map((id) => ({ id, key: PrivateKey.generate().getPublicKey().serialize() })),
      kyberPrekeys: ids.map((id) => this.kyberPrekey(id)),
    };
  }
}

/** One device of a person. `account` and `device` are set once a relay gave them. */
export class TestDevice {
  readonly registrationId = randomInt(1, 0x4000);
  readonly signedPrekey;
  readonly lastResortPrekey;
  readonly authenticationKey: Bytes;
  account: AccountId | undefined;
  device: DeviceId | undefined;
  private readonly privateKey: KeyObject;

  constructor(readonly person: Person) {
    const pair = generateKeyPairSync("ed25519");
    this.privateKey = pair.privateKey;
    this.authenticationKey = new Uint8Array(pair.publicKey.export({ format: "der", type: "spki" }).subarray(-32));
    this.signedPrekey = person.signedPrekey(1);
    this.lastResortPrekey = person.kyberPrekey(1);
  }

  /** The answer that registers this device; changes are made before it is signed. */
  registration(
    challenge: Frame<"challenge">,
    changes: Partial<Frame<"register">> & { readonly mode: Frame<"register">["mode"] },
  ): Frame<"register"> {
    const keys = {
      identityKey: this.person.identityKey,
      authenticationKey: this.authenticationKey,
      registrationId: this.registrationId,
      deliveryKeyHash: hashDeliveryKey(this.person.deliveryKey),
    };
    const text = registrationText(challenge, { ...keys, mode: changes.mode, replaces: changes.replaces });
    return {
      type: "register",
      version: PROTOCOL_VERSION,
      ...keys,
      userId: this.person.userId,
      signedPrekey: this.signedPrekey,
      lastResortPrekey: this.lastResortPrekey,
      identitySignature: this.person.sign(text),
      authenticationSignature: this.signDevice(text),
      ...changes,
    };
  }

  /** The answer that authenticates this device. */
  authentication(challenge: Frame<"challenge">): Frame<"authenticate"> {
    const { account, device } = this.known;
    const signature = this.signDevice(authenticationText(challenge, account, device));
    return { type: "authenticate", version: PROTOCOL_VERSION, account, device, signature };
  }

  /** Signs with the device's authentication key. */
  signDevice(message: Uint8Array): Bytes {
    return new Uint8Array(sign(null, message, this.privateKey));
  }

  /** Account and device id. @throws before the registration */
  get known(): { readonly account: AccountId; readonly device: DeviceId } {
    if (this.account === undefined || this.device === undefined) throw new Error("not registered yet");
    return { account: this.account, device: this.device };
  }
}
