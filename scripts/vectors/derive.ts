/** Vectors of everything both sides derive, by function and arguments. */

import * as protocol from "@sotto/protocol";
import { groupDerivations } from "./derive-groups.js";
import { printed } from "./json.js";

const filled = (length: number, value: number) => new Uint8Array(length).fill(value);
const counting = (length: number) => Uint8Array.from({ length }, (_, at) => at);

const one = protocol.parseAccountId("00112233-4455-6677-8899-aabbccddeeff");
const other = protocol.parseAccountId("ffeeddcc-bbaa-9988-7766-554433221100");
const challenge = { nonce: counting(32), root: Uint8Array.of(5, ...filled(32, 0x11)) };
const registration = {
  identityKey: Uint8Array.of(5, ...filled(32, 0x22)),
  authenticationKey: filled(32, 0x33),
  registrationId: 0x2345,
  deliveryKeyHash: filled(32, 0x44),
};
const keys = {
  identityKey: registration.identityKey,
  registrationId: 0x2345,
  signedPrekey: { id: 0x01_0203, key: Uint8Array.of(5, ...filled(32, 0x55)) },
  lastResortPrekey: { id: 0xff_ffff, key: Uint8Array.of(8, ...filled(1568, 0x66)) },
};

const access = { deliveryKeyHash: filled(32, 0x77), firstContact: "contacts", blocked: [other, one] } as const;

const joinedKey = Uint8Array.of(5, ...filled(32, 0x99));
const offer: protocol.LinkOffer = {
  relay: "https://dm.example.com",
  root: filled(32, 0x12),
  link: filled(16, 0x34),
  key: Uint8Array.of(5, ...filled(32, 0x88)),
  secret: counting(32),
};
const said = { join: counting(100), challenge: filled(32, 0x56) };
const secrets = { shared: filled(32, 0x78), secret: counting(32), transcript: filled(32, 0x9a) };
const steps = Object.keys(protocol.linkRecords) as protocol.LinkStep[];

/** Inputs and outputs. */
export function deriveVectors() {
  return [
    vector("labelled", ["", []], () => protocol.labelled("")),
    vector("labelled", ["ab", [Uint8Array.of(1), new Uint8Array(0)]], () =>
      protocol.labelled("ab", Uint8Array.of(1), new Uint8Array(0)),
    ),
    vector("digest", [counting(100)], () => protocol.digest(counting(100))),
    vector("rootFingerprint", [challenge.root], () => protocol.rootFingerprint(challenge.root)),
    vector("directConversationId", [one, other], () => protocol.directConversationId(one, other)),
    vector("directConversationId", [other, one], () => protocol.directConversationId(other, one)),
    vector("directConversationId", [one, one], () => protocol.directConversationId(one, one)),
    vector("deriveDeliveryKey", [counting(32)], () => protocol.deriveDeliveryKey(counting(32))),
    vector("hashDeliveryKey", [counting(16)], () => protocol.hashDeliveryKey(counting(16))),
    vector("authenticationText", [challenge, one, 127], () =>
      protocol.authenticationText(challenge, one, protocol.parseDeviceId(127)),
    ),
    vector("deskText", [challenge], () => protocol.deskText(challenge)),
    ...(["first", "add", "reset"] as const).map((mode) =>
      vector("registrationText", [challenge, { mode, ...registration }], () =>
        protocol.registrationText(challenge, { mode, ...registration }),
      ),
    ),
    vector("registrationText", [challenge, { mode: "add", ...registration, replaces: 3 }], () =>
      protocol.registrationText(challenge, { mode: "add", ...registration, replaces: protocol.parseDeviceId(3) }),
    ),
    vector("accessDigest", [access], () => protocol.accessDigest(access)),
    vector("hashResumeToken", [counting(16)], () => protocol.hashResumeToken(counting(16))),
    vector("linkTranscript", [offer, joinedKey], () => protocol.linkTranscript(offer, joinedKey)),
    vector("challengedTranscript", [filled(32, 1), said], () => protocol.challengedTranscript(filled(32, 1), said)),
    ...steps.map((step) => vector("linkStepKey", [secrets, step], () => protocol.linkStepKey(secrets, step))),
    vector("linkCode", [secrets], () => protocol.linkCode(secrets)),
    vector("encodeLinkUri", [offer], () => protocol.encodeLinkUri(offer)),
    vector("deriveDeviceNameKey", [counting(32)], () => protocol.deriveDeviceNameKey(counting(32))),
    vector("deviceNameContext", [0x2345], () => protocol.deviceNameContext(0x2345)),
    vector("padDeviceName", ["Grüße"], () => protocol.padDeviceName("Grüße")),
    vector("keyDigest", [keys], () => protocol.keyDigest(keys)),
    ...groupDerivations.map(([name, input, run]) => vector(name, input, run)),
  ];
}

function vector(derivation: string, input: readonly unknown[], run: () => unknown) {
  return { derivation, input: printed(input), output: printed(run()) };
}
