/** The frame around every page of somebody who is signed in: where to go, who it is, what just happened. */

import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { DeskError, type ModeratorRole } from "../api.js";
import { ApprovalsPage } from "./approvals-page.js";
import { AuditPage } from "./audit-page.js";
import { CasePage } from "./case-page.js";
import { type Desk, DeskContext } from "./desk-context.js";
import { DevelopmentNote } from "./front.js";
import { HelpDialog } from "./help-dialog.js";
import { errorOf, useShortcuts } from "./hooks.js";
import { useIdle } from "./idle.js";
import { KeyNotices } from "./key-notices.js";
import { PeoplePage } from "./people-page.js";
import { nextTheme, setTheme, theme } from "./preferences.js";
import { QueuePage } from "./queue-page.js";
import type { Route } from "./routes.js";
import { type Keyring, keepKeys, type SignedIn } from "./signing-in.js";
import { fingerprintOf } from "./team-keys.js";
import { TransparencyPage } from "./transparency-page.js";
import { roleWords } from "./vocabulary.js";

const KEYS_EVERY_MS = 120_000;
/** Whoever waits for a key looks more often. */
const AWAITED_EVERY_MS = 10_000;
const themeWords = { system: "As the system", light: "Light", dark: "Dark" } as const;

/** The console of who is signed in. */
export function Shell({
  signedIn,
  route,
  onSignedOut,
}: {
  readonly signedIn: SignedIn;
  readonly route: Route;
  readonly onSignedOut: (why: string) => void;
}) {
  const { api, state, moderator } = signedIn;
  const [keyring, setKeyring] = useState<Keyring>({ held: [], awaited: [], waiting: [], did: [] });
  const [said, setSaid] = useState<string>();
  const [failed, setFailed] = useState<string>();
  const [help, setHelp] = useState<"closed" | "open">("closed");
  const main = useRef<HTMLElement>(null);

  // Calls that are answered later end nothing: somebody may be signed in again by then.
  const isOver = useRef(false);
  const signOut = useCallback(
    (why: string) => {
      if (isOver.current) return;
      isOver.current = true;
      // A session the desk does not hear the end of ends by itself.
      api.logout().catch(() => undefined);
      signedIn.key.box.secretKey.fill(0);
      onSignedOut(why);
    },
    [api, signedIn, onSignedOut],
  );
  const fail = useCallback(
    (error: unknown) => {
      if (error instanceof DeskError && error.code === "notSignedIn") signOut("Your session ended. Sign in again.");
      else setFailed(errorOf(error).message);
    },
    [signOut],
  );
  const say = useCallback((words: string) => {
    setFailed(undefined);
    setSaid(words);
  }, []);
  const idle = useIdle(() => signOut("You were signed out: nobody was here for 15 minutes."));

  // One look after the other: two at once would both make the key of a team that has none.
  const looking = useRef(Promise.resolve());
  const keep = useCallback(() => {
    looking.current = looking.current
      .then(() => keepKeys(signedIn))
      .then((kept) => {
        setKeyring((before) => (isSame(before.held, kept.held) ? { ...kept, held: before.held } : kept));
        if (kept.did.length > 0) say(kept.did.join(" "));
      })
      .catch(fail);
  }, [signedIn, say, fail]);
  const everyMs = keyring.awaited.length > 0 ? AWAITED_EVERY_MS : KEYS_EVERY_MS;
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && keep(), everyMs);
    return () => clearInterval(timer);
  }, [keep, everyMs]);
  const place = placeOf(route);
  useEffect(() => {
    setFailed(undefined);
    setSaid(undefined);
    main.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [place]);
  useEffect(keep, [keep, place]);
  useShortcuts({ "?": () => setHelp("open") });

  const fingerprint = useMemo(() => fingerprintOf(state.realm, signedIn.key.box.publicKey), [state, signedIn]);
  const desk: Desk = useMemo(() => {
    const { held, waiting } = keyring;
    return { api, state, moderator, held, waiting, fingerprint, keepKeys: keep, say, fail };
  }, [api, state, moderator, keyring, fingerprint, keep, say, fail]);
  return (
    <DeskContext.Provider value={desk}>
      <div class="frame">
        <button type="button" class="skip" onClick={() => main.current?.focus()}>
          Skip to content
        </button>
        <Rail desk={desk} route={route} onHelp={() => setHelp("open")} onSignOut={() => signOut("You signed out.")} />
        <main class="page" ref={main} tabIndex={-1}>
          {state.development ? <DevelopmentNote /> : undefined}
          {idle === "nearlyIdle" ? (
            <p class="banner doubt" role="alert">
              You will be signed out in a minute. Press any key to stay.
            </p>
          ) : undefined}
          <div class="banner-place">
            <p class={failed === undefined ? "sr-only" : "banner bad"} role="alert">
              {failed}
            </p>
            <p class={said === undefined ? "sr-only" : "banner calm"} role="status">
              {said}
              {said === undefined ? undefined : (
                <button type="button" class="button quiet small" onClick={() => setSaid(undefined)}>
                  Hide
                </button>
              )}
            </p>
          </div>
          <KeyNotices awaited={keyring.awaited} here={route.page} />
          <Page route={route} role={moderator.role} />
        </main>
        {help === "open" ? <HelpDialog onClose={() => setHelp("closed")} /> : undefined}
      </div>
    </DeskContext.Provider>
  );
}

/** Where somebody is. Who came by an invitation is at the queue, before its address says so too. */
function placeOf(route: Route): string {
  if (route.page === "case") return `case/${route.id}`;
  return route.page === "invitation" ? "queue" : route.page;
}

/** Whether the same keys are held: nothing that is open is opened anew for them. */
function isSame(one: Keyring["held"], other: Keyring["held"]): boolean {
  return one.length === other.length && one.every(({ keyId }, index) => keyId === other[index]?.keyId);
}

function Page({ route, role }: { readonly route: Route; readonly role: ModeratorRole }) {
  switch (route.page) {
    case "queue":
    case "invitation":
      return role === "auditor" ? <AuditPage /> : <QueuePage />;
    case "case":
      return <CasePage key={route.id} id={route.id} opening={route.opening} />;
    case "approvals":
      return <ApprovalsPage />;
    case "audit":
      return <AuditPage />;
    case "transparency":
      return <TransparencyPage />;
    case "people":
      return <PeoplePage />;
    default:
      return route satisfies never;
  }
}

function Rail({
  desk: { state, moderator },
  route,
  onHelp,
  onSignOut,
}: {
  readonly desk: Desk;
  readonly route: Route;
  readonly onHelp: () => void;
  readonly onSignOut: () => void;
}) {
  const [colours, setColours] = useState(theme);
  const worksCases = moderator.role !== "auditor";
  const readsLog = moderator.role !== "moderator";
  return (
    <header class="rail">
      <p class="rail-desk">{state.name}</p>
      <nav aria-label="Console">
        <ul class="plain-list rail-links">
          {worksCases ? (
            <Place href="#/queue" here={route.page === "queue" || route.page === "case"}>
              Queue
            </Place>
          ) : undefined}
          {worksCases ? (
            <Place href="#/approvals" here={route.page === "approvals"}>
              Approvals
            </Place>
          ) : undefined}
          {readsLog ? (
            <Place href="#/audit" here={route.page === "audit" || (!worksCases && route.page === "queue")}>
              Audit log
            </Place>
          ) : undefined}
          <Place href="#/transparency" here={route.page === "transparency"}>
            Transparency
          </Place>
          <Place href="#/people" here={route.page === "people"}>
            People
          </Place>
        </ul>
      </nav>
      <div class="rail-foot">
        <p class="rail-person">
          <strong>{moderator.name}</strong>
          <span>{roleWords[moderator.role]}</span>
        </p>
        <button
          type="button"
          class="button quiet"
          onClick={() => {
            const chosen = nextTheme(colours);
            setTheme(chosen);
            setColours(chosen);
          }}
        >
          Colours: {themeWords[colours]}
        </button>
        <button type="button" class="button quiet" aria-keyshortcuts="?" onClick={onHelp}>
          Keyboard help
        </button>
        <button type="button" class="button quiet" onClick={onSignOut}>
          Sign out
        </button>
      </div>
    </header>
  );
}

function Place({
  href,
  here,
  children,
}: {
  readonly href: string;
  readonly here: boolean;
  readonly children: ComponentChildren;
}) {
  return (
    <li>
      <a href={href} {...(here ? { "aria-current": "page" } : {})}>
        {children}
      </a>
    </li>
  );
}
