/** The desk's HTTP interface, as the console calls it. Nothing is cached, and the token goes into one header and nowhere else. */

import type { Team } from "@sotto/protocol";
import {
  type Act,
  type AuditEntry,
  type AuditHead,
  type CaseView,
  type ContextAsk,
  DeskError,
  type DeskState,
  type Escalation,
  type LoginChallenge,
  type Me,
  type Moderator,
  type ModeratorRole,
  type NewTeamKey,
  type Opening,
  type QueueEntry,
  type Redeeming,
  type Session,
  type TeamKeyGrant,
  type TransparencyReport,
} from "../api.js";

/** Calls to the desk. All reject with `DeskError`: `unavailable` where it was not reached or did not answer as it should. */
export interface Api {
  state(): Promise<DeskState>;
  redeem(redeeming: Redeeming): Promise<Moderator>;
  beginLogin(moderator: string): Promise<LoginChallenge>;
  finishLogin(moderator: string, challenge: string, signature: string): Promise<Session>;
  /** Ends the session, once what was opened in it is closed: the desk hears of that from nobody else before its time is over. */
  logout(): Promise<void>;
  me(): Promise<Me>;
  moderators(): Promise<readonly Moderator[]>;
  invite(person: { name: string; role: ModeratorRole; teams: readonly Team[] }): Promise<{ readonly code: string }>;
  leave(moderator: string): Promise<void>;
  newTeamKey(key: NewTeamKey): Promise<TeamKeyGrant>;
  grantTeamKey(grant: { keyId: string; moderator: string; sealed: string }): Promise<void>;
  teamKey(team: Team): Promise<{ readonly keyId: string; readonly publicKey: string }>;
  queue(): Promise<readonly QueueEntry[]>;
  case(id: string): Promise<CaseView>;
  claim(id: string): Promise<CaseView>;
  release(id: string): Promise<CaseView>;
  open(id: string, reason: string): Promise<Opening>;
  /** Idempotent. */
  closeOpening(opening: string): Promise<void>;
  /** Sealed bytes, at most `mostBytes`. */
  blob(id: string, mostBytes: number): Promise<Uint8Array<ArrayBuffer>>;
  askContext(id: string, ask: ContextAsk): Promise<void>;
  escalate(id: string, escalation: Escalation): Promise<CaseView>;
  act(id: string, act: Act): Promise<CaseView>;
  approve(action: string, verdict: "approve" | "reject"): Promise<CaseView>;
  dismiss(id: string, rule: string): Promise<CaseView>;
  decideAppeal(id: string, verdict: "uphold" | "reverse", rule: string): Promise<CaseView>;
  hold(id: string, wanted: CaseView["hold"]): Promise<CaseView>;
  audit(after: number): Promise<{ readonly entries: readonly AuditEntry[]; readonly heads: readonly AuditHead[] }>;
  transparency(month: string): Promise<TransparencyReport>;
  exportReport(report: string): Promise<Uint8Array<ArrayBuffer>>;
}

const codes: ReadonlySet<string> = new Set<DeskError["code"]>([
  "badRequest",
  "notSignedIn",
  "notAllowed",
  "notFound",
  "conflict",
  "tooMany",
  "unavailable",
]);

/** Calls the desk that served this page. `token` is asked for at each call. */
export function deskApi(token: () => string | undefined): Api {
  const of = (id: string) => encodeURIComponent(id);
  const onCase = (id: string, what: string, body?: object) =>
    post<CaseView>(`/api/cases/${of(id)}/${what}`, token, body);
  const opened = new Set<string>();
  /** Settles when all that was closed so far is. */
  let closed: Promise<unknown> = Promise.resolve();
  const close = async (opening: string): Promise<void> => {
    if (!opened.delete(opening)) return;
    const closing = post<void>(`/api/openings/${of(opening)}/close`, token);
    closed = Promise.allSettled([closed, closing]);
    await closing;
  };
  return {
    state: () => get("/api/state", token),
    redeem: (redeeming) => post("/api/redeem", token, redeeming),
    beginLogin: (moderator) => post("/api/login/begin", token, { moderator }),
    finishLogin: (moderator, challenge, signature) =>
      post("/api/login/finish", token, { moderator, challenge, signature }),
    async logout() {
      for (const opening of opened) close(opening).catch(() => undefined);
      await closed;
      await post("/api/logout", token);
    },
    me: () => get("/api/me", token),
    moderators: () => get("/api/moderators", token),
    invite: (person) => post("/api/moderators", token, person),
    leave: (moderator) => post(`/api/moderators/${of(moderator)}/leave`, token),
    newTeamKey: (key) => post("/api/team-keys", token, key),
    grantTeamKey: (grant) => post("/api/team-keys/grant", token, grant),
    teamKey: (team) => get(`/api/teams/${of(team)}/key`, token),
    queue: () => get("/api/queue", token),
    case: (id) => get(`/api/cases/${of(id)}`, token),
    claim: (id) => onCase(id, "claim"),
    release: (id) => onCase(id, "release"),
    async open(id, reason) {
      const opening = await post<Opening>(`/api/cases/${of(id)}/open`, token, { reason });
      opened.add(opening.opening);
      return opening;
    },
    closeOpening: close,
    blob: (id, mostBytes) => getBytes(`/api/blobs/${of(id)}`, token, mostBytes),
    askContext: (id, ask) => post(`/api/cases/${of(id)}/context`, token, ask),
    escalate: (id, escalation) => onCase(id, "escalate", escalation),
    act: (id, act) => onCase(id, "act", act),
    approve: (action, verdict) => post(`/api/actions/${of(action)}/${verdict}`, token),
    dismiss: (id, rule) => onCase(id, "dismiss", { rule }),
    decideAppeal: (id, verdict, rule) => onCase(id, "appeal", { verdict, rule }),
    hold: (id, wanted) => onCase(id, "hold", { wanted }),
    audit: (after) => get(`/api/audit?after=${after}`, token),
    transparency: (month) => get(`/api/transparency/${of(month)}`, token),
    exportReport: (report) => getBytes(`/api/reports/${of(report)}/export`, token, MAX_EXPORT_BYTES),
  };
}

/** Two layers at their largest, and what is around them. */
const MAX_EXPORT_BYTES = 16_777_216;

type Token = () => string | undefined;

async function get<Answer>(path: string, token: Token): Promise<Answer> {
  return answerOf(await asked(path, token, {}));
}

async function post<Answer>(path: string, token: Token, body: object = {}): Promise<Answer> {
  const headers = { "content-type": "application/json" };
  return answerOf(await asked(path, token, { method: "POST", headers, body: JSON.stringify(body) }));
}

async function getBytes(path: string, token: Token, mostBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const response = await asked(path, token, {});
  if (Number(response.headers.get("content-length") ?? 0) > mostBytes) {
    await response.body?.cancel();
    throw new DeskError("unavailable", "The file is larger than the message said.");
  }
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.length > mostBytes) throw new DeskError("unavailable", "The file is larger than the message said.");
  return bytes;
}

/** The body of a good answer: the desk that serves this page also serves its types. */
async function answerOf<Answer>(response: Response): Promise<Answer> {
  const text = await response.text();
  return (text === "" ? undefined : JSON.parse(text)) as Answer;
}

async function asked(path: string, token: Token, init: RequestInit): Promise<Response> {
  const held = token();
  const headers = { ...init.headers, ...(held === undefined ? {} : { authorization: `Bearer ${held}` }) };
  const response = await reached(path, { ...init, headers, cache: "no-store", credentials: "omit", redirect: "error" });
  if (!response.ok) throw await refusalOf(response);
  return response;
}

async function reached(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch {
    throw new DeskError("unavailable", "The desk was not reached.");
  }
}

async function refusalOf(response: Response): Promise<DeskError> {
  try {
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    if (codes.has(error.code)) return new DeskError(error.code as DeskError["code"], error.message);
  } catch {
    // Not the desk's own words: a proxy's page, or nothing.
  }
  return new DeskError("unavailable", `The desk answered ${response.status}.`);
}
