/** An engine that encrypts nothing: it keeps only the port's rules about sessions, sender keys and their changes. */

import type { AccountId } from "@sotto/protocol";
import { type Address, type Engine, type EngineRecords, EngineRefusal } from "../../../../../sdk/core/ports.js";

const encoder = new TextEncoder();
const json = (value: unknown) => encoder.encode(JSON.stringify(value));
const parse = <T>(bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes)) as T;

/** What a message to a group "says". */
export interface OpenMessage {
  readonly distribution: readonly number[];
  readonly iteration: number;
  readonly recipients: readonly {
    readonly account: AccountId;
    readonly device: number;
    readonly registrationId: number;
  }[];
  readonly plaintext: readonly number[];
}

/** What a distribution message "says". */
export interface OpenKey {
  readonly distribution: readonly number[];
  readonly iteration: number;
}

export const openMessage = (message: Uint8Array) => parse<OpenMessage>(message);
export const openKey = (message: Uint8Array) => parse<OpenKey>(message);

const ownIteration = async (records: EngineRecords, distribution: Uint8Array) => {
  const record = await records.senderKey(records.own().address, distribution);
  return record === undefined ? undefined : parse<number>(record);
};

/** A session is its device's registration id, a sender key its iteration. */
export const unsafeGroupEngine = {
  usableSession: (session: Uint8Array | undefined) => (session === undefined ? undefined : parse<number>(session)),
  async startSession(_records: unknown, address: Address, { registrationId }: { readonly registrationId: number }) {
    return [{ kind: "session", address, record: json(registrationId) }];
  },
  async encrypt(records: EngineRecords, address: Address, plaintext: Uint8Array) {
    const session = await records.session(address);
    if (session === undefined) throw new EngineRefusal("noSession");
    return { sealed: plaintext, registrationId: parse<number>(session), changes: [] };
  },
  async distributeSenderKey(records: EngineRecords, distribution: Uint8Array) {
    const iteration = await ownIteration(records, distribution);
    const message = json({ distribution: [...distribution], iteration: iteration ?? 0 } satisfies OpenKey);
    if (iteration !== undefined) return { message, changes: [] };
    return { message, changes: [{ kind: "senderKey", address: records.own().address, distribution, record: json(0) }] };
  },
  async takeSenderKey(
    _records: EngineRecords,
    address: Address,
    { distribution, message }: { readonly distribution: Uint8Array; readonly message: Uint8Array },
  ) {
    if (message.length === 0) throw new EngineRefusal("malformed");
    return [{ kind: "senderKey", address, distribution, record: message }];
  },
  async encryptToGroup(
    records: EngineRecords,
    { distribution, recipients, plaintext }: Parameters<Engine["encryptToGroup"]>[1],
  ) {
    const iteration = await ownIteration(records, distribution);
    if (iteration === undefined) throw new EngineRefusal("noSenderKey");
    const sessions = await Promise.all(recipients.map((recipient) => records.session(recipient)));
    const missing = recipients.filter((_recipient, at) => sessions[at] === undefined);
    if (missing.length > 0) throw new EngineRefusal("noSession", { missing });
    const message: OpenMessage = {
      ...{ distribution: [...distribution], iteration, plaintext: [...plaintext] },
      recipients: recipients.map(({ account, device }, at) => {
        return { account, device, registrationId: parse<number>(sessions[at] ?? json(0)) };
      }),
    };
    const address = records.own().address;
    return {
      message: json(message),
      changes: [{ kind: "senderKey", address, distribution, record: json(iteration + 1) }],
    };
  },
} as unknown as Engine;
