/** The outer layer: sealed sender, with the certificate's validation inside the only function that opens it. */

import type { CiphertextMessage } from "@signalapp/libsignal-client";
import { parseAccountId, parseDeviceId } from "@sotto/protocol";
import { type Address, EngineRefusal, type Unsealed } from "../../core/ports.js";
import type { CallStores } from "./call-stores.js";
import { distributionOf } from "./distribution.js";
import type { KnownCertificates } from "./known-certificates.js";
import { type Libsignal, plain } from "./library.js";
import { parsed } from "./refusal.js";

/** Bytes of a group id. A sender may put anything there; what has another size names no group. */
export const GROUP_ID_BYTES = 16;

/** The inner ciphertext of an envelope that was opened and validated. Only `unseal` makes one. */
export class ValidatedCiphertext {
  constructor(
    /** What unsealing said of it: the engine's own copy, whatever a caller hands back beside it. */
    readonly envelope: Omit<Unsealed, "inner">,
    readonly bytes: Uint8Array<ArrayBuffer>,
  ) {}
}

/** Seals a ciphertext to one device under the sender's certificate. */
export async function seal(
  lib: Libsignal,
  stores: CallStores,
  message: CiphertextMessage,
  { peer, certificate }: { readonly peer: Address; readonly certificate: Uint8Array },
): Promise<Uint8Array> {
  const sender = parsed("malformed", () => lib.SenderCertificate.deserialize(plain(certificate)));
  const content = lib.UnidentifiedSenderMessageContent.new(message, sender, lib.ContentHint.Default, null);
  return stores.run("malformed", () => lib.sealedSenderEncrypt(content, protocolAddress(lib, peer), stores));
}

/** What unsealing goes by. */
export interface UnsealParts {
  readonly own: Address;
  readonly roots: readonly Uint8Array[];
  readonly nowMs: number;
  readonly known: KnownCertificates;
}

/**
 * Opens the outer layer and believes nothing of it before the certificate is valid under a pinned root.
 *
 * @throws EngineRefusal invalidSealed or selfSend.
 */
export async function unseal(
  lib: Libsignal,
  stores: CallStores,
  sealed: Uint8Array,
  { own, roots, nowMs, known }: UnsealParts,
): Promise<Unsealed> {
  const trustRoots = roots.map((root) => parsed("invalidSealed", () => lib.PublicKey.deserialize(plain(root))));
  // The library opens this layer without looking at the certificate.
  const content = await stores.run("invalidSealed", () => lib.sealedSenderDecryptToUsmc(plain(sealed), stores));
  const certificate = content.senderCertificate();
  if (!parsed("invalidSealed", () => known.isValid(certificate, trustRoots, nowMs))) {
    throw new EngineRefusal("invalidSealed");
  }

  const aci = certificate.senderAci();
  if (aci === null) throw new EngineRefusal("invalidSealed");
  const sender = parsed("invalidSealed", () => ({
    account: parseAccountId(aci.getRawUuid()),
    device: parseDeviceId(certificate.senderDeviceId()),
  }));
  if (sender.account === own.account && sender.device === own.device) throw new EngineRefusal("selfSend");

  const bytes = content.contents();
  const kind = kindOf(lib, content.msgType());
  const group = content.groupId();
  const envelope = {
    sender,
    senderIdentity: certificate.key().serialize(),
    role: certificate.senderE164() === null ? ("person" as const) : ("bot" as const),
    kind,
    // One that names no distribution is of no use to anybody: what does not open could not even be asked for.
    distribution: kind === "senderKey" ? distributionOf(lib, bytes) : undefined,
    group: group?.length === GROUP_ID_BYTES ? group : undefined,
  };
  return { ...envelope, inner: new ValidatedCiphertext(envelope, bytes) };
}

/**
 * The library's form of an address. An account id is spelled as its service id is, so the library binds to it; going through
 * its own type for that takes ten times as long, which shows where there are hundreds of recipients.
 */
export function protocolAddress(lib: Libsignal, { account, device }: Address) {
  return lib.ProtocolAddress.new(account, device);
}

function kindOf(lib: Libsignal, type: number): Unsealed["kind"] {
  if (type === lib.CiphertextMessageType.PreKey) return "prekey";
  if (type === lib.CiphertextMessageType.Whisper) return "signal";
  if (type === lib.CiphertextMessageType.SenderKey) return "senderKey";
  throw new EngineRefusal("invalidSealed");
}
