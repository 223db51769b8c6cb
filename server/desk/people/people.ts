/** Who works at the desk: invited by a code that is good once, known by a key of their own, and gone at a lead's word. */

import { type Team, teams, toHex } from "@sotto/protocol";
import { DeskError, type Moderator, type Redeeming } from "../api.js";
import { isSoundKey } from "../keys/ed25519.js";
import type { Person } from "../parts.js";
import type { RowChange } from "../ports.js";
import type { RowOf, Tables } from "../rows.js";
import { hashed, type Work } from "../work.js";
import { needLead } from "./permissions.js";

const INVITE_MS = 7 * 24 * 3_600_000;
/** People and open invitations of one desk. */
const MAX_PEOPLE = 500;
const BOX_BYTES = 1_216;
const roles = ["moderator", "lead", "auditor"] as const;

/** Keeps who works here. */
export class People {
  readonly #work: Work;
  readonly #tables: Tables;

  constructor(work: Work) {
    this.#work = work;
    this.#tables = work.parts.tables;
  }

  /** Whether anybody works here. */
  async areAny(): Promise<boolean> {
    return (await this.#tables.moderator.some("", { limit: 1 })).length > 0;
  }

  /** Somebody who works here, or worked here. */
  async find(id: string): Promise<Moderator | undefined> {
    const row = await this.row(id);
    return row === undefined ? undefined : this.#shown(row);
  }

  row(id: string): Promise<RowOf<"moderator"> | undefined> {
    return this.#tables.moderator.get(id);
  }

  /** Everybody, also who left: the log names them. */
  async all(): Promise<readonly Moderator[]> {
    const rows = await this.#tables.moderator.all();
    return Promise.all(rows.map(({ value }) => this.#shown(value)));
  }

  /** Makes a code for a new person. `by` is a lead's id, or `operator` at the command line. */
  async invite(by: Moderator | "operator", person: Person): Promise<{ readonly code: string }> {
    if (by !== "operator") needLead(by);
    const name = person.name.trim();
    if (name.length === 0 || Buffer.byteLength(name) > 128 || !name.isWellFormed())
      throw new DeskError("badRequest", "A name of 1 to 128 bytes.");
    if (!roles.includes(person.role) || !person.teams.every((team) => teams.includes(team)))
      throw new DeskError("badRequest", "There is no such role or team.");
    const { random, now } = this.#work.parts;
    const code = toHex(random(16));
    const inTurn: Work["run"] = (piece) => (by === "operator" ? this.#work.run(piece) : this.#work.runFor(by, piece));
    await inTurn(async (draft) => {
      const nowMs = now();
      const open = await this.#tables.invite.all();
      const people = await this.#tables.moderator.all();
      const live = open.filter(({ value }) => value.expiresMs > nowMs);
      if (live.length + people.length >= MAX_PEOPLE) throw new DeskError("tooMany", "There are too many people.");
      for (const { key, value } of open) {
        // A desk where nobody works yet prints a new link at each start: only the newest one is good.
        const isReplaced = by === "operator" && value.name === name && value.role === person.role;
        if (value.expiresMs <= nowMs || isReplaced) draft.changes.push(this.#tables.invite.drop(key));
      }
      const given: readonly Team[] = [...new Set(person.teams)];
      const invite = { name, role: person.role, teams: given, expiresMs: nowMs + INVITE_MS };
      draft.changes.push(this.#tables.invite.put(hashed(code), invite));
      const detail = { role: person.role, teams: given.join(" ") };
      draft.log.push({ by: by === "operator" ? by : by.id, what: "invited", about: name, detail });
    });
    return { code };
  }

  /** Takes up an invitation. A code is good once. */
  async redeem({ code, signKey, box, keeping }: Redeeming): Promise<Moderator> {
    const key = decoded(signKey, 32);
    const boxKey = decoded(box, BOX_BYTES);
    if (!isSoundKey(key)) throw new DeskError("badRequest", "This key is none.");
    const kept = keepingOf(keeping);
    const id = toHex(this.#work.parts.random(16));
    const row = await this.#work.run(async (draft) => {
      const nowMs = this.#work.parts.now();
      const invite = await this.#tables.invite.get(hashed(code.trim()));
      if (invite === undefined || invite.expiresMs <= nowMs)
        throw new DeskError("notFound", "This invitation was used, is over, or never was.");
      const { name, role, teams: given } = invite;
      const moderator = { id, name, role, teams: given, signKey: key, box: boxKey, keeping: kept, sinceMs: nowMs };
      draft.changes.push(this.#tables.invite.drop(hashed(code.trim())), this.#tables.moderator.put(id, moderator));
      draft.log.push({ by: id, what: "joined", about: id, detail: { name, role } });
      return moderator;
    });
    return this.#shown(row);
  }

  /** Ends somebody's work here: what was sealed to them, what they had claimed and opened. */
  async leave(by: Moderator, id: string): Promise<void> {
    needLead(by);
    await this.#work.runFor(by, async (draft) => {
      const nowMs = this.#work.parts.now();
      const row = await this.#tables.moderator.get(id);
      if (row === undefined) throw new DeskError("notFound", "There is nobody of this id.");
      if (row.leftMs !== undefined) return;
      const others = (await this.#tables.moderator.all()).filter(({ value }) => value.id !== id);
      if (row.role === "lead" && !others.some(({ value }) => value.role === "lead" && value.leftMs === undefined))
        throw new DeskError("conflict", "Somebody has to lead; invite another lead first.");
      draft.changes.push(this.#tables.moderator.put(id, { ...row, leftMs: nowMs }), ...(await this.#ends(id)));
      draft.log.push({ by: by.id, what: "left", about: id });
    });
  }

  async #ends(id: string): Promise<RowChange[]> {
    const changes: RowChange[] = [];
    for (const { key } of await this.#tables.teamGrant.all()) {
      if (key.endsWith(`/${id}`)) changes.push(this.#tables.teamGrant.drop(key));
    }
    for (const { key, value } of await this.#tables.case.all()) {
      if (value.claimedBy === id) changes.push(this.#tables.case.put(key, { ...value, claimedBy: undefined }));
    }
    for (const { key, value } of await this.#tables.opening.all()) {
      if (value.by === id) changes.push(this.#tables.opening.put(key, { ...value, closesMs: 0 }));
    }
    return changes;
  }

  async #shown(row: RowOf<"moderator">): Promise<Moderator> {
    const { id, name, role, teams: given, box, leftMs } = row;
    const grants = await this.#tables.teamGrant.all();
    const holds = grants.filter(({ key }) => key.endsWith(`/${id}`)).map(({ key }) => key.slice(0, key.indexOf("/")));
    return {
      id,
      name,
      role,
      teams: given,
      box: Buffer.from(box).toString("base64"),
      holds,
      left: leftMs !== undefined,
    };
  }
}

/** Bytes of a known length in base64. @throws DeskError badRequest */
export function decoded(base64: string, length: number): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(base64, "base64"));
  if (bytes.length !== length) throw new DeskError("badRequest", `Expected ${length} bytes in base64.`);
  return bytes;
}

function keepingOf(keeping: Redeeming["keeping"]): RowOf<"moderator">["keeping"] {
  if (keeping.kind === "file") return { kind: "file" };
  const { kind, credential, salt, wrapped } = keeping;
  if (credential.length > 2_048 || salt.length > 256 || wrapped.length > 1_024)
    throw new DeskError("badRequest", "A passkey's entry is too long.");
  return { kind, credential, salt, wrapped };
}
