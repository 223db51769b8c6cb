/** Sender keys: made, handed to others, taken from them, and used to open what they encrypted. */

import { equalBytes } from "@sotto/protocol";
import { type Engine, type EngineChange, type EngineRecords, EngineRefusal } from "../../core/ports.js";
import { heldIdentity } from "./held-identity.js";
import { type Libsignal, plain } from "./library.js";
import { OneSenderKey } from "./one-sender-key.js";
import { parsed, refused } from "./refusal.js";
import type { ValidatedCiphertext } from "./sealed.js";

/** The part of the engine that hands sender keys over and takes them. */
export function senderKeysOf(lib: Libsignal): Pick<Engine, "distributeSenderKey" | "takeSenderKey"> {
  return {
    async distributeSenderKey(records, distribution) {
      const key = await OneSenderKey.read(lib, records, { address: records.own().address, distribution });
      const message = await refused("malformed", () =>
        lib.SenderKeyDistributionMessage.create(key.sender, key.uuid, key),
      );
      return { message: message.serialize(), changes: key.changes() };
    },

    async takeSenderKey(records, sender, { distribution, message }) {
      const { address } = records.own();
      const handed = parsed("malformed", () => lib.SenderKeyDistributionMessage.deserialize(plain(message)));
      const key = await OneSenderKey.read(lib, records, { address: sender, distribution });
      const isOwn = sender.account === address.account && sender.device === address.device;
      if (isOwn || handed.distributionId() !== key.uuid) throw new EngineRefusal("malformed");
      await refused("malformed", () => lib.processSenderKeyDistributionMessage(key.sender, handed, key));
      // One distribution has one chain. The library would keep five, and forget the oldest with what of it was opened.
      if (key.isChanged) throw new EngineRefusal("malformed");
      return key.changes(handed.iteration());
    },
  };
}

/**
 * Decrypts what a device encrypted under its sender key.
 *
 * @throws EngineRefusal noSenderKey if no key of this sender is held that reaches back so far, or if it was handed over by
 *   another identity than the certificate names: only a session shows that an identity changed.
 */
export async function decryptUnderSenderKey(
  lib: Libsignal,
  records: EngineRecords,
  { envelope, bytes }: ValidatedCiphertext,
): Promise<{ readonly plaintext: Uint8Array; readonly changes: readonly EngineChange[] }> {
  const { sender, senderIdentity, distribution } = envelope;
  if (distribution === undefined) throw new EngineRefusal("malformed");
  const identity = await heldIdentity(records, sender.account);
  const key = await OneSenderKey.read(lib, records, { address: sender, distribution });
  const { since } = key;
  const message = parsed("malformed", () => lib.SenderKeyMessage.deserialize(bytes));
  const isOfHeld = identity === undefined || equalBytes(identity, senderIdentity);
  if (since === undefined || !isOfHeld || message.iteration() < since) throw new EngineRefusal("noSenderKey");
  const plaintext = await refused("invalidMessage", () => lib.groupDecrypt(key.sender, key, bytes));
  return { plaintext, changes: key.changes() };
}
