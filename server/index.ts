/** Sotto's relay for programs that embed it, and for tests. The command line is `sotto-relay`. */

export { type RelayOptions, type RunningRelay, startRelay } from "./compose.js";
export type { RelayState } from "./ops/http.js";
export { OperatorError } from "./ops/operator-error.js";
export { readSettings, type SettingSources, SettingsError, settingsFrom } from "./ops/read-settings.js";
export type { Settings } from "./ops/settings.js";
export { settingsReference } from "./ops/settings-text.js";
export type { Log, Store, StoreError } from "./ports.js";
