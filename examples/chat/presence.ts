/** What only two people tell each other while they write. In groups nobody tells it. */

import { setTimeout as pause } from "node:timers/promises";
import type { DirectRoom } from "./room.js";

/** How long the other's typing is shown. */
const TYPING_MS = 5_000;

/** Follows and tells it, in one direct conversation. */
export class Presence {
  /** What the screen says of the other just now. */
  notice = "";

  constructor(
    private readonly room: DirectRoom,
    private readonly changed: () => void,
  ) {}

  /** Follows the other's typing until the signal aborts. */
  follow(signal: AbortSignal): void {
    this.room.conversation.addEventListener(
      "typing",
      (event) => {
        this.show(event.typing === "started" ? `${this.room.peer} is typing…` : "");
        void pause(TYPING_MS, undefined, { signal }).then(
          () => this.show(""),
          () => undefined, // left meanwhile
        );
      },
      { signal },
    );
  }

  /** The other said something: what they typed is there. */
  heard(): void {
    this.notice = "";
  }

  /** A key was pressed. */
  typed(): void {
    this.room.conversation.typing("started");
  }

  private show(notice: string): void {
    this.notice = notice;
    this.changed();
  }
}
