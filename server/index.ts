/** Sotto's relay and desk for programs that embed them, and for tests. The command lines are `sotto-relay` and `sotto-desk`. */

export { type RelayOptions, type RunningRelay, startRelay } from "./compose.js";
export { type DeskOptions, type OpenDesk, openDesk, type RelayPlace, type RunningDesk } from "./desk/compose.js";
export { type DeskSettings, deskSettingsFrom } from "./desk/settings.js";
export type { RelayState } from "./ops/http.js";
export { OperatorError } from "./ops/operator-error.js";
export { readSettings, settingsFrom } from "./ops/read-settings.js";
export { type SettingSources, SettingsError } from "./ops/read-table.js";
export type { Settings } from "./ops/settings.js";
export { settingsReference } from "./ops/settings-text.js";
export type { Log, Store, StoreError } from "./ports.js";
