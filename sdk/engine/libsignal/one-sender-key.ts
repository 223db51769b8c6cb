/** The library's store of sender keys, for one call. */

import type { ProtocolAddress, SenderKeyRecord, SenderKeyStore } from "@signalapp/libsignal-client";
import { equalBytes } from "@sotto/protocol";
import type { Address, EngineChange, EngineRecords } from "../../core/ports.js";
import { uuidOf } from "./distribution.js";
import type { Libsignal } from "./library.js";
import { stored } from "./refusal.js";
import { protocolAddress } from "./sealed.js";
import { decodeSenderKey, encodeSenderKey } from "./sender-key-record.js";

/** Which device's key for which distribution. */
interface KeyName {
  readonly address: Address;
  readonly distribution: Uint8Array;
}

/** The key a call is about, as it was read. */
interface Held {
  readonly since: number;
  readonly record: SenderKeyRecord;
}

/**
 * Holds the one sender key that a call is about, read beforehand, so that no callback of the library can fail, and keeps what
 * the library makes of it.
 */
export class OneSenderKey implements SenderKeyStore {
  readonly sender: ProtocolAddress;
  readonly uuid: string;
  readonly #lib: Libsignal;
  readonly #name: KeyName;
  readonly #held: Held | undefined;
  #saved: Uint8Array<ArrayBuffer> | undefined;

  private constructor(
    lib: Libsignal,
    { name, uuid, held }: { readonly name: KeyName; readonly uuid: string; readonly held: Held | undefined },
  ) {
    this.#lib = lib;
    this.#name = name;
    this.#held = held;
    this.sender = protocolAddress(lib, name.address);
    this.uuid = uuid;
  }

  /** Reads the key. @throws EngineRefusal malformed if a distribution id has another size; storeCorrupt. */
  static async read(lib: Libsignal, records: EngineRecords, name: KeyName): Promise<OneSenderKey> {
    const uuid = uuidOf(name.distribution);
    const bytes = await records.senderKey(name.address, name.distribution);
    if (bytes === undefined) return new OneSenderKey(lib, { name, uuid, held: undefined });
    const { since, state } = decodeSenderKey(bytes);
    return new OneSenderKey(lib, {
      name,
      uuid,
      held: { since, record: stored(() => lib.SenderKeyRecord.deserialize(state)) },
    });
  }

  /** The iteration from which on the key opens messages; `undefined` if none is held. */
  get since(): number | undefined {
    return this.#held?.since;
  }

  /** Whether the library made anything else of the key that was held; false if none was. */
  get isChanged(): boolean {
    if (this.#held === undefined || this.#saved === undefined) return false;
    return !equalBytes(this.#held.record.serialize(), this.#saved);
  }

  /** What the call wants changed: nothing if the key is as it was. @param since of a key that was not held before. */
  changes(since = 0): readonly EngineChange[] {
    if (this.#saved === undefined || (this.#held !== undefined && !this.isChanged)) return [];
    const record = encodeSenderKey({ since: this.#held?.since ?? since, state: this.#saved });
    return [{ kind: "senderKey", ...this.#name, record }];
  }

  async getSenderKey(): Promise<SenderKeyRecord | null> {
    if (this.#saved !== undefined) return this.#lib.SenderKeyRecord.deserialize(this.#saved);
    return this.#held?.record ?? null;
  }

  async saveSenderKey(_sender: ProtocolAddress, _distribution: string, record: SenderKeyRecord): Promise<void> {
    this.#saved = record.serialize();
  }
}
