/** What is asked before something is done about a case. */

import type { CaseView, Opening } from "../api.js";
import { ActDialog } from "./act-dialog.js";
import { ContextDialog } from "./context-dialog.js";
import { AppealDialog, DismissDialog } from "./decision-dialogs.js";
import { EscalateDialog } from "./escalate-dialog.js";
import { OpenDialog } from "./open-dialog.js";

/** Which dialog is open. */
export type CaseDialog = "open" | "act" | "context" | "escalate" | "dismiss" | "appeal";

/** What every dialog of a case is given. */
export interface CaseDialogProps {
  readonly view: CaseView;
  readonly opening: Opening | undefined;
  readonly put: (view: CaseView) => void;
  readonly onClose: () => void;
}

/** The dialog that is open. */
export function CaseDialogs({
  dialog,
  onOpened,
  ...props
}: CaseDialogProps & { readonly dialog: CaseDialog; readonly onOpened: (opening: Opening) => void }) {
  switch (dialog) {
    case "open":
      return <OpenDialog view={props.view} onOpened={onOpened} onClose={props.onClose} />;
    case "act":
      return <ActDialog {...props} />;
    case "context":
      return <ContextDialog {...props} />;
    case "escalate":
      return <EscalateDialog {...props} />;
    case "dismiss":
      return <DismissDialog {...props} />;
    case "appeal":
      return <AppealDialog {...props} />;
    default:
      return dialog satisfies never;
  }
}
