/**
 * A desk behind the real HTTP server whose rules are a few lines: one case, kept in memory. For looking at the console alone; that it
 * fits the real desk is shown by the workflow's own test.
 */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ed25519 } from "@noble/curves/ed25519.js";
import { deskKeyId, type SealKeys, sealKeysOf, toHex } from "@sotto/protocol";
import {
  type CaseView,
  DeskError,
  type Me,
  type Moderator,
  type Opening,
  type Redeeming,
  type TeamKeyGrant,
} from "../../../server/desk/api.js";
import { nextEntry } from "../../../server/desk/audit/chain.js";
import { fromBase64, toBase64 } from "../../../server/desk/base64.js";
import { type Console, openConsole } from "../../../server/desk/http/console.js";
import type { ServedDesk } from "../../../server/desk/http/routes.js";
import { loginText } from "../../../server/desk/person-key.js";
import { secretOf } from "../../support/franking/realm.js";
import { otherEntries } from "./company.js";
import { hostileCase } from "./hostile-case.js";
import { accused, hexOf, type Reported, reporter } from "./reported.js";

const caseId = toHex(secretOf("case").subarray(0, 16));
/** The code that lets Mira in. */
export const invitationCode = "00112233445566778899aabbccddeeff";

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A desk to look at the console with. */
export class StubDesk {
  readonly calls: { readonly what: string; readonly value: unknown }[] = [];
  readonly blobsAsked: string[] = [];
  /** How long a case stays open. */
  openForMs = 30 * 60_000;
  readonly #people = new Map<string, { readonly shown: Moderator; readonly redeeming: Redeeming }>();
  /** The one report of the last opening, and the realm. */
  lastOpening: (Opening["reports"][number] & { readonly realm: string }) | undefined;
  /** Somebody whom the desk says to work here. */
  colleague: Pick<Moderator, "id" | "name" | "box"> | undefined;
  #grant: TeamKeyGrant | undefined;
  #key: SealKeys | undefined;
  #view: CaseView;
  #console: Console | undefined;
  #blobs: Server | undefined;

  private constructor(
    private readonly reported: Reported,
    private readonly files: ReadonlyMap<string, Uint8Array>,
  ) {
    this.#view = this.#caseView();
  }

  /** Starts it on free ports. */
  static async open(): Promise<StubDesk> {
    const { reported, files } = await hostileCase();
    const desk = new StubDesk(reported, new Map(files.map(({ reference, sealed }) => [toHex(reference.id), sealed])));
    await desk.#listen();
    return desk;
  }

  /** The console's address, under a name that passkeys take. */
  get url(): string {
    return this.#console?.url.replace("127.0.0.1", "localhost") ?? "";
  }

  /** Where the case is. */
  get caseUrl(): string {
    return `${this.url}/#/cases/${caseId}`;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#console?.close();
    this.#blobs?.close();
  }

  async #listen(): Promise<void> {
    const blobs = createServer((request, response) => {
      const id = (request.url ?? "").slice(1);
      this.blobsAsked.push(id);
      const bytes = this.files.get(id);
      response.writeHead(bytes === undefined ? 404 : 200, { "content-length": bytes?.length ?? 0 }).end(bytes);
    });
    await new Promise<void>((resolve) => blobs.listen(0, "127.0.0.1", resolve));
    this.#blobs = blobs;
    const { port } = blobs.address() as AddressInfo;
    this.#console = await openConsole({
      ...{
        service: this.#service(),
        host: "127.0.0.1",
        port: 0,
        publicHost: undefined,
        peer: "socket",
        log,
      },
      clock: { now: Date.now, monotonic: () => performance.now() } as never,
      blobs: (id) => `http://127.0.0.1:${port}/${id}`,
    });
  }

  #service(): ServedDesk {
    const note = (what: string, value: unknown): void => {
      this.calls.push({ what, value });
    };
    const never = (): Promise<never> => Promise.reject(new DeskError("unavailable", "Not in this stub."));
    const realm = toHex(this.reported.realm.realm);
    const changed = (part: Partial<CaseView>) => {
      this.#view = { ...this.#view, ...part };
      return Promise.resolve(this.#view);
    };
    return {
      state: async () => ({ name: "Harbour Desk", realm, development: true, hasModerators: this.#people.size > 0 }),
      redeem: async (redeeming) => {
        note("redeem", redeeming);
        if (redeeming.code !== invitationCode)
          throw new DeskError("notFound", "This invitation was used, is over, or never was.");
        const id = toHex(secretOf(`person ${this.#people.size}`).subarray(0, 16));
        const shown: Moderator = {
          ...{ id, name: "Mira", role: "lead", teams: ["community"], box: redeeming.box, holds: [], left: false },
        };
        this.#people.set(id, { shown, redeeming });
        return shown;
      },
      beginLogin: async (id) => ({
        challenge: toBase64(secretOf("challenge")),
        keeping: this.#people.get(id)?.redeeming.keeping ?? { kind: "file" },
      }),
      finishLogin: async (id, challenge, signature) => {
        const person = this.#people.get(id);
        const [key, signed, text] = [person?.redeeming.signKey ?? "", signature, challenge].map((one) =>
          fromBase64(one),
        );
        const isTheirs = key && signed && text && ed25519.verify(signed, loginText(text), key);
        if (person === undefined || !isTheirs) throw new DeskError("notSignedIn", "That did not sign you in.");
        return { token: id, expiresMs: Date.now() + 1_800_000, moderator: person.shown };
      },
      signedIn: async (token) => {
        const person = this.#people.get(token);
        if (person === undefined) throw new DeskError("notSignedIn", "Sign in.");
        return person.shown;
      },
      published: never,
      logout: async () => note("logout", undefined),
      me: async (by): Promise<Me> => ({
        ...{ moderator: by, keys: this.#grant === undefined ? [] : [this.#grant], unsealed: this.#unsealed() },
        lacking: this.#grant === undefined ? ["community"] : [],
      }),
      moderators: async () => {
        const listed = this.colleague;
        const common = { role: "moderator", teams: ["community"], holds: [], left: false } as const;
        const people = [...this.#people.values()].map(({ shown }) => shown);
        return listed === undefined ? people : [...people, { ...listed, ...common }];
      },
      invite: async (_by, person) => {
        note("invite", person);
        return { code: invitationCode };
      },
      leave: never,
      newTeamKey: async (by, key) => {
        note("newTeamKey", key);
        const publicKey = fromBase64(key.publicKey) ?? new Uint8Array();
        this.#key = { publicKey, secretKey: new Uint8Array() };
        const sealed = key.grants.find(({ moderator }) => moderator === by.id)?.sealed ?? "";
        const keyId = toHex(deskKeyId(publicKey));
        const times = { createdMs: Date.now(), expiresMs: Date.now() + 86_400_000 };
        this.#grant = { team: key.team, keyId, publicKey: key.publicKey, sealed, ...times };
        return this.#grant;
      },
      grantTeamKey: async (_by, grant) => {
        note("grantTeamKey", grant);
        this.colleague = undefined;
      },
      teamKey: async () => {
        const { publicKey } = sealKeysOf(secretOf("platform key"));
        return { keyId: toHex(deskKeyId(publicKey)), publicKey: toBase64(publicKey) };
      },
      queue: async () => [this.#view, ...otherEntries()],
      case: async () => this.#view,
      claim: async (by) => changed({ claimedBy: by.id }),
      release: async () => changed({ claimedBy: undefined }),
      open: async (by, _id, reason) => {
        note("open", reason);
        return this.#opening(by);
      },
      closeOpening: async (_by, opening) => note("close", opening),
      mayFetchBlobs: async () => true,
      askContext: async (_by, _id, ask) => note("context", ask),
      escalate: async (_by, _id, escalation) => {
        note("escalate", escalation);
        return changed({ team: escalation.team, stage: "escalated" });
      },
      act: async (by, _id, act) => {
        note("act", act);
        const waiting = act.kind === "suspend";
        const { kind, category, rule, device } = act;
        const action = {
          ...{ id: "a1", kind, category, rule, device, by: by.id, approvedBy: undefined, atMs: Date.now() },
          untilMs: act.durationMs === undefined ? undefined : Date.now() + act.durationMs,
          ...({ state: waiting ? "waiting" : "inForce", enforced: !waiting } as const),
        };
        return changed({ actions: [...this.#view.actions, action], stage: waiting ? this.#view.stage : "actioned" });
      },
      approve: never,
      dismiss: never,
      decideAppeal: never,
      audit: async (_by, after) => {
        const first = nextEntry(undefined, { by: "operator", what: "invited", about: "Mira" }, Date.now());
        const second = nextEntry(
          first,
          { by: "desk", what: "filed", about: caseId, detail: { reports: 1 } },
          Date.now(),
        );
        return { entries: [first, second].filter(({ seq }) => seq > after), heads: [] };
      },
      transparency: async (_by, month) => ({
        month,
        rows: (["all", "threat", "spam"] as const).map((category) => ({
          ...{ category, reports: 412, verified: 380, cases: 120, actions: 48, medianHoursToDecision: 14 },
          ...({ appeals: "<10", reversals: "<10" } as const),
        })),
      }),
      hold: async (by, _id, wanted) => {
        note("hold", wanted);
        return changed({ holdBy: wanted === this.#view.hold ? [] : [...this.#view.holdBy, by.id] });
      },
      exportReport: never,
    };
  }

  #unsealed(): Me["unsealed"] {
    if (this.colleague === undefined || this.#grant === undefined) return [];
    return [{ moderator: this.colleague.id, box: this.colleague.box, keyId: this.#grant.keyId }];
  }

  #opening(by: Moderator): Opening {
    const grant = this.#grant;
    const key = this.#key;
    if (grant === undefined || key === undefined) throw new DeskError("conflict", "The team has no key.");
    const report = this.reported.handedOut("They do this every evening. <b>Please</b> help.", key, grant.keyId);
    this.lastOpening = { ...report, realm: toHex(this.reported.realm.realm) };
    return {
      opening: "o1",
      closesMs: Date.now() + this.openForMs,
      watermark: `${by.name} · ${by.id.slice(0, 8)} · 2026-11-22T09:40Z · ${caseId.slice(0, 8)}`,
      realm: toHex(this.reported.realm.realm),
      reports: [report],
    };
  }

  #caseView(): CaseView {
    const placeholder = sealKeysOf(secretOf("placeholder"));
    const { verdicts, report } = this.reported.handedOut("", placeholder, toHex(deskKeyId(placeholder.publicKey)));
    const nowMs = Date.now();
    const verified = verdicts.filter(({ verdict }) => verdict === "verified").length;
    return {
      ...{
        id: caseId,
        stage: "new",
        team: "community",
        category: "threat",
        accused: hexOf(accused),
        trust: "verified",
      },
      ...{
        verifiedItems: verified,
        refusedItems: verdicts.length - verified,
        reporters: 1,
        priorVerdicts: 2,
        priority: 240,
      },
      ...{
        openedMs: nowMs - 5_400_000,
        dueMs: nowMs + 5 * 3_600_000,
        claimedBy: undefined,
        hasAppeal: false,
        brigading: false,
      },
      reports: [
        {
          ...{ report, kind: "report", reporter: hexOf(reporter), category: "threat", receivedMs: nowMs - 5_400_000 },
          ...({ items: verdicts, words: "kept", teamKey: "0011223344556677" } as const),
        },
      ],
      ...{ actions: [], outcome: "open", history: [{ atMs: nowMs - 5_400_000, stage: "new", by: "desk" }] },
      ...{ retainedUntilMs: nowMs + 30 * 86_400_000, hold: "none", holdBy: [] },
    };
  }
}
