/** What is counted on the wire of one person: round trips, and wrong lists of devices. */

import { type AccountId, decodeFrame, type Frame, toHex } from "@sotto/protocol";
import type { Rewrite } from "../support/hostile-relay/index.js";

/** What one person's devices ask of the relay: sends, key fetches, and how often their lists were wrong. */
export class Wire {
  private sends: Frame<"send">[] = [];
  private fetches: Frame<"fetchBundles">[] = [];
  private mismatches: string[] = [];
  private readonly asked = new Map<string, Frame<"send">>();
  /** Connections that a send to an account was accepted on, and who waits for more of them. */
  private readonly heard = new Map<AccountId, Set<number>>();
  private readonly waiting = new Set<() => void>();

  /** Watches a proxy, and changes nothing. */
  readonly rewrite: Rewrite = ({ direction, bytes, connection }) => {
    if (direction === "toRelay") {
      const frame = decodeFrame(bytes, "toRelay");
      if (frame.type === "fetchBundles") this.fetches.push(frame);
      if (frame.type === "send" && frame.storage === "stored") {
        this.sends.push(frame);
        this.asked.set(`${connection} ${frame.id}`, frame);
      }
      return [bytes];
    }
    const frame = decodeFrame(bytes, "toClient");
    if (frame.type !== "deviceMismatch" && frame.type !== "accepted") return [bytes];
    const send = this.asked.get(`${connection} ${frame.id}`);
    if (frame.type === "deviceMismatch") this.mismatches.push(send === undefined ? "?" : toHex(send.messageId));
    else for (const { account } of send?.recipients ?? []) this.accept(account, connection);
    return [bytes];
  };

  private accept(account: AccountId, connection: number): void {
    this.heard.set(account, (this.heard.get(account) ?? new Set()).add(connection));
    for (const check of this.waiting) check();
  }

  /**
   * Resolves once so many devices had a send to another account accepted since the last `forget`. Each device writes to others
   * on one connection of its own, without a name.
   */
  wrote(devices: number, to: AccountId): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if ((this.heard.get(to)?.size ?? 0) < devices) return;
        this.waiting.delete(check);
        resolve();
      };
      this.waiting.add(check);
      check();
    });
  }

  /** How often the message with the most of them was told that its list was wrong. */
  get mostMismatches(): number {
    return Math.max(0, ...this.mismatches.map((message) => this.mismatches.filter((one) => one === message).length));
  }

  /** Counts from here on. */
  forget(): void {
    this.mismatches = [];
    this.sends = [];
    this.fetches = [];
    this.heard.clear();
  }

  /** How often each message to an account went to the relay. */
  attempts(to: AccountId): readonly number[] {
    const counts = new Map<string, number>();
    for (const { messageId, recipients } of this.sends) {
      if (!recipients.some(({ account }) => account === to)) continue;
      counts.set(toHex(messageId), (counts.get(toHex(messageId)) ?? 0) + 1);
    }
    return [...counts.values()];
  }

  /** The devices of an account that the last send named. */
  lastDevices(of: AccountId): readonly number[] {
    const last = this.sends.findLast(({ recipients }) => recipients.some(({ account }) => account === of));
    return (last?.recipients ?? []).flatMap(({ envelopes }) => envelopes.map(({ device }) => device as number));
  }

  /** Fetches of an account's keys. */
  fetchesOf(account: AccountId): number {
    return this.fetches.filter((fetch) => fetch.account === account).length;
  }

  /** Fetches of single devices' keys: those of somebody who knows others of the account. */
  repairsOf(account: AccountId): number {
    return this.fetches.filter((fetch) => fetch.account === account && fetch.devices.length > 0).length;
  }

  /** Round trips to an account's devices beyond one for each message. */
  extra(to: AccountId): number {
    const attempts = this.attempts(to);
    return attempts.reduce((sum, count) => sum + count, 0) - attempts.length + this.repairsOf(to);
  }
}
