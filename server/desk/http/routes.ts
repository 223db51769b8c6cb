/** The desk's interface: one row a request, its body, and the call of the service behind it. */

import { type Team, teams } from "@sotto/protocol";
import { DeskError, type DeskService, type Moderator } from "../api.js";
import type { Published } from "../desk.js";
import { bodies } from "./bodies.js";
import type { Read } from "./json-shape.js";

/** The desk as the console's server uses it. */
export interface ServedDesk extends DeskService {
  /** What is published so that it proves nothing, or shows that nothing was changed. */
  published(): Promise<Published>;
}

/** A request whose sender is known, where one is needed. */
export interface Call<Body> {
  readonly service: ServedDesk;
  readonly by: Moderator;
  /** What stands where the path has a `:name`, in order. */
  readonly ids: readonly string[];
  readonly query: URLSearchParams;
  readonly body: Body;
  /** Of the session. */
  readonly token: string;
}

/** What answers a request: JSON, a file, or nothing but that it was done. */
export type Answer =
  | { readonly kind: "json"; readonly value: unknown }
  | { readonly kind: "file"; readonly name: string; readonly bytes: Uint8Array }
  | { readonly kind: "blob"; readonly id: string }
  | { readonly kind: "done" };

/** One request of the interface. */
export interface Route {
  readonly method: "GET" | "POST";
  /** Segments; those that begin with `:` stand for an id. */
  readonly path: readonly string[];
  /** `anybody` is who is not signed in, of whom few requests are taken. */
  readonly access: "anybody" | "signedIn";
  readonly maxBytes: number;
  answer(call: Call<unknown>): Promise<Answer>;
}

const SMALL = 16_384;
/** A team's new key, sealed to everybody in it. */
const LARGE = 4 * 1_048_576;
/** The words of a case, sealed anew. */
const HUGE = 32 * 1_048_576;

const json = async (value: Promise<unknown>): Promise<Answer> => ({ kind: "json", value: await value });
const done = async (work: Promise<void>): Promise<Answer> => {
  await work;
  return { kind: "done" };
};

function get(
  path: string,
  answer: (call: Call<undefined>) => Promise<Answer>,
  access: Route["access"] = "signedIn",
): Route {
  return {
    method: "GET",
    path: path.split("/"),
    access,
    maxBytes: 0,
    answer: (call) => answer({ ...call, body: undefined }),
  };
}

function post<Body>(
  path: string,
  read: Read<Body>,
  answer: (call: Call<Body>) => Promise<Answer>,
  { access = "signedIn", maxBytes = SMALL }: { access?: Route["access"]; maxBytes?: number } = {},
): Route {
  const answerRead = (call: Call<unknown>) => answer({ ...call, body: read(call.body, "the body") });
  return { method: "POST", path: path.split("/"), access, maxBytes, answer: answerRead };
}

const anybody = { access: "anybody" } as const;

/** Every request. */
export const routes: readonly Route[] = [
  get("/api/state", ({ service }) => json(service.state()), "anybody"),
  get("/api/published", ({ service }) => json(service.published()), "anybody"),
  post("/api/redeem", bodies.redeem, ({ service, body }) => json(service.redeem(body)), anybody),
  post("/api/login/begin", bodies.beginLogin, ({ service, body }) => json(service.beginLogin(body.moderator)), anybody),
  post(
    "/api/login/finish",
    bodies.finishLogin,
    ({ service, body: { moderator, challenge, signature } }) =>
      json(service.finishLogin(moderator, challenge, signature)),
    anybody,
  ),
  post("/api/logout", bodies.empty, ({ service, token }) => done(service.logout(token))),
  get("/api/me", ({ service, by }) => json(service.me(by))),
  get("/api/moderators", ({ service, by }) => json(service.moderators(by))),
  post("/api/moderators", bodies.invite, ({ service, by, body }) => json(service.invite(by, body))),
  post("/api/moderators/:id/leave", bodies.empty, ({ service, by, ids }) => done(service.leave(by, idOf(ids)))),
  post("/api/team-keys", bodies.newTeamKey, ({ service, by, body }) => json(service.newTeamKey(by, body)), {
    maxBytes: LARGE,
  }),
  post("/api/team-keys/grant", bodies.grantTeamKey, ({ service, by, body }) => done(service.grantTeamKey(by, body)), {
    maxBytes: LARGE,
  }),
  get("/api/teams/:team/key", ({ service, by, ids }) => json(service.teamKey(by, teamOf(ids)))),
  get("/api/queue", ({ service, by }) => json(service.queue(by))),
  get("/api/cases/:id", ({ service, by, ids }) => json(service.case(by, idOf(ids)))),
  post("/api/cases/:id/claim", bodies.empty, ({ service, by, ids }) => json(service.claim(by, idOf(ids)))),
  post("/api/cases/:id/release", bodies.empty, ({ service, by, ids }) => json(service.release(by, idOf(ids)))),
  post("/api/cases/:id/open", bodies.open, ({ service, by, ids, body }) =>
    json(service.open(by, idOf(ids), body.reason)),
  ),
  post("/api/cases/:id/context", bodies.context, ({ service, by, ids, body }) =>
    done(service.askContext(by, idOf(ids), body)),
  ),
  post(
    "/api/cases/:id/escalate",
    bodies.escalate,
    ({ service, by, ids, body }) => json(service.escalate(by, idOf(ids), body)),
    { maxBytes: HUGE },
  ),
  post("/api/cases/:id/act", bodies.act, ({ service, by, ids, body }) => json(service.act(by, idOf(ids), body))),
  post("/api/cases/:id/dismiss", bodies.dismiss, ({ service, by, ids, body }) =>
    json(service.dismiss(by, idOf(ids), body.rule)),
  ),
  post("/api/cases/:id/appeal", bodies.appeal, ({ service, by, ids, body: { verdict, rule } }) =>
    json(service.decideAppeal(by, idOf(ids), verdict, rule)),
  ),
  post("/api/cases/:id/hold", bodies.hold, ({ service, by, ids, body }) =>
    json(service.hold(by, idOf(ids), body.wanted)),
  ),
  post("/api/openings/:id/close", bodies.empty, ({ service, by, ids }) => done(service.closeOpening(by, idOf(ids)))),
  get("/api/blobs/:id", blob),
  post("/api/actions/:id/approve", bodies.empty, ({ service, by, ids }) =>
    json(service.approve(by, idOf(ids), "approve")),
  ),
  post("/api/actions/:id/reject", bodies.empty, ({ service, by, ids }) =>
    json(service.approve(by, idOf(ids), "reject")),
  ),
  get("/api/audit", ({ service, by, query }) => json(service.audit(by, afterOf(query)))),
  get("/api/transparency/:month", ({ service, by, ids }) => json(service.transparency(by, monthOf(ids)))),
  get("/api/reports/:id/export", async ({ service, by, ids }) => {
    const id = idOf(ids);
    return { kind: "file", name: `report-${id}.sotto`, bytes: await service.exportReport(by, id) };
  }),
];

/** The row that answers a path, with what stands in it; `undefined` if none does, or none by this method. */
export function routeOf(
  method: string,
  path: string,
): { readonly route: Route; readonly ids: readonly string[] } | "otherMethod" | undefined {
  const segments = path.split("/");
  let isKnown = false;
  for (const route of routes) {
    const ids = matched(route.path, segments);
    if (ids === undefined) continue;
    if (route.method === method) return { route, ids };
    isKnown = true;
  }
  return isKnown ? "otherMethod" : undefined;
}

const ID = /^[A-Za-z0-9_-]{1,64}$/;

function matched(pattern: readonly string[], segments: readonly string[]): readonly string[] | undefined {
  if (pattern.length !== segments.length) return undefined;
  const ids: string[] = [];
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? "";
    if (!part.startsWith(":")) {
      if (part !== segment) return undefined;
    } else if (ID.test(segment)) ids.push(segment);
    else return undefined;
  }
  return ids;
}

function idOf(ids: readonly string[]): string {
  return ids[0] ?? "";
}

function teamOf(ids: readonly string[]): Team {
  const team = teams.find((one) => one === ids[0]);
  if (team === undefined) throw new DeskError("notFound", "There is no such team.");
  return team;
}

function monthOf(ids: readonly string[]): string {
  const month = idOf(ids);
  if (!/^20\d\d-(0[1-9]|1[0-2])$/.test(month)) throw new DeskError("badRequest", "A month is written 2026-01.");
  return month;
}

function afterOf(query: URLSearchParams): number {
  const after = query.get("after") ?? "0";
  if (!/^\d{1,15}$/.test(after)) throw new DeskError("badRequest", "`after` must be a whole number.");
  return Number(after);
}

async function blob({ service, by, ids }: Call<undefined>): Promise<Answer> {
  const id = idOf(ids);
  if (!/^[0-9a-f]{32}$/.test(id)) throw new DeskError("notFound", "There is no such blob.");
  if (!(await service.mayFetchBlobs(by))) throw new DeskError("notAllowed", "Open the case first.");
  return { kind: "blob", id };
}
