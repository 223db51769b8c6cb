/** Franks and checks in the small realm, for parts that take mail: who speaks is any device, and the realm knows every epoch. */

import {
  type Audience,
  accountIdToBytes,
  checkFrank,
  committedForm,
  decodeContent,
  encodeEvidence,
  epochOf,
  type FrankSpeaker,
  makeFrank,
  stamp,
  toHex,
} from "@sotto/protocol";
import type { CheckingParts } from "../../../../sdk/core/franking/checking.js";
import { SmallRealm, secretOf } from "../../../support/franking/realm.js";
import { clientVerify, signerOf } from "../../../support/franking/signatures.js";

/** The realm of these tests. */
export const small = new SmallRealm("inbox");

/** What goes with a content. */
export interface Franks {
  readonly frank: Uint8Array;
  readonly commitment: Uint8Array;
  readonly stamp: Uint8Array;
}

/** Franks the bytes of a content for somebody, as its sender's device does, and stamps it for `me`. */
export function franksOf(
  speaker: FrankSpeaker,
  content: Uint8Array,
  { audience, acceptedMs, me }: { readonly audience: Audience; readonly acceptedMs: number; readonly me: string },
): Franks {
  const epoch = epochOf(acceptedMs);
  const key = signerOf(secretOf(`${speaker.account} ${speaker.device} ${epoch}`));
  const { frank, commitment } = makeFrank({
    ...{ realm: small.realm, speaker, audience, sign: key.sign },
    token: small.issue(speaker, key.publicKey, epoch),
    secret: secretOf(`${toHex(content)} ${acceptedMs}`),
    committed: committedForm(content),
  });
  const recipient = accountIdToBytes(me as Parameters<typeof accountIdToBytes>[0]);
  return { frank, commitment, stamp: stamp(small.stampKey(epoch), small.realm, { commitment, recipient, acceptedMs }) };
}

/** What a device keeps of the frank of a content, its own or another's, in the encoding in which own devices hand it over. */
export function evidenceBytesOf(
  speaker: FrankSpeaker,
  content: Uint8Array,
  to: Parameters<typeof franksOf>[2],
): Uint8Array {
  const { audience, acceptedMs, me } = to;
  const checked = checkFrank({
    ...{ realm: small.realm, speaker, audience, acceptedMs, ...franksOf(speaker, content, to) },
    ...{
      me: me as FrankSpeaker["account"],
      committed: committedForm(content),
      nowMs: acceptedMs,
      verify: clientVerify,
    },
    ...{ epochKey: everyEpoch.epochKey, isRevoked: everyEpoch.isRevoked, minVersion: 1 },
  });
  if (checked.kind !== "genuine") throw new Error(checked.reason);
  return encodeEvidence(checked.evidence);
}

/** The realm, as a check knows it: it has every epoch, and nobody is suspended. */
export const everyEpoch: CheckingParts["realm"] = {
  id: small.realm,
  isKnown: true,
  minVersion: 1,
  epochKey: (epoch) => small.issuer(epoch).publicKey,
  isRevoked: () => false,
  covers: () => true,
  ensure: async () => "covered",
};

/** Whether bytes are a content that is shown without a frank. */
export function isExempt(encoded: Uint8Array): boolean {
  const { kind } = decodeContent(encoded);
  return kind === "receipt" || kind === "typing";
}
