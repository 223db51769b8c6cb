/** Breaking the glass: a reason is written down before any word is seen. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { CaseView, Opening } from "../api.js";
import { useDesk } from "./desk-context.js";
import { AskingDialog } from "./dialog.js";
import { TextArea } from "./fields.js";

/** Asks for the reason, and opens. */
export function OpenDialog({
  view,
  onOpened,
  onClose,
}: {
  readonly view: CaseView;
  readonly onOpened: (opening: Opening) => void;
  readonly onClose: () => void;
}) {
  const { api, moderator } = useDesk();
  const [reason, setReason] = useState("");
  const there = useRef(true);
  useEffect(
    () => () => {
      there.current = false;
    },
    [],
  );
  const open = async () => {
    const opening = await api.open(view.id, reason.trim());
    if (there.current) return onOpened(opening);
    // Whoever asked for it has gone on, and nobody else would close it before its time is over.
    api.closeOpening(opening.opening).catch(() => undefined);
  };
  return (
    <AskingDialog title="Open the words of this case" action="Open words" perform={open} onClose={onClose}>
      <p>
        The log will say that {moderator.name} opened this case, when, and why. What people wrote may be hard to read;
        text comes first, and pictures stay blurred until you ask for them.
      </p>
      <TextArea label="Reason" hint="Why the words have to be read." value={reason} onValue={setReason} />
    </AskingDialog>
  );
}
