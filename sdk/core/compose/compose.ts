/**
 * Puts a registered client's parts together: room by room, each from those before it. Only this folder knows them all.
 *
 * Where a part calls one that is wired after it, it does so through `later()`, which answers once all are there.
 */

import { Conversations } from "../conversations/conversations.js";
import { Handles } from "../conversations/handles.js";
import { Counters } from "../counters.js";
import { KeyedLock } from "../keyed-lock.js";
import { Peers } from "../sessions/peers.js";
import { wireConsent } from "./consent.js";
import { wireConversations } from "./conversations.js";
import { wireDevices } from "./devices.js";
import { wireHistory } from "./history.js";
import type { ClientHooks } from "./hooks.js";
import { wireInbox } from "./inbox.js";
import { wireLink } from "./link.js";
import { wireOutbox } from "./outbox.js";
import type { ClientParts, Ground, Ingredients, Later } from "./parts.js";
import { wireSessions } from "./sessions.js";

/** Composes the parts and loads what an earlier run left. Nothing is connected yet. */
export async function compose(ingredients: Ingredients, hooks: ClientHooks): Promise<ClientParts> {
  let whole: ClientParts | undefined;
  const parts = wire(ingredients, hooks, () => {
    if (whole === undefined) throw new Error("a part was called before all were made");
    return whole;
  });
  whole = parts;
  await load(parts);
  parts.receipts.wake();
  parts.store.failed.then(hooks.failed, hooks.failed);
  return parts;
}

function wire(ingredients: Ingredients, hooks: ClientHooks, later: Later): ClientParts {
  const ground = layGround(ingredients, hooks, later);
  const link = wireLink(ground);
  const sessions = wireSessions({ ...ground, ...link });
  const outbox = wireOutbox({ ...ground, ...link, ...sessions });
  const devices = wireDevices({ ...ground, ...link, ...sessions, ...outbox });
  const consent = wireConsent({ ...ground, ...link, ...outbox, ...devices });
  const conversations = wireConversations({ ...ground, ...link, ...sessions, ...outbox, ...devices, ...consent });
  const before = { ...ground, ...link, ...sessions, ...outbox, ...devices, ...consent, ...conversations };
  const inbox = wireInbox(before);
  const history = wireHistory({ ...before, ...inbox });
  return { ...before, ...inbox, ...history };
}

function layGround(ingredients: Ingredients, hooks: ClientHooks, later: Later): Ground {
  const { store, account } = ingredients;
  return {
    ...ingredients,
    ...{ hooks, later },
    locks: new KeyedLock(),
    counters: new Counters(),
    peers: new Peers(store),
    conversations: new Conversations(store, account),
    handles: new Handles(),
  };
}

/** What repairs a lost state and former sessions first: the rest may set something off that needs them. */
async function load({ former, history, recovery, outbox, receipts, inbox, ownDevices }: ClientParts): Promise<void> {
  await Promise.all([former.load(), history.load(), recovery.load()]);
  await Promise.all([outbox.load(), receipts.load(), inbox.load(), ownDevices.load()]);
}
