/** The names of registers that orders tell of: how many go into one, and which of them. */

import { decodeRegisters, encodeRegisters, limits, MAX_REGISTERS_PER_BODY, type Register } from "@sotto/protocol";

/** A body's own bytes, and what a register takes beside its key and value at most. */
const BODY_BYTES = 8;
const REGISTER_BYTES = 24;

/**
 * A register by name, as it was when an order was made, and what telling of it took then. On disk an order names its
 * registers by words without a value.
 */
export interface Named {
  readonly word: Register;
  readonly sizeBytes: number;
}

/** The name of a register. */
export function named(register: Register): Named {
  const { kind, key, atMs, device, value } = register;
  return { word: { kind, key, atMs, device }, sizeBytes: REGISTER_BYTES + key.length + (value?.length ?? 0) };
}

/** What tells two registers apart. */
export function nameOf({ kind, key }: Pick<Register, "kind" | "key">): string {
  return `${kind}/${key}`;
}

/** The body of an order that names registers. */
export function namingBody(names: readonly Named[]): Uint8Array {
  return encodeRegisters(names.map(({ word }) => word));
}

/** The registers that a body names. */
export function namesIn(body: Uint8Array): readonly Register[] {
  return decodeRegisters(body);
}

/** Whether a body takes them all, with their values. */
export function fitOne(names: readonly Named[], most = MAX_REGISTERS_PER_BODY): boolean {
  const sizeBytes = names.reduce((sum, one) => sum + one.sizeBytes, BODY_BYTES);
  return names.length <= most && sizeBytes <= limits.ownBodyBytes.value;
}

/** As few groups as hold them, in their order. */
export function inBodies(names: readonly Named[]): readonly (readonly Named[])[] {
  const bodies: Named[][] = [];
  for (const name of names) {
    const last = bodies.at(-1);
    if (last !== undefined && fitOne([...last, name])) last.push(name);
    else bodies.push([name]);
  }
  return bodies;
}
