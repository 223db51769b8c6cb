/** When nobody touched the page for a while, whoever was signed in is signed out. */

import { useEffect, useRef, useState } from "preact/hooks";

/** Nobody at the screen for so long. */
export const IDLE_MS = 15 * 60_000;
/** Said so long before. */
export const WARN_MS = 60_000;
const LOOK_MS = 5_000;

/** Calls `onIdle` after `IDLE_MS` without a key, a click or a touch. Answers whether that is near. */
export function useIdle(onIdle: () => void): "active" | "nearlyIdle" {
  const [state, setState] = useState<"active" | "nearlyIdle">("active");
  const latest = useRef(onIdle);
  latest.current = onIdle;
  useEffect(() => {
    let touchedMs = Date.now();
    const touched = () => {
      touchedMs = Date.now();
      setState("active");
    };
    const timer = setInterval(() => {
      const forMs = Date.now() - touchedMs;
      if (forMs >= IDLE_MS) latest.current();
      else setState(forMs >= IDLE_MS - WARN_MS ? "nearlyIdle" : "active");
    }, LOOK_MS);
    const events = ["keydown", "pointerdown", "wheel"] as const;
    for (const name of events) addEventListener(name, touched, { passive: true });
    return () => {
      clearInterval(timer);
      for (const name of events) removeEventListener(name, touched);
    };
  }, []);
  return state;
}
