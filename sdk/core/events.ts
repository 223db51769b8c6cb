/** Typed events in the shape of the platform's EventTarget, for a core that knows no DOM. */

import type { AbortSignalLike, Log } from "./ports.js";

/** How a listener is added. */
export interface ListenerOptions {
  readonly once?: boolean;
  /** Removes the listener when it aborts. */
  readonly signal?: AbortSignalLike;
}

/** An event: its name and the fields its row of the map names. */
export type EventOf<Events, Type extends keyof Events> = Events[Type] & { readonly type: Type };

type Listener<Events> = (event: EventOf<Events, keyof Events>) => void;

/** Something one can listen to. A listener that throws is logged and harms neither the others nor the client. */
export class TypedEvents<Events extends Record<string, object>> {
  private readonly listeners = new Map<keyof Events, Map<unknown, { call: Listener<Events>; once: boolean }>>();

  constructor(private readonly eventLog: Log) {}

  /** Calls back for every event of this type from now on. Adding the same listener twice is once. */
  addEventListener<Type extends keyof Events & string>(
    type: Type,
    listener: (event: EventOf<Events, Type>) => void,
    options: ListenerOptions = {},
  ): void {
    if (options.signal?.aborted === true) return;
    const ofType = this.listeners.get(type) ?? new Map();
    this.listeners.set(type, ofType);
    ofType.set(listener, { call: listener as Listener<Events>, once: options.once ?? false });
    options.signal?.addEventListener("abort", () => this.removeEventListener(type, listener), { once: true });
  }

  /** Stops calling back. Removing a listener that was never added does nothing. */
  removeEventListener<Type extends keyof Events & string>(
    type: Type,
    listener: (event: EventOf<Events, Type>) => void,
  ): void {
    this.listeners.get(type)?.delete(listener);
  }

  /** Calls every listener of the type, in the order they were added. */
  protected emit<Type extends keyof Events & string>(type: Type, detail: Events[Type]): void {
    const ofType = this.listeners.get(type);
    if (ofType === undefined) return;
    const event = { ...detail, type } as EventOf<Events, keyof Events>;
    for (const [key, { call, once }] of [...ofType]) {
      if (once) ofType.delete(key);
      try {
        call(event);
      } catch {
        this.eventLog("error", "listener failed", { type });
      }
    }
  }
}
