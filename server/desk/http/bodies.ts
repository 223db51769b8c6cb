/** The bodies of the interface, as they may come. */

import { limits, reportCategories, SEAL_PUBLIC_KEY_BYTES, sanctionKinds, teams } from "@sotto/protocol";
import { base64, count, either, hex, list, maybe, shape, text, word } from "./json-shape.js";

const { value: NOTE } = limits.reportNoteBytes;
const { value: LAYER } = limits.reportLayerBytes;
/** What holds a 32-byte seed, sealed to somebody's box; the same bound as where it is kept. */
const GRANT_BYTES = 16_384;
const MAX_PEOPLE = 256;
/** As many as one case can keep. */
const MAX_REPORTS = 4_096;
const YEARS_MS = 10 * 366 * 86_400_000;

/** The name of somebody who works here, as the desk made it. */
const person = text(64, 1);
const keyId = hex(16);
const reportId = hex(32);
const team = word(...teams);
const category = word(...reportCategories);
const role = word("moderator", "lead", "auditor");

const passkey = shape({
  kind: word("passkey"),
  credential: text(2_048, 1),
  salt: text(256, 1),
  wrapped: text(1_024, 1),
});

/** Every body, by what it asks for. */
export const bodies = {
  empty: shape({}),
  redeem: shape({
    code: text(256, 1),
    signKey: base64(32),
    box: base64(SEAL_PUBLIC_KEY_BYTES),
    keeping: either("passkey", passkey, shape({ kind: word("file") })),
  }),
  beginLogin: shape({ moderator: person }),
  finishLogin: shape({ moderator: person, challenge: text(256, 1), signature: base64(64) }),
  invite: shape({ name: text(64, 1), role, teams: list(team, teams.length) }),
  newTeamKey: shape({
    team,
    publicKey: base64(SEAL_PUBLIC_KEY_BYTES),
    grants: list(shape({ moderator: person, sealed: base64(GRANT_BYTES) }), MAX_PEOPLE),
  }),
  grantTeamKey: shape({ keyId, moderator: person, sealed: base64(GRANT_BYTES) }),
  open: shape({ reason: text(1_000, 1) }),
  context: shape({
    report: reportId,
    gaps: list(
      shape({
        account: text(64, 1),
        after: count(Number.MAX_SAFE_INTEGER),
        before: count(Number.MAX_SAFE_INTEGER),
      }),
      16,
    ),
    note: text(NOTE),
  }),
  escalate: shape({
    team,
    reason: text(1_000, 1),
    words: list(shape({ report: reportId, sealed: base64(LAYER), keyId }), MAX_REPORTS),
  }),
  act: shape({
    kind: word(...sanctionKinds),
    device: maybe(count(127)),
    durationMs: maybe(count(YEARS_MS)),
    category,
    rule: text(NOTE, 1),
    lifts: maybe(text(64, 1)),
  }),
  dismiss: shape({ rule: text(NOTE, 1) }),
  hold: shape({ wanted: word("held", "none") }),
  appeal: shape({ verdict: word("uphold", "reverse"), rule: text(NOTE, 1) }),
} as const;
