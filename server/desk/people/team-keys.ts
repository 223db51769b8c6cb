/** Keys of teams: made in a moderator's browser, sealed there to everybody in the team, and due again when somebody left. */

import { deskKeyId, SEAL_PUBLIC_KEY_BYTES, type Team, teams, toHex } from "@sotto/protocol";
import { DeskError, type Me, type Moderator, type NewTeamKey, type TeamKeyGrant } from "../api.js";
import { currentTeamKey } from "../cases/casework.js";
import type { RowOf, Tables } from "../rows.js";
import type { Work } from "../work.js";
import { decoded, type People } from "./people.js";
import { worksIn } from "./permissions.js";

const TEAM_KEY_MS = 30 * 24 * 3_600_000;
/** So long before it expires the next one may be made. */
const TEAM_KEY_OVERLAP_MS = 3 * 24 * 3_600_000;
const MAX_SEALED_BYTES = 16_384;

/** Keeps keys of teams. */
export class TeamKeys {
  readonly #work: Work;
  readonly #people: People;
  readonly #tables: Tables;

  constructor(work: Work, people: People) {
    this.#work = work;
    this.#people = people;
    this.#tables = work.parts.tables;
  }

  /** What somebody holds, and what is due of them. */
  async me(by: Moderator): Promise<Me> {
    const moderator = (await this.#people.find(by.id)) ?? by;
    const keys = await this.#held(moderator);
    const lacking: Team[] = [];
    for (const team of moderator.teams) {
      if (worksIn(moderator, team) && (await this.#isDue(team))) lacking.push(team);
    }
    const people = await this.#people.all();
    const unsealed = keys.flatMap(({ keyId, team }) =>
      people
        .filter((one) => one.id !== by.id && worksIn(one, team) && !one.holds.includes(keyId))
        .map((one) => ({ moderator: one.id, box: one.box, keyId })),
    );
    return { moderator, keys, lacking, unsealed };
  }

  /** Takes a new key for a team. Reports are sealed to it from now on, and to the one before no more. */
  async make(by: Moderator, { team, publicKey, grants }: NewTeamKey): Promise<TeamKeyGrant> {
    if (!teams.includes(team) || !worksIn(by, team)) throw new DeskError("notAllowed", "This is not your team.");
    const key = decoded(publicKey, SEAL_PUBLIC_KEY_BYTES);
    const keyId = toHex(deskKeyId(key));
    await this.#work.runFor(by, async (draft) => {
      const nowMs = this.#work.parts.now();
      const people = new Map((await this.#people.all()).map((one) => [one.id, one]));
      if ((await this.#tables.teamKey.get(keyId)) !== undefined) throw new DeskError("conflict", "This key is known.");
      if (by.role !== "lead" && !(await this.#isDue(team)))
        throw new DeskError("conflict", "The team has a key; a lead may replace it.");
      if (!grants.some(({ moderator }) => moderator === by.id))
        throw new DeskError("badRequest", "Seal the key to yourself as well.");
      for (const { moderator, sealed } of grants) {
        const person = people.get(moderator);
        if (person === undefined || !worksIn(person, team))
          throw new DeskError("badRequest", "A key is sealed to people of its team only.");
        draft.changes.push(this.#tables.teamGrant.put(`${keyId}/${moderator}`, grant(sealed, nowMs)));
      }
      for (const { key: id, value } of await this.#tables.teamKey.all()) {
        if (value.team === team && value.expiresMs > nowMs)
          draft.changes.push(this.#tables.teamKey.put(id, { ...value, expiresMs: nowMs }));
      }
      const row = { team, publicKey: key, notBeforeMs: nowMs, expiresMs: nowMs + TEAM_KEY_MS };
      draft.changes.push(this.#tables.teamKey.put(keyId, row));
      draft.log.push({ by: by.id, what: "teamKeyMade", about: keyId, detail: { team, grants: grants.length } });
    });
    const mine = (await this.#held(by)).find((one) => one.keyId === keyId);
    if (mine === undefined) throw new DeskError("unavailable", "The key was not kept.");
    return mine;
  }

  /** Seals a key that one holds to somebody of the team who lacks it. Idempotent. */
  async grant(by: Moderator, { keyId, moderator, sealed }: { keyId: string; moderator: string; sealed: string }) {
    await this.#work.runFor(by, async (draft) => {
      const person = await this.#people.find(moderator);
      const row = await this.#tables.teamKey.get(keyId);
      const held = await this.#tables.teamGrant.get(`${keyId}/${by.id}`);
      if (row === undefined || held === undefined || !worksIn(by, row.team))
        throw new DeskError("notFound", "You hold no such key.");
      if (person === undefined || !worksIn(person, row.team))
        throw new DeskError("badRequest", "A key is sealed to people of its team only.");
      if ((await this.#tables.teamGrant.get(`${keyId}/${moderator}`)) !== undefined) return;
      draft.changes.push(this.#tables.teamGrant.put(`${keyId}/${moderator}`, grant(sealed, this.#work.parts.now())));
      draft.log.push({ by: by.id, what: "teamKeyGranted", about: keyId, detail: { moderator } });
    });
  }

  /** The key that words are sealed to for a team now. @throws DeskError notFound without one. */
  async current(team: Team): Promise<{ readonly keyId: string; readonly publicKey: string }> {
    const keyId = await currentTeamKey(this.#tables, team, this.#work.parts.now());
    const row = keyId === undefined ? undefined : await this.#tables.teamKey.get(keyId);
    if (keyId === undefined || row === undefined) throw new DeskError("notFound", "That team has no key.");
    return { keyId, publicKey: Buffer.from(row.publicKey).toString("base64") };
  }

  async #held({ id }: Moderator): Promise<readonly TeamKeyGrant[]> {
    const found: TeamKeyGrant[] = [];
    for (const { key, value } of await this.#tables.teamGrant.all()) {
      if (!key.endsWith(`/${id}`)) continue;
      const keyId = key.slice(0, key.indexOf("/"));
      const row = await this.#tables.teamKey.get(keyId);
      if (row !== undefined) found.push(shown(keyId, row, value));
    }
    return found;
  }

  /** Whether a team has no key, one that is about to expire, or one that somebody held who left since. */
  async #isDue(team: Team): Promise<boolean> {
    const nowMs = this.#work.parts.now();
    const keyId = await currentTeamKey(this.#tables, team, nowMs);
    const row = keyId === undefined ? undefined : await this.#tables.teamKey.get(keyId);
    if (row === undefined || row.expiresMs - nowMs < TEAM_KEY_OVERLAP_MS) return true;
    const left = (await this.#tables.moderator.all()).filter(({ value }) => value.teams.includes(team));
    return left.some(({ value }) => value.leftMs !== undefined && value.leftMs >= row.notBeforeMs);
  }
}

function grant(sealed: string, nowMs: number): RowOf<"teamGrant"> {
  const bytes = new Uint8Array(Buffer.from(sealed, "base64"));
  if (bytes.length === 0 || bytes.length > MAX_SEALED_BYTES)
    throw new DeskError("badRequest", "A sealed key of a wrong size.");
  return { sealed: bytes, createdMs: nowMs };
}

function shown(keyId: string, row: RowOf<"teamKey">, { sealed, createdMs }: RowOf<"teamGrant">): TeamKeyGrant {
  return {
    ...{ keyId, team: row.team, createdMs, expiresMs: row.expiresMs },
    publicKey: Buffer.from(row.publicKey).toString("base64"),
    sealed: Buffer.from(sealed).toString("base64"),
  };
}
