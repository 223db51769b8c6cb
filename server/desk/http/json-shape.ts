/** What a JSON body must look like: read once, at the edge, into types that cannot be wrong. A name too many is refused. */

import { DeskError } from "../api.js";

/** Reads one value, named by its place. @throws DeskError badRequest. */
export type Read<T> = (value: unknown, at: string) => T;
/** A field that may be missing. */
export interface Maybe<T> {
  readonly maybe: Read<T>;
}

type Fields = Readonly<Record<string, Read<unknown> | Maybe<unknown>>>;
type Required<F extends Fields> = { readonly [K in keyof F as F[K] extends Read<unknown> ? K : never]: TypeIn<F[K]> };
type Optional<F extends Fields> = { readonly [K in keyof F as F[K] extends Maybe<unknown> ? K : never]?: TypeIn<F[K]> };
type TypeIn<R> = R extends Read<infer T> ? T : R extends Maybe<infer T> ? T : never;
/** The type a shape of these fields reads. */
export type ShapeOf<F extends Fields> = Required<F> & Optional<F>;

function wrong(at: string, must: string): never {
  throw new DeskError("badRequest", `${at} must be ${must}.`);
}

/** An object with these fields and no others. */
export function shape<F extends Fields>(fields: F): Read<ShapeOf<F>> {
  return (value, at) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return wrong(at, "an object");
    const given = new Map<string, unknown>(Object.entries(value));
    const read: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(fields)) {
      const one = given.get(name);
      given.delete(name);
      const place = `${at}.${name}`;
      if (typeof field === "function") read[name] = field(one, place);
      else if (one !== undefined) read[name] = field.maybe(one, place);
    }
    const [unknown] = given.keys();
    if (unknown !== undefined) wrong(at, `without "${unknown.slice(0, 40)}"`);
    return read as ShapeOf<F>;
  };
}

/** A field that may be missing. */
export const maybe = <T>(read: Read<T>): Maybe<T> => ({ maybe: read });

/** Text of so many characters. */
export function text(most: number, least = 0): Read<string> {
  return (value, at) =>
    typeof value === "string" && value.length >= least && value.length <= most
      ? value
      : wrong(at, `text of ${least} to ${most} characters`);
}

/** One of a few words. */
export function word<const Words extends readonly string[]>(...words: Words): Read<Words[number]> {
  return (value, at) => words.find((one) => one === value) ?? wrong(at, `one of ${words.join(", ")}`);
}

/** A whole number from 0. */
export function count(most: number): Read<number> {
  return (value, at) =>
    typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most
      ? value
      : wrong(at, `a whole number from 0 to ${most}`);
}

/** So many hex digits, in small letters. */
export function hex(least: number, most = least): Read<string> {
  const pattern = new RegExp(`^[0-9a-f]{${least},${most}}$`);
  return (value, at) => (typeof value === "string" && pattern.test(value) ? value : wrong(at, "hex digits"));
}

/** Base64 of at most so many bytes. */
export function base64(mostBytes: number): Read<string> {
  const most = Math.ceil(mostBytes / 3) * 4;
  return (value, at) =>
    typeof value === "string" && value.length <= most && /^[A-Za-z0-9+/]*={0,2}$/.test(value)
      ? value
      : wrong(at, `base64 of at most ${mostBytes} bytes`);
}

/** A list of at most so many. */
export function list<T>(item: Read<T>, most: number): Read<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value) || value.length > most) return wrong(at, `a list of at most ${most}`);
    return value.map((one: unknown, index) => item(one, `${at}[${index}]`));
  };
}

/** One of two shapes, told apart by `kind`. */
export function either<A, B>(kind: string, one: Read<A>, other: Read<B>): Read<A | B> {
  return (value, at) => {
    const isOne = typeof value === "object" && value !== null && "kind" in value && value.kind === kind;
    return isOne ? one(value, at) : other(value, at);
  };
}
