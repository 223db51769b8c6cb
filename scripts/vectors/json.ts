/** How vectors print values: byte strings as `{ "hex": "…" }`, an absent field by leaving it out. */

/** The printed form of a decoded value. */
export function printed(value: unknown): unknown {
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString("hex") };
  if (Array.isArray(value)) return value.map(printed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([name, item]) => [name, printed(item)]),
  );
}

/** The value that a printed form stands for. */
export function parsed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(parsed);
  if (typeof value !== "object" || value === null) return value;
  const { hex, ...rest } = value as Record<string, unknown>;
  if (typeof hex === "string" && Object.keys(rest).length === 0) return new Uint8Array(Buffer.from(hex, "hex"));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, parsed(item)]));
}
