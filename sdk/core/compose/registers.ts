/** Wires sealed state of this account between its devices: quick replies, drafts, pins, labels, assignment. */

import { Labels } from "../registers/labels.js";
import { QuickReplies } from "../registers/quick-replies.js";
import { RegisterOrders } from "../registers/register-orders.js";
import { Registers } from "../registers/registers.js";
import type { DevicesRoom, Ground, LinkRoom, OutboxRoom, RegistersRoom } from "./parts.js";

/** The room of the registers. */
export function wireRegisters(before: Ground & LinkRoom & OutboxRoom & DevicesRoom): RegistersRoom {
  const { platform, store, account, locks, relay, outbox, keptSends, ownDevices, hooks } = before;
  const { clock, random } = platform;
  const { failed, noted } = hooks;
  const nowMs = () => relay.nowMs();
  const others = () => ownDevices.others;

  const registerOrders = new RegisterOrders({ store, account, clock, outbox, keptSends, others, nowMs });
  const registers = new Registers({ store, account, locks, clock, orders: registerOrders, nowMs, noted, failed });
  const quickReplies = new QuickReplies({ registers, random });
  const labels = new Labels({ registers, random });
  return { registers, registerOrders, quickReplies, labels };
}
