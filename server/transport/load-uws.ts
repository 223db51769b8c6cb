/** Finds the binary of uWebSockets.js that fits this machine, and says in words why there is none. */

import { createRequire } from "node:module";
import { isUwsModule, type UwsModule } from "./uws-api.js";

/** What loading depends on; tests bring their own. */
export interface UwsEnvironment {
  readonly platform: string;
  readonly arch: string;
  readonly nodeMajor: string;
  /** Loads a package or throws. */
  readonly load: (name: string) => unknown;
}

/** The module with the package it came from, or every reason why not. */
export type UwsLookup =
  | { readonly kind: "found"; readonly module: UwsModule; readonly from: string }
  | { readonly kind: "absent"; readonly reason: string };

/** Node's own `require`, on this machine. */
export function thisMachine(): UwsEnvironment {
  return {
    platform: process.platform,
    arch: process.arch,
    nodeMajor: process.versions.node.split(".")[0] ?? "",
    load: createRequire(import.meta.url),
  };
}

/**
 * Loads the registry's binary for this platform and Node major, else the operator's own `uWebSockets.js`. A package that
 * is there and does not load (another Node, an older glibc) is a reason, never an exception.
 */
export function loadUws(environment: UwsEnvironment = thisMachine()): UwsLookup {
  const { platform, arch, nodeMajor } = environment;
  const reasons: string[] = [];
  for (const name of [`@uwsjs/${platform}-${arch}-${nodeMajor}`, "uWebSockets.js"]) {
    try {
      const module = environment.load(name);
      if (isUwsModule(module)) return { kind: "found", module, from: name };
      reasons.push(`${name} is not a version of uWebSockets.js this relay knows`);
    } catch (cause) {
      reasons.push(`${name} ${whyNot(name, cause)}`);
    }
  }
  return { kind: "absent", reason: reasons.join("; ") };
}

function whyNot(name: string, cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (message.includes(`Cannot find module '${name}'`)) return "is not installed";
  const glibc = /GLIBC_[\d.]+/.exec(message)?.[0].replace("_", " ").toLowerCase();
  if (glibc !== undefined) return `needs ${glibc} or newer`;
  return `does not load: ${message.split("\n")[0]}`;
}
