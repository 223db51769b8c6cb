/** What components share: loading, the time, and keys. */

import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { shortcuts } from "./preferences.js";

/** Something that is asked for. A reload keeps showing what was there before. */
export interface Loaded<Value> {
  readonly value: Value | undefined;
  readonly failure: Error | undefined;
  reload(): void;
  /** Puts a newer value in place that came with another answer. */
  put(value: Value): void;
}

/** Asks for something when `key` changes, and every `everyMs` while the page is looked at. An answer that comes too late is dropped. */
export function useLoaded<Value>(key: string, ask: () => Promise<Value>, everyMs?: number): Loaded<Value> {
  const [state, setState] = useState<{ readonly value?: Value; readonly failure?: Error }>({});
  const turn = useRef(0);
  const latest = useRef(ask);
  latest.current = ask;

  const reload = useCallback(() => {
    const mine = ++turn.current;
    latest.current().then(
      (value) => mine === turn.current && setState({ value }),
      (failure: unknown) => mine === turn.current && setState((held) => ({ ...held, failure: errorOf(failure) })),
    );
  }, []);
  const put = useCallback((value: Value) => {
    turn.current += 1;
    setState({ value });
  }, []);

  useEffect(() => {
    setState({});
    reload();
    return () => {
      turn.current += 1;
    };
  }, [key]);
  useEffect(() => {
    if (everyMs === undefined) return undefined;
    const timer = setInterval(() => document.visibilityState === "visible" && reload(), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, reload]);
  return { value: state.value, failure: state.failure, reload, put };
}

/** The time, again every `everyMs`. */
export function useNow(everyMs: number): number {
  const [nowMs, setNowMs] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return nowMs;
}

/** Runs what single keys stand for: not while somebody types, a dialog is open, or they are turned off. */
export function useShortcuts(run: Readonly<Record<string, () => void>>): void {
  const latest = useRef(run);
  latest.current = run;
  // Before anybody sees the page: a key that is pressed as soon as it shows must not be lost.
  useLayoutEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || shortcuts() === "off") return;
      if (document.querySelector("dialog[open]") !== null || isTyping(event.target)) return;
      const action = latest.current[event.key];
      if (action === undefined) return;
      event.preventDefault();
      action();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}

/** Anything thrown, as an error with words for people. */
export function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error("Something went wrong.");
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}
