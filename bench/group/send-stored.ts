/** Encryption to a group as a client does it: over the SDK's own encrypted store on LevelDB, durable before it may leave. */

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConversationId, parseAccountId, parseDeviceId } from "@sotto/protocol";
import { OwnAccount } from "../../sdk/core/account/own-account.js";
import { Distributions } from "../../sdk/core/groups/sending/distributions.js";
import { keys } from "../../sdk/core/rows.js";
import { Peers } from "../../sdk/core/sessions/peers.js";
import { SealedStore } from "../../sdk/core/storage/sealed-store.js";
import { libsignalEngine } from "../../sdk/engine/libsignal.js";
import { levelStore } from "../../sdk/node/level-store.js";
import { nodePlatform } from "../../sdk/node/platform.js";
import type { People } from "./send-people.js";

const AUDIENCE = 1;
const device = parseDeviceId(1);

/** A store that holds all members' identities, sessions and that they have the key; and how to encrypt from it. */
export interface StoredGroup {
  /** Looks who holds the key, encrypts, and resolves with the message once the key's next state is on disk. */
  encrypt(plaintext: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Fills a fresh store with a group. */
export async function storedGroup(people: People, group: ConversationId): Promise<StoredGroup> {
  const folder = await mkdtemp(join(tmpdir(), "sotto-bench-group-"));
  const { cipher, random } = nodePlatform;
  const store = await SealedStore.open(levelStore(join(folder, "store")), { cipher, random });
  const peers = new Peers(store);
  const { sender, certificate } = people;
  const members = people.members.map((member) => ({ ...member, account: parseAccountId(member.uuid) }));
  const distributions = new Distributions({
    ...{ store, peers, random, account: ownAccount(people) },
    engine: await libsignalEngine(),
    certificates: { current: async () => certificate.serialize() },
    nowMs: () => Date.now(),
  });
  const distribution = await distributions.renew(group, AUDIENCE);
  await store.commit(
    members.flatMap(({ account, identity, address }) => [
      { key: keys.session(store, account, device), value: sender.sessions.bytesOf(address) },
      peers.change({
        ...{ account, relation: "none", relationVersion: 0, verification: "unverified" },
        ...{ identityKey: identity.publicKey.serialize(), devices: [device], formerIdentities: [] },
      }),
      distributions.held(group, account, { distribution, devices: [{ device, registrationId: 1 }] }),
    ]),
  );
  const recipients = members.map(({ account }) => ({ account, device }));
  return {
    async encrypt(plaintext) {
      const present = await distributions.present(group, AUDIENCE);
      if (present === undefined) throw new Error("the key is gone");
      for (const { account } of members) {
        const holders = await distributions.holders(group, account, present);
        if (holders.length === 0) throw new Error("a member without the key");
      }
      const to = { group, distribution: present, recipients, plaintext };
      const { message, durable } = await distributions.encrypt(to);
      await durable;
      return message;
    },
    async close() {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function ownAccount({ sender }: People): OwnAccount {
  return OwnAccount.create({
    ...{ phase: "registered", mode: "first", relay: "ws://localhost", account: parseAccountId(sender.uuid), device },
    ...{ registrationId: 1, nextPrekeyId: 1, signedPrekeyId: 1, lastResortPrekeyId: 1, rotatedMs: 0 },
    ...{ profileKey: randomBytes(32), profileKeyVersion: 0, nameVersion: 0, policy: "everyone", policyVersion: 0 },
    ...{ devicePublic: randomBytes(32), devicePrivate: randomBytes(32) },
    identityPublic: sender.identity.publicKey.serialize(),
    identityPrivate: sender.identity.privateKey.serialize(),
  });
}
