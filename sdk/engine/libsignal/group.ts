/** Messages to many devices: encrypted once under a sender key, sealed to all as one multi-recipient message. */

import type {
  IdentityKeyPair,
  IdentityKeyStore,
  PrivateKey,
  ProtocolAddress,
  PublicKey,
  SessionRecord,
  SessionStore,
} from "@signalapp/libsignal-client";
import type { AccountId } from "@sotto/protocol";
import { type Address, type Engine, type EngineRecords, EngineRefusal } from "../../core/ports.js";
import { heldIdentity } from "./held-identity.js";
import type { keysOf } from "./keys.js";
import { type Libsignal, plain } from "./library.js";
import { OneSenderKey } from "./one-sender-key.js";
import { parsed, refused, stored } from "./refusal.js";
import { GROUP_ID_BYTES, protocolAddress } from "./sealed.js";

/** One device that a message can be sealed to. */
interface Recipient {
  readonly address: ProtocolAddress;
  readonly session: SessionRecord;
  readonly identity: PublicKey;
}

/** The part of the engine that encrypts to groups. */
export function groupsOf(
  lib: Libsignal,
  { pairOf }: Pick<ReturnType<typeof keysOf>, "pairOf">,
): Pick<Engine, "encryptToGroup"> {
  return {
    async encryptToGroup(records, { distribution, group, recipients, plaintext, certificate, nowMs }) {
      const { address, identity } = records.own();
      if (group.length !== GROUP_ID_BYTES || hasRepetition(recipients)) throw new EngineRefusal("malformed");
      const sender = parsed("malformed", () => lib.SenderCertificate.deserialize(plain(certificate)));
      const key = await OneSenderKey.read(lib, records, { address, distribution });
      if (key.since === undefined) throw new EngineRefusal("noSenderKey");
      const sealable = await sealableOf(lib, records, { recipients, nowMs });
      const message = await refused("noSenderKey", () => lib.groupEncrypt(key.sender, key.uuid, key, plain(plaintext)));
      const content = lib.UnidentifiedSenderMessageContent.new(
        message,
        sender,
        lib.ContentHint.Resendable,
        plain(group),
      );
      const stores = new RecipientStores(pairOf(identity), sealable);
      const sealed = await refused("malformed", () =>
        lib.sealedSenderMultiRecipientEncrypt({
          content,
          recipients: sealable.map((recipient) => recipient.address),
          identityStore: stores,
          sessionStore: stores,
        }),
      );
      return { message: sealed, changes: key.changes() };
    },
  };
}

/**
 * All that sealing to devices needs, read beforehand: a library that finds one session missing says neither which one nor
 * how many.
 *
 * @throws EngineRefusal noSession, naming every device without a session that can encrypt now.
 */
async function sealableOf(
  lib: Libsignal,
  records: EngineRecords,
  { recipients, nowMs }: { readonly recipients: readonly Address[]; readonly nowMs: number },
): Promise<readonly Recipient[]> {
  const accounts = [...new Set(recipients.map(({ account }) => account))];
  const identities = new Map<AccountId, PublicKey | undefined>();
  await Promise.all(
    accounts.map(async (account) => {
      const key = await heldIdentity(records, account);
      identities.set(account, key && stored(() => lib.PublicKey.deserialize(plain(key))));
    }),
  );
  const sessions = await Promise.all(recipients.map((recipient) => records.session(recipient)));
  const now = new Date(nowMs);
  const sealable: Recipient[] = [];
  const missing: Address[] = [];
  for (const [index, recipient] of recipients.entries()) {
    const record = sessions[index];
    const session = record && stored(() => lib.SessionRecord.deserialize(plain(record)));
    const identity = identities.get(recipient.account);
    if (session === undefined || identity === undefined || !session.hasCurrentState(now)) missing.push(recipient);
    else sealable.push({ address: protocolAddress(lib, recipient), session, identity });
  }
  if (missing.length > 0) throw new EngineRefusal("noSession", { missing });
  return sealable;
}

/** What the library asks for while it seals to many devices: all of it was read before, and nothing is changed. */
class RecipientStores implements SessionStore, IdentityKeyStore {
  readonly #own: IdentityKeyPair;
  readonly #recipients: ReadonlyMap<string, Recipient>;

  constructor(own: IdentityKeyPair, recipients: readonly Recipient[]) {
    this.#own = own;
    this.#recipients = new Map(recipients.map((recipient) => [recipient.address.toString(), recipient]));
  }

  async getExistingSessions(addresses: ProtocolAddress[]): Promise<SessionRecord[]> {
    return addresses.map((address) => this.#recipient(address).session);
  }

  async getIdentity(address: ProtocolAddress): Promise<PublicKey> {
    return this.#recipient(address).identity;
  }

  async getIdentityKeyPair(): Promise<IdentityKeyPair> {
    return this.#own;
  }

  async getIdentityKey(): Promise<PrivateKey> {
    return this.#own.privateKey;
  }

  // Sealing to many asks for nothing below: it uses no session up, and meets nobody.

  async getSession(): Promise<never> {
    return unasked();
  }

  async saveSession(): Promise<never> {
    return unasked();
  }

  async getLocalRegistrationId(): Promise<never> {
    return unasked();
  }

  async isTrustedIdentity(): Promise<never> {
    return unasked();
  }

  async saveIdentity(): Promise<never> {
    return unasked();
  }

  #recipient(address: ProtocolAddress): Recipient {
    return this.#recipients.get(address.toString()) ?? unasked();
  }
}

function unasked(): never {
  throw new EngineRefusal("malformed");
}

/** The relay takes no device twice, and the library does not mind. */
function hasRepetition(recipients: readonly Address[]): boolean {
  return new Set(recipients.map(({ account, device }) => `${account}.${device}`)).size !== recipients.length;
}
