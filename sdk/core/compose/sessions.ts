/** Wires encryption: sessions with the devices of accounts, and whose identity they trust. */

import { Certificates } from "../account/certificates.js";
import { FormerSessions } from "../sessions/former-sessions.js";
import { IdentityChanges } from "../sessions/identity-changes.js";
import { Sessions } from "../sessions/sessions.js";
import { Trust } from "../trust/trust.js";
import type { Ground, LinkRoom, SessionsRoom } from "./parts.js";

/** The room of the sessions. */
export function wireSessions(before: Ground & LinkRoom): SessionsRoom {
  const { platform, store, account, peers, engine, relay, locks, conversations, hooks } = before;
  const certificates = new Certificates(store, relay);
  const { clock } = platform;
  const former = new FormerSessions({ store, engine, clock });
  const identityChanges = new IdentityChanges({
    ...{ conversations, clock, former },
    keyChanged: hooks.keyChanged,
  });
  const sessions = new Sessions({ store, account, peers, engine, relay, certificates, locks, identityChanges, former });
  const trust = new Trust({ store, account, peers, engine, locks });
  return { certificates, former, identityChanges, sessions, trust };
}
