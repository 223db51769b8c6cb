/** A dialog over the page: the browser's own, so that focus stays in it, Escape closes it and focus goes back. */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { errorOf } from "./hooks.js";

/** A dialog with a title and whatever is in it. */
export function Dialog({
  title,
  children,
  onClose,
}: {
  readonly title: string;
  readonly children: ComponentChildren;
  readonly onClose: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={titleId} onClose={onClose}>
      <h2 id={titleId}>{title}</h2>
      {children}
    </dialog>
  );
}

/** A dialog that asks for something and does it: what fails is said in it, and it stays open. */
export function AskingDialog({
  title,
  children,
  action,
  tone = "plain",
  perform,
  onClose,
}: {
  readonly title: string;
  readonly children: ComponentChildren;
  /** What the button says. */
  readonly action: string;
  readonly tone?: "plain" | "severe";
  readonly perform: () => Promise<void>;
  readonly onClose: () => void;
}) {
  const [busy, setBusy] = useState<"no" | "yes">("no");
  const [failure, setFailure] = useState<string>();
  const submit = (event: Event) => {
    event.preventDefault();
    if (busy === "yes") return;
    setBusy("yes");
    setFailure(undefined);
    perform().then(onClose, (error: unknown) => {
      setFailure(errorOf(error).message);
      setBusy("no");
    });
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        {children}
        <p class="failure" role="alert">
          {failure}
        </p>
        <div class="form-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="submit"
            class={tone === "severe" ? "button severe" : "button primary"}
            disabled={busy === "yes"}
          >
            {busy === "yes" ? "One moment…" : action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
