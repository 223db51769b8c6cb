/** The whole page: signed out, taking up an invitation, or at work. */

import { useEffect, useState } from "preact/hooks";
import { deskApi } from "./api-client.js";
import { useLoaded } from "./hooks.js";
import { InvitationPage } from "./invitation-page.js";
import { type Route, routeOf } from "./routes.js";
import { Shell } from "./shell.js";
import { SignInPage } from "./sign-in-page.js";
import type { SignedIn } from "./signing-in.js";

/** The page. */
export function App() {
  const state = useLoaded("state", () => deskApi(() => undefined).state());
  const [signedIn, setSignedIn] = useState<SignedIn>();
  const [notice, setNotice] = useState<string>();
  const route = useRoute();

  const desk = state.value;
  useEffect(() => {
    if (desk !== undefined) document.title = `${desk.name} · Desk`;
  }, [desk]);
  if (desk === undefined) {
    return (
      <main class="front" aria-busy={state.failure === undefined}>
        <p role="status">{state.failure === undefined ? "Asking the desk…" : state.failure.message}</p>
        {state.failure === undefined ? undefined : (
          <button type="button" class="button" onClick={state.reload}>
            Try again
          </button>
        )}
      </main>
    );
  }
  if (signedIn !== undefined) {
    return (
      <Shell
        signedIn={signedIn}
        route={route}
        onSignedOut={(why) => {
          setSignedIn(undefined);
          setNotice(why);
        }}
      />
    );
  }
  const enter = (entered: SignedIn) => {
    setNotice(undefined);
    if (route.page === "invitation") location.hash = "#/queue";
    setSignedIn(entered);
  };
  if (route.page === "invitation") return <InvitationPage state={desk} code={route.code} onSignedIn={enter} />;
  return <SignInPage state={desk} notice={notice} onSignedIn={enter} />;
}

/** Where the address says we are. An invitation's code leaves the address as soon as it was read. */
function useRoute(): Route {
  const [route, setRoute] = useState<Route>(() => routeOf(location.hash));
  useEffect(() => {
    const read = () => setRoute(routeOf(location.hash));
    addEventListener("hashchange", read);
    return () => removeEventListener("hashchange", read);
  }, []);
  useEffect(() => {
    if (route.page === "invitation") history.replaceState(null, "", location.pathname);
  }, [route]);
  return route;
}
