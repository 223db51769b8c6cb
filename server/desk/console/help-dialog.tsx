/** What keys do, and turning them off. */

import { useState } from "preact/hooks";
import { Dialog } from "./dialog.js";
import { Tick } from "./fields.js";
import { setShortcuts, shortcuts } from "./preferences.js";

const rows = [
  ["j / k", "Next or previous case in the queue"],
  ["Enter", "Go to the case"],
  ["c", "Claim the case, or release it"],
  ["o", "Open the case’s words (asks for a reason)"],
  ["a", "Act"],
  ["q", "Back to the queue"],
  ["?", "This help"],
] as const;

/** The dialog behind `?`. */
export function HelpDialog({ onClose }: { readonly onClose: () => void }) {
  const [single, setSingle] = useState(shortcuts);
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <dl class="keys">
        {rows.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <Tick
        label="Single keys do this"
        ticked={single === "on"}
        onTicked={(ticked) => {
          const chosen = ticked ? "on" : "off";
          setShortcuts(chosen);
          setSingle(chosen);
        }}
      />
      <div class="form-actions">
        <button type="button" class="button primary" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
