/** A desk at a relay under test. */

import { TestRealm } from "../../../support/raw-desk.js";
import type { Client } from "./client.js";
import { TestRelay, type TestRelayOptions } from "./test-relay.js";

/** A connection that proved itself as the desk of a realm. */
export async function deskOf(relay: TestRelay, realm: TestRealm): Promise<Client> {
  const { client, challenge } = await relay.challenged();
  client.say(realm.authentication(challenge));
  await client.next("deskWelcome");
  return client;
}

/** A relay with a desk that has put its realm there. */
export async function withDesk(
  options: TestRelayOptions = {},
  realm: TestRealm = new TestRealm(),
): Promise<{ readonly relay: TestRelay; readonly realm: TestRealm; readonly desk: Client }> {
  const relay = await TestRelay.start({
    ...options,
    policy: { ...options.policy, deskKey: realm.link.publicKey },
  });
  const desk = await deskOf(relay, realm);
  desk.say({ type: "putRealm", id: desk.id(), document: realm.document() });
  await desk.skipTo("done");
  return { relay, realm, desk };
}
