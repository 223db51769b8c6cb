/** The kinds of setting: how a value is written, what range it has, what it becomes, and how it is shown. */

import { isIP } from "node:net";
import { resolve } from "node:path";
import { fromHex, toHex } from "@sotto/protocol";

/** Why a value was refused, as the end of the sentence "NAME must be …". */
export class BadValue extends Error {
  override readonly name = "BadValue";
}

/** One kind with its range. `parse` takes text; a JSON number or boolean of the settings file is turned into text first. */
export interface Kind<T> {
  /** How a value is written, for the reference page: "a duration (`s`, `d`) from 1s to 365d". */
  readonly written: string;
  /** A wrong value may be a secret somebody put in the wrong place, so it is not repeated when it is refused. */
  readonly mayBeSecret?: true;
  /** Reads one value. `folder` is what a relative path is relative to. @throws BadValue with the rest of "must be …". */
  parse(text: string, folder: string): T;
  /** The value as an operator would write it. */
  show(value: T): string;
}

interface Range {
  readonly min: number;
  readonly max: number;
}

function inRange(value: number, { min, max }: Range, show: (value: number) => string): number {
  if (value < min || value > max) throw new BadValue(`from ${show(min)} to ${show(max)}`);
  return value;
}

/** A whole number. */
export function integer(range: Range): Kind<number> {
  const written = `a whole number from ${range.min} to ${range.max}`;
  return {
    written,
    parse(text) {
      if (!/^\d{1,15}$/.test(text)) throw new BadValue(written);
      return inRange(Number(text), range, String);
    },
    show: String,
  };
}

/** A TCP port; 0 takes a free one. */
export const port: Kind<number> = {
  ...integer({ min: 0, max: 65_535 }),
  written: "a port from 0 (any free one) to 65535",
};

/** A number that may have a fraction. */
export function decimal(range: Range): Kind<number> {
  const written = `a number from ${range.min} to ${range.max}`;
  return {
    written,
    parse(text) {
      if (!/^\d{1,15}(\.\d{1,9})?$/.test(text)) throw new BadValue(written);
      return inRange(Number(text), range, String);
    },
    show: String,
  };
}

interface Unit {
  readonly suffix: string;
  readonly size: number;
}

/** A number with one of several units, read into the smallest and shown in the largest that fits evenly. */
function measured(units: readonly Unit[], range: Range, written: (min: string, max: string) => string): Kind<number> {
  const show = (value: number) => {
    const unit = units.find(({ size }) => value >= size && value % size === 0) ?? units[units.length - 1];
    return unit === undefined ? String(value) : `${value / unit.size}${unit.suffix}`;
  };
  const sentence = written(show(range.min), show(range.max));
  return {
    written: sentence,
    parse(text) {
      const match = /^(\d{1,12})\s?([A-Za-z]*)$/.exec(text);
      const unit = units.find(({ suffix }) => suffix === match?.[2]);
      if (match === null || unit === undefined) throw new BadValue(sentence);
      return inRange(Number(match[1]) * unit.size, range, show);
    },
    show,
  };
}

const DURATIONS: readonly Unit[] = [
  { suffix: "d", size: 86_400_000 },
  { suffix: "h", size: 3_600_000 },
  { suffix: "m", size: 60_000 },
  { suffix: "s", size: 1_000 },
  { suffix: "ms", size: 1 },
];

const SIZES: readonly Unit[] = [
  { suffix: "GiB", size: 1024 ** 3 },
  { suffix: "MiB", size: 1024 ** 2 },
  { suffix: "KiB", size: 1024 },
  { suffix: "", size: 1 },
];

/** A span of time, in milliseconds: `25ms`, `5s`, `10m`, `24h`, `30d`. A bare number has no meaning and is refused. */
export function duration(range: Range): Kind<number> {
  return measured(
    DURATIONS,
    range,
    (min, max) => `a duration (\`ms\`, \`s\`, \`m\`, \`h\`, \`d\`) from ${min} to ${max}`,
  );
}

/** A number of bytes: `512`, `64KiB`, `16MiB`, `1GiB`. */
export function bytes(range: Range): Kind<number> {
  return measured(SIZES, range, (min, max) => `a size (\`KiB\`, \`MiB\`, \`GiB\`) from ${min} to ${max}`);
}

/** `true` or `false`. */
export const bool: Kind<boolean> = {
  written: "`true` or `false`",
  parse(text) {
    if (text === "true") return true;
    if (text === "false") return false;
    throw new BadValue("`true` or `false`");
  },
  show: String,
};

/** One of a few words. */
export function choice<const Words extends readonly string[]>(...words: Words): Kind<Words[number]> {
  const written = `one of ${words.map((word) => `\`${word}\``).join(", ")}`;
  return {
    written,
    parse(text) {
      const found = words.find((word) => word === text);
      if (found === undefined) throw new BadValue(written);
      return found;
    },
    show: (value) => value,
  };
}

/** Text of bounded length without line breaks. */
export function line(maxLength: number): Kind<string> {
  const written = `text of 1 to ${maxLength} characters on one line`;
  return {
    written,
    parse(text) {
      if (text.length < 1 || text.length > maxLength || /[\r\n\0]/.test(text)) throw new BadValue(written);
      return text;
    },
    show: (value) => value,
  };
}

/** A name as programs write them: visible ASCII, no spaces, so that a character is a byte. */
export function word(maxLength: number): Kind<string> {
  const written = `a word of 1 to ${maxLength} letters, digits and signs`;
  return {
    written,
    parse(text) {
      if (text.length > maxLength || !/^[\x21-\x7e]+$/.test(text)) throw new BadValue(written);
      return text;
    },
    show: (value) => value,
  };
}

/** A path, made absolute: relative to the working folder in the environment, to the file's own folder in a settings file. */
export const path: Kind<string> = {
  written: "a path",
  parse(text, folder) {
    if (text === "" || text.includes("\0")) throw new BadValue("a path");
    return resolve(folder, text);
  },
  show: (value) => value,
};

/** A host name or address to listen on. */
export const host: Kind<string> = {
  written: "an address or host name to listen on",
  parse(text) {
    if (isIP(text) === 0 && !/^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(text)) {
      throw new BadValue("an address or host name, without scheme and port");
    }
    return text;
  },
  show: (value) => value,
};

/** Whether a URL's host is this machine, where plain http is no risk. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** An https URL; plain http only to this machine. */
export const httpsUrl: Kind<string> = {
  written: "an https:// URL (http:// only to this machine)",
  parse(text) {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const safe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname));
    if (url === undefined || !safe || url.username !== "" || url.password !== "") {
      throw new BadValue("an https:// URL without user name and password (http:// only to this machine)");
    }
    return url.href;
  },
  show: (value) => value,
};

/** Values separated by commas (in the settings file also a JSON list); none is the empty list. */
export function list<T>(item: Kind<T>, maxItems: number): Kind<readonly T[]> {
  return {
    written: `up to ${maxItems} values separated by commas, each ${item.written}`,
    parse(text, folder) {
      const parts = text.split(",").map((part) => part.trim());
      const items = parts.filter((part) => part !== "");
      if (items.length > maxItems) throw new BadValue(`at most ${maxItems} values`);
      return items.map((part) => item.parse(part, folder));
    },
    show: (values) => values.map((value) => item.show(value)).join(","),
  };
}

/** A web origin as browsers send it, or `*` for any. */
export const origin: Kind<string> = {
  written: "an origin such as `https://app.example`, or `*` for any",
  parse(text) {
    if (text === "*") return text;
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.origin !== text) {
      throw new BadValue(
        "an origin such as `https://app.example` (scheme and host, no path, no slash at the end), or `*`",
      );
    }
    return text;
  },
  show: (value) => value,
};

/** A secret: long enough not to be guessed. Mark the row `secret` as well, so that it is never shown. */
export const secret: Kind<string> = {
  written: "a secret of 16 to 512 characters without spaces",
  mayBeSecret: true,
  parse(text) {
    if (!/^[\x21-\x7e]{16,512}$/.test(text))
      throw new BadValue("a secret of 16 to 512 printable characters without spaces");
    return text;
  },
  show: (value) => value,
};

/** An Ed25519 public key as 64 hex digits. */
export const ed25519Key: Kind<Uint8Array> = {
  written: "an Ed25519 public key, 64 hex digits",
  parse(text) {
    if (!/^[0-9a-f]{64}$/i.test(text)) throw new BadValue("an Ed25519 public key, 64 hex digits");
    return fromHex(text.toLowerCase());
  },
  show: toHex,
};

/** A public key in PEM or JWK form (in the environment, line breaks may be written `\n`), or the path of a file that holds one. */
export const publicKey: Kind<{ readonly text: string } | { readonly file: string }> = {
  written: "a public key in PEM or JWK form, or the path of a file that holds one",
  mayBeSecret: true,
  parse(text, folder) {
    const trimmed = text.trim().replaceAll("\\n", "\n");
    if (/PRIVATE KEY|"d"\s*:|"k"\s*:/.test(trimmed)) {
      throw new BadValue("the PUBLIC key; this is a private or secret one, which belongs only to the host's backend");
    }
    if (trimmed.startsWith("-----BEGIN") || trimmed.startsWith("{")) return { text: trimmed };
    return { file: path.parse(text, folder) };
  },
  show: (value) => ("file" in value ? value.file : value.text.replaceAll("\n", "\\n")),
};
