/** What a table of settings is made of, whoever's settings they are. */

import type { Kind } from "./setting-kinds.js";

/** One row. `preset` is the default as an operator would write it; `unset` says what happens where there is none. */
export interface SettingRow<T = unknown> {
  readonly kind: Kind<T>;
  readonly doc: string;
  readonly preset?: string;
  readonly unset?: string;
  readonly secret?: true;
}

/** A setting that always has a value. */
export const setting = <T>(kind: Kind<T>, preset: string, doc: string) => ({ kind, preset, doc }) as const;
/** A setting that may be missing. */
export const optional = <T>(kind: Kind<T>, unset: string, doc: string) => ({ kind, unset, doc }) as const;

/** The values of a table's rows, by key. */
export type SettingValues<Rows> = {
  readonly [Key in keyof Rows]: Rows[Key] extends { readonly kind: Kind<infer T> }
    ? Rows[Key] extends { readonly preset: string }
      ? T
      : T | undefined
    : never;
};

/** A table with its names: what its variables begin with, and where its file is. */
export interface SettingTable {
  readonly prefix: string;
  /** The variable that names the settings file; the one name with the prefix that is no setting. */
  readonly configVariable: string;
  /** The settings file that is read where the variable is not set, if it exists. */
  readonly defaultFile: string;
  /** The reference page. */
  readonly page: string;
  /** A settings file, for whoever wrote none. */
  readonly example: string;
  /** Variables with the prefix that belong to another program. */
  readonly foreign?: readonly string[];
  /** Every row with its key, in the order of the table. */
  rows(): readonly { readonly key: string; readonly row: SettingRow }[];
}

/** The name of a setting in the environment: the prefix, and the key in capitals. */
export function variableName(prefix: string, key: string): string {
  return `${prefix}${key.replace(/[A-Z]/g, (capital) => `_${capital}`).toUpperCase()}`;
}
