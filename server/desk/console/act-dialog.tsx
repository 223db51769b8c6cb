/** Doing something about an account: what, for how long, on what ground. */

import { type ReportCategory, reportCategories, type SanctionKind, sanctionKinds } from "@sotto/protocol";
import { useState } from "preact/hooks";
import type { Act, CaseView } from "../api.js";
import { isSevere } from "../severity.js";
import type { CaseDialogProps } from "./case-dialogs.js";
import { useDesk } from "./desk-context.js";
import { AskingDialog } from "./dialog.js";
import { Choice, RadioChoice, TextArea } from "./fields.js";
import { timeText } from "./time-words.js";
import { categoryWords, sanctionWords } from "./vocabulary.js";

const HOUR_MS = 3_600_000;
const durations = [
  { value: "24", words: "1 day" },
  { value: "72", words: "3 days" },
  { value: "168", words: "7 days" },
  { value: "720", words: "30 days" },
  { value: "2160", words: "90 days" },
  { value: "lifted", words: "Until it is lifted" },
] as const;
type DurationChoice = (typeof durations)[number]["value"];

/** Chooses an action, and does it. */
export function ActDialog({ view, put, onClose }: CaseDialogProps) {
  const { api, say } = useDesk();
  const liftable = view.actions.filter((action) => action.state === "inForce" && action.kind !== "warn");
  const devices = devicesOf(view);
  const kinds = sanctionKinds.filter(
    (kind) => (kind !== "lift" || liftable.length > 0) && (kind !== "revokeDevice" || devices.length > 0),
  );
  const [kind, setKind] = useState<SanctionKind>("warn");
  const [duration, setDuration] = useState<DurationChoice>("168");
  const [device, setDevice] = useState(String(devices[0] ?? 1));
  const [lifts, setLifts] = useState(liftable[0]?.id ?? "");
  const [category, setCategory] = useState<ReportCategory>(view.category);
  const [rule, setRule] = useState("");
  const isTimed = kind === "mute" || kind === "noNewConversations" || kind === "suspend";
  const durationMs = isTimed && duration !== "lifted" ? Number(duration) * HOUR_MS : undefined;
  const act: Act = {
    ...{ kind, category, rule: rule.trim() },
    ...(kind === "revokeDevice" ? { device: Number(device) } : {}),
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(kind === "lift" ? { lifts } : {}),
  };
  const severe = isSevere(kind, durationMs);

  return (
    <AskingDialog
      title="Act"
      action={severe ? "Ask for approval" : sanctionWords[kind].name}
      tone={severe ? "severe" : "plain"}
      perform={async () => {
        const changed = await api.act(view.id, act);
        put(changed);
        const waits = changed.actions.some((one) => one.state === "waiting" && one.kind === kind);
        say(waits ? "It waits for a second person." : "Done. The account is sent a statement of reasons.");
      }}
      onClose={onClose}
    >
      <fieldset class="choices">
        <legend>What to do</legend>
        {kinds.map((one) => (
          <RadioChoice
            key={one}
            name="kind"
            title={sanctionWords[one].name}
            does={sanctionWords[one].does}
            chosen={kind === one}
            onChosen={() => setKind(one)}
          />
        ))}
      </fieldset>
      {isTimed ? <Choice label="For how long" value={duration} options={durations} onValue={setDuration} /> : undefined}
      {kind === "revokeDevice" ? (
        <Choice
          label="Device"
          value={device}
          options={devices.map((one) => ({ value: String(one), words: `Device ${one}` }))}
          onValue={setDevice}
        />
      ) : undefined}
      {kind === "lift" ? (
        <Choice
          label="What to lift"
          value={lifts}
          options={liftable.map((one) => ({
            value: one.id,
            words: `${sanctionWords[one.kind].name} of ${timeText(one.atMs)}`,
          }))}
          onValue={setLifts}
        />
      ) : undefined}
      <Choice
        label="Category"
        value={category}
        options={reportCategories.map((value) => ({ value, words: categoryWords[value] }))}
        onValue={setCategory}
      />
      <TextArea
        label="Rule"
        hint="The account reads this. Name the rule; do not quote, and do not say who reported."
        value={rule}
        onValue={setRule}
      />
      {severe ? <p class="banner doubt">A second person has to approve this before anything happens.</p> : undefined}
    </AskingDialog>
  );
}

/** Devices of the accused that something verified came from. */
function devicesOf({ accused, reports }: CaseView): readonly number[] {
  const seen = reports.flatMap(({ items }) =>
    items.filter((item) => item.account === accused && item.verdict === "verified").map((item) => item.device),
  );
  return [...new Set(seen)].sort((one, other) => one - other);
}
