/** Signing in by a challenge that is signed with one's own key, and sessions, which live in memory and end after half an hour without use. */

import { DeskError, type LoginChallenge, type Moderator, type Session } from "../api.js";
import { verifySignature } from "../keys/ed25519.js";
import { loginText } from "../person-key.js";
import { hashed } from "../work.js";
import type { People } from "./people.js";

const IDLE_MS = 30 * 60_000;
/** However busy somebody is: a token that was stolen ends the same day. */
const MAX_SESSION_MS = 12 * 3_600_000;
const CHALLENGE_MS = 5 * 60_000;
const MAX_CHALLENGES = 1_000;
const MAX_SESSIONS = 1_000;
/** Wrong signatures for one person within a quarter of an hour. */
const MAX_FAILURES = 10;
const FAILURE_MS = 15 * 60_000;

/** What sessions work on. */
export interface SessionParts {
  readonly people: People;
  random(bytes: number): Uint8Array;
  now(): number;
  /** Somebody came in, or tried. */
  log(by: string, what: "signedIn" | "signInRefused"): Promise<void>;
}

/** Knows who is signed in. */
export class Sessions {
  readonly #parts: SessionParts;
  readonly #challenges = new Map<string, { readonly moderator: string; readonly untilMs: number }>();
  readonly #sessions = new Map<string, { readonly moderator: string; readonly sinceMs: number; lastMs: number }>();
  readonly #failures = new Map<string, { count: number; readonly sinceMs: number }>();

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  /** What to sign. Whoever does not work here gets one as well. */
  async begin(moderator: string): Promise<LoginChallenge> {
    const nowMs = this.#parts.now();
    for (const [key, { untilMs }] of this.#challenges) if (untilMs <= nowMs) this.#challenges.delete(key);
    dropOldest(this.#challenges, MAX_CHALLENGES);
    const challenge = Buffer.from(this.#parts.random(32)).toString("base64");
    this.#challenges.set(challenge, { moderator, untilMs: nowMs + CHALLENGE_MS });
    const keeping = (await this.#parts.people.row(moderator))?.keeping;
    if (keeping?.kind !== "passkey") return { challenge, keeping: { kind: "file" } };
    const { credential = "", salt = "", wrapped = "" } = keeping;
    return { challenge, keeping: { kind: "passkey", credential, salt, wrapped } };
  }

  /** Begins a session. A challenge is good once. @throws DeskError notSignedIn for anybody else's signature. */
  async finish(moderator: string, challenge: string, signature: string): Promise<Session> {
    const nowMs = this.#parts.now();
    const asked = this.#challenges.get(challenge);
    this.#challenges.delete(challenge);
    const row = await this.#parts.people.row(moderator);
    const text = loginText(new Uint8Array(Buffer.from(challenge, "base64")));
    const isAsked = asked?.moderator === moderator && nowMs < asked.untilMs;
    const isHere = row !== undefined && row.leftMs === undefined;
    if (!isAsked || !isHere || !verifySignature(row.signKey, text, Buffer.from(signature, "base64"))) {
      // Nobody guesses a signature; and who only knows an id must not keep its owner out by failing in its name.
      const count = await this.#failed(moderator, row === undefined ? "stranger" : "known");
      if (count > MAX_FAILURES) throw new DeskError("tooMany", "Too many tries; wait a quarter of an hour.");
      throw new DeskError("notSignedIn", "That did not sign you in.");
    }
    this.#failures.delete(moderator);
    const known = await this.#parts.people.find(moderator);
    if (known === undefined) throw new DeskError("notSignedIn", "That did not sign you in.");
    dropOldest(this.#sessions, MAX_SESSIONS);
    const token = Buffer.from(this.#parts.random(32)).toString("base64url");
    this.#sessions.set(hashed(token), { moderator, sinceMs: nowMs, lastMs: nowMs });
    await this.#parts.log(moderator, "signedIn");
    return { token, expiresMs: nowMs + IDLE_MS, moderator: known };
  }

  /** Whose session it is; using it keeps it. @throws DeskError notSignedIn. */
  async signedIn(token: string): Promise<Moderator> {
    const nowMs = this.#parts.now();
    const name = hashed(token);
    const session = this.#sessions.get(name);
    const isLive =
      session !== undefined && nowMs - session.lastMs < IDLE_MS && nowMs - session.sinceMs < MAX_SESSION_MS;
    const moderator = isLive ? await this.#parts.people.find(session.moderator) : undefined;
    if (!isLive || moderator === undefined || moderator.left) {
      this.#sessions.delete(name);
      throw new DeskError("notSignedIn", "Sign in.");
    }
    session.lastMs = nowMs;
    return moderator;
  }

  /** Ends a session. Idempotent. */
  end(token: string): void {
    this.#sessions.delete(hashed(token));
  }

  /** In the log at the first wrong try and when tries run out: whoever knows an id can try. */
  async #failed(moderator: string, who: "stranger" | "known"): Promise<number> {
    const nowMs = this.#parts.now();
    const held = this.#failures.get(moderator);
    const failures = held !== undefined && nowMs - held.sinceMs < FAILURE_MS ? held : { count: 0, sinceMs: nowMs };
    failures.count++;
    dropOldest(this.#failures, MAX_SESSIONS);
    this.#failures.set(moderator, failures);
    const isTold = failures.count === 1 || failures.count === MAX_FAILURES;
    if (who === "known" && isTold) await this.#parts.log(moderator, "signInRefused");
    return failures.count;
  }
}

function dropOldest<Value>(map: Map<string, Value>, max: number): void {
  for (const key of map.keys()) {
    if (map.size < max) return;
    map.delete(key);
  }
}
