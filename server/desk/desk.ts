/** A desk, put together: what devices ask of it, what the relay brings it, what people do at it, and what falls due. */

import { type AccountId, encodeSealedReport, REPORT_WINDOW_MS, realmFingerprint, toHex } from "@sotto/protocol";
import { Actions } from "./actions/actions.js";
import { Enforcer } from "./actions/enforcer.js";
import { type AuditHead, DeskError, type DeskService } from "./api.js";
import type { AuditTip } from "./audit/chain.js";
import { Ledger } from "./audit/ledger.js";
import { Casework } from "./cases/casework.js";
import { passDeadlines } from "./cases/deadlines.js";
import { Openings } from "./cases/openings.js";
import { callHooks } from "./hooks.js";
import { answerAsk } from "./issuer/answers.js";
import { Enrolments } from "./issuer/enrolments.js";
import { allowIdentity, type RefusedIdentity, refusedIdentities } from "./issuer/identities.js";
import { Issuer } from "./issuer/issuer.js";
import type { SigningKey } from "./keys/ed25519.js";
import { KeyRing } from "./keys/key-ring.js";
import { Locks } from "./lock.js";
import { Notes } from "./notes.js";
import type { DeskParts, DeskTrouble, Person } from "./parts.js";
import { People } from "./people/people.js";
import { needCase, needLead, needLogReader } from "./people/permissions.js";
import { Sessions } from "./people/sessions.js";
import { TeamKeys } from "./people/team-keys.js";
import type { RelayEvents } from "./ports.js";
import { Publisher } from "./realm/publisher.js";
import { retain } from "./retention/retention.js";
import { scrub } from "./retention/scrubbing.js";
import { transparencyOf } from "./retention/transparency.js";
import { openTables } from "./rows.js";
import { Runner } from "./runner.js";
import { fetchReports } from "./triage/intake.js";
import { triageAll } from "./triage/worker.js";
import { Work } from "./work.js";

/** What everybody may know of a desk. */
export interface PublicInfo {
  /** Hex. */
  readonly realm: string;
  /** What apps pin. */
  readonly fingerprint: string;
  /** The desk's key at the relay, hex: the relay's setting `deskKey`. */
  readonly linkKey: string;
  /** What signs sanctions, feeds and the log's heads, hex. */
  readonly signer: string;
  readonly manifest: number;
}

/** What is published so that it proves nothing, or shows that nothing was changed. */
export interface Published {
  /** Secrets of epochs that are over, hex: from here on anybody can make their tokens. */
  readonly issuerSecrets: readonly { readonly epoch: number; readonly secret: string }[];
  readonly auditHeads: readonly AuditHead[];
}

/** A running desk. */
export interface Desk extends DeskService, RelayEvents {
  /** The code that the first person redeems, and whoever is invited where nobody can sign in. For the command line. */
  inviteByOperator(person: Person): Promise<{ readonly code: string }>;
  published(): Promise<Published>;
  /** Identities that were refused because their account is known by another one. For the command line, as what follows. */
  refusedIdentities(): Promise<readonly RefusedIdentity[]>;
  /** Lets one of them in. @throws DeskError notFound for another one. */
  allowIdentity(identity: Pick<RefusedIdentity, "account" | "key">): Promise<void>;
  /** Where the log ends, for its check. */
  auditTip(): Promise<AuditTip | undefined>;
  /** Has tokens of an epoch count no more from a time on, as after a theft of keys. @throws DeskError notFound for one without a key. */
  revokeEpoch(epoch: number, afterMs: number): Promise<void>;
  /** The manifest that a root which was taken offline has to sign (`signManifest`). */
  exportManifest(): Promise<Uint8Array | undefined>;
  /** Takes it back signed. @throws DeskError badRequest for another. */
  importManifest(encoded: Uint8Array): Promise<void>;
  /** Proves the desk to the relay. */
  readonly link: SigningKey;
  readonly publicInfo: PublicInfo;
  /** Does what fell due: keys, feed, ends of sanctions, retention, deadlines, calls. Meant for once a minute; rejects never. */
  sweep(signal: AbortSignal): Promise<void>;
  /** Resolves when nothing runs in the background. */
  settled(): Promise<void>;
  /** Waits for what runs; the rows are the caller's to close. Idempotent. */
  close(): Promise<void>;
}

/** Accounts that are still to be told of a note, while the relay is away. */
const MAX_UNTOLD = 10_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Opens a desk. The realm is handed to the relay as soon as that is `connected`. */
export async function createDesk(parts: DeskParts): Promise<Desk> {
  const { rows, relay, settings } = parts;
  const now = () => parts.now();
  const random = (bytes: number) => parts.random(bytes);
  const trouble = (kind: DeskTrouble, cause: unknown) => parts.trouble(kind, cause);
  const tables = openTables(rows);
  const locks = new Locks();
  const ledger = new Ledger({ rows, tables, locks, now });
  const base = { tables, locks, ledger, now, random, relay, settings, trouble };
  const keys = await KeyRing.open(base);
  await keys.upkeep();
  const { realm } = keys;
  const issuer = new Issuer({ ...base, keys, batchesPerEpoch: settings.batchesPerEpoch });
  const hostToken = parts.hostToken === undefined ? {} : { hostToken: parts.hostToken };
  const enrolments = new Enrolments({ ...base, ...hostToken, keys });
  const notes = new Notes({ tables, random, realm });
  const publisher = new Publisher({ ...base, keys, revokedNames: () => issuer.revokedNames() });
  await publisher.open();
  const asking = { tables, realm, enrolments, issuer, notes, keys };

  const untold = new Set<AccountId>();
  /** When the relay was told last what it should have carried out. */
  let repeatedMs = Number.NEGATIVE_INFINITY;
  let relayIs: "another, maybe" | "known" = "another, maybe";
  /** Until when everything that reached the relay is here; and until when it is filed. */
  let fetchedMs = Number.NEGATIVE_INFINITY;
  let filedMs = Number.NEGATIVE_INFINITY;
  /** A relay that is away keeps nothing open for longer than reports count. */
  const passed = () => ({ nowMs: now(), filedMs: Math.max(filedMs, now() - REPORT_WINDOW_MS) });
  const work = new Work({ ...base, notes, committed });
  const enforcer = new Enforcer({ ...base, keys });
  const casework = new Casework(work);
  const actions = new Actions(work, casework, enforcer);
  const openings = new Openings(work, realm);
  const people = new People(work);
  const teamKeys = new TeamKeys(work, people);
  const sessions = new Sessions({
    ...{ people, random, now },
    log: (by, what) => ledger.commit([], { by, what, about: by }),
  });

  const runner = new Runner(
    {
      async publish() {
        await keys.takeStampKeys(await relay.stampKeys(keys.firstStampEpoch()));
        await publisher.refresh();
      },
      async enforce() {
        if (relayIs === "another, maybe" && Math.abs(now() - repeatedMs) >= HOUR_MS) {
          await enforcer.repeat();
          repeatedMs = now();
          relayIs = "known";
        }
        await enforcer.run();
      },
      async tell() {
        for (const account of [...untold]) {
          // Before the relay is asked: what is written while it answers is to be told once more.
          untold.delete(account);
          try {
            await relay.notify(account);
          } catch (cause) {
            untold.add(account);
            throw cause;
          }
        }
      },
      async intake() {
        const askedMs = now();
        await keys.takeStampKeys(await relay.stampKeys(keys.firstStampEpoch()));
        await fetchReports({ tables, ledger, relay });
        fetchedMs = askedMs;
        runner.start("triage");
      },
      async triage() {
        const untilMs = fetchedMs;
        await triageAll({ work, keys });
        filedMs = untilMs;
      },
      hooks: () => callHooks(work.parts, parts.callWebhook),
    },
    (kind, cause) => trouble(kind === "hooks" ? "webhook" : kind === "triage" ? "triage" : "relayAway", cause),
  );

  function committed(told: readonly AccountId[], touched: ReadonlySet<string>): void {
    for (const account of told) if (untold.size < MAX_UNTOLD) untold.add(account);
    if (untold.size > 0) runner.start("tell");
    if (touched.has("standing") || touched.has("teamKey")) runner.start("publish");
    if (touched.has("enforcement")) runner.start("enforce");
    if (touched.has("webhook")) runner.start("hooks");
  }

  function connected(): void {
    publisher.forget();
    relayIs = "another, maybe";
    for (const kind of ["publish", "enforce", "tell", "intake"] as const) runner.start(kind);
  }

  let retainedMs = Number.NEGATIVE_INFINITY;
  let scrubbedMs = Number.NEGATIVE_INFINITY;
  /** What falls due, in an order in which nothing is used that should be gone. */
  const due: readonly (() => Promise<void>)[] = [
    () => keys.upkeep(),
    () => issuer.forget(),
    () => openings.closeOverdue(),
    () => actions.expire(),
    // What was left in time is filed before time decides.
    async () => {
      for (const kind of ["intake", "triage"] as const) runner.start(kind);
      await runner.settled();
    },
    () => passDeadlines(work, passed()),
    async () => {
      if (Math.abs(now() - retainedMs) < HOUR_MS) return;
      await retain(work, passed());
      retainedMs = now();
    },
    () => ledger.signHeads(realm, keys.signer),
    async () => {
      if (Math.abs(now() - scrubbedMs) < DAY_MS) return;
      await scrub({ rows, tables, ledger });
      scrubbedMs = now();
    },
  ];

  return {
    link: keys.link,
    get publicInfo() {
      return {
        realm: toHex(realm),
        fingerprint: realmFingerprint(keys.root.publicKey),
        linkKey: toHex(keys.link.publicKey),
        signer: toHex(keys.signer.publicKey),
        manifest: publisher.number,
      };
    },
    connected,
    asked: (account, device, body) => answerAsk(asking, { account, device }, body),
    reportsWaiting: () => runner.start("intake"),
    async sweep(signal) {
      for (const step of due) {
        if (signal.aborted) return;
        await step().catch((cause: unknown) => trouble("sweep", cause));
      }
      for (const kind of ["publish", "enforce", "tell", "hooks"] as const) runner.start(kind);
      await runner.settled();
    },
    settled: () => runner.settled(),
    close: () => runner.close(),

    inviteByOperator: (person) => people.invite("operator", person),
    refusedIdentities: () => refusedIdentities(base),
    allowIdentity: (identity) => allowIdentity(base, identity),
    auditTip: () => ledger.tip(),
    exportManifest: () => publisher.exportUnsigned(),
    importManifest: (encoded) => publisher.importSigned(encoded),
    async revokeEpoch(epoch, afterMs) {
      await keys.revokeEpoch(epoch, afterMs);
      runner.start("publish");
    },
    async published() {
      const secrets = (await tables.disclosedKey.all()).map(({ key, value }) => ({
        epoch: Number(key),
        secret: toHex(value.seed),
      }));
      return { issuerSecrets: secrets, auditHeads: await ledger.heads() };
    },

    async state() {
      const isDevelopment = settings.mode === "development";
      const hasModerators = await people.areAny();
      return { name: settings.name, realm: toHex(realm), development: isDevelopment, hasModerators };
    },
    redeem: (redeeming) => people.redeem(redeeming),
    beginLogin: (moderator) => sessions.begin(moderator),
    finishLogin: (moderator, challenge, signature) => sessions.finish(moderator, challenge, signature),
    signedIn: (token) => sessions.signedIn(token),
    logout: async (token) => sessions.end(token),
    me: (by) => teamKeys.me(by),
    moderators: () => people.all(),
    invite: (by, person) => people.invite(by, person),
    leave: (by, moderator) => people.leave(by, moderator),
    newTeamKey: (by, key) => teamKeys.make(by, key),
    grantTeamKey: (by, grant) => teamKeys.grant(by, grant),
    teamKey: (_by, team) => teamKeys.current(team),
    queue: (by) => casework.queue(by),
    case: (by, id) => casework.view(by, id),
    claim: (by, id) => casework.claim(by, id),
    release: (by, id) => casework.release(by, id),
    open: (by, id, reason) => openings.open(by, id, reason),
    closeOpening: (by, opening) => openings.close(by, opening),
    mayFetchBlobs: (by) => openings.isOpenFor(by),
    askContext: (by, id, ask) => casework.askContext(by, id, ask),
    escalate: (by, id, escalation) => casework.escalate(by, id, escalation),
    act: (by, id, act) => actions.act(by, id, act),
    approve: (by, action, verdict) => actions.approve(by, action, verdict),
    dismiss: (by, id, rule) => casework.dismiss(by, id, rule),
    decideAppeal: (by, id, verdict, rule) => actions.decideAppeal(by, id, verdict, rule),
    hold: (by, id, wanted) => casework.hold(by, id, wanted),
    async audit(by, after) {
      needLogReader(by);
      return { entries: await ledger.entries(after), heads: await ledger.heads() };
    },
    async transparency(_by, month) {
      if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(month)) throw new DeskError("badRequest", "A month, as 2026-11.");
      const verdicts = (await tables.verdict.all(`${month}/`)).map(({ value }) => value);
      const cases = (await tables.case.all()).map(({ value }) => value);
      const done = (await tables.action.all()).map(({ value }) => value);
      return transparencyOf(month, { verdicts, cases, actions: done });
    },
    async exportReport(by, report) {
      needLead(by);
      const held = await tables.report.get(report);
      const layers = await tables.layers.get(report);
      if (held === undefined || layers === undefined)
        throw new DeskError("notFound", "There is no such report any more.");
      needCase(by, await tables.case.get(held.case));
      await ledger.commit([], { by: by.id, what: "exported", about: held.case, detail: { report } });
      const { id, reporter, receivedMs } = held;
      return encodeSealedReport({ id, reporter, receivedMs, heads: layers.sealedHeads, words: layers.words });
    },
  };
}
