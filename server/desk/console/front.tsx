/** The frame of pages for who is not signed in. */

import type { ComponentChildren } from "preact";
import type { DeskState } from "../api.js";

/** A card in the middle of the page. */
export function Front({
  state,
  title,
  children,
}: {
  readonly state: DeskState;
  readonly title: string;
  readonly children: ComponentChildren;
}) {
  return (
    <div class="front">
      {state.development ? <DevelopmentNote /> : undefined}
      <main class="front-card">
        <p class="front-desk">{state.name}</p>
        <h1>{title}</h1>
        {children}
      </main>
      <p class="front-foot">
        Realm <code class="id">{state.realm}</code>
      </p>
    </div>
  );
}

/** Says that this desk runs where no desk should. */
export function DevelopmentNote() {
  return (
    <p class="development">
      <strong>Development mode.</strong> This desk runs inside the relay: keys that must lie apart lie together.
    </p>
  );
}
