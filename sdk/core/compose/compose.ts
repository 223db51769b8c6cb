/**
 * Puts a registered client's parts together: room by room, each from those before it. Only this folder knows them all.
 *
 * Where a part calls one that is wired after it, it does so through `later()`, which answers once all are there.
 */

import { Conversations } from "../conversations/conversations.js";
import { Handles } from "../conversations/handles.js";
import { Counters } from "../counters.js";
import { Shown } from "../groups/shown.js";
import { KeyedLock } from "../keyed-lock.js";
import { SearchIndex } from "../search/search-index.js";
import { Peers } from "../sessions/peers.js";
import { Roles } from "../sessions/roles.js";
import { wireAttachments } from "./attachments.js";
import { wireConsent } from "./consent.js";
import { wireConversations } from "./conversations.js";
import { wireDevices } from "./devices.js";
import { wireFranking } from "./franking.js";
import { wireGroups } from "./groups.js";
import { wireHistory } from "./history.js";
import type { ClientHooks } from "./hooks.js";
import { wireInbox } from "./inbox.js";
import { wireLink } from "./link.js";
import { wireOutbox } from "./outbox.js";
import type { ClientParts, Ground, Ingredients, Later } from "./parts.js";
import { wireRegisters } from "./registers.js";
import { wireReports } from "./reports.js";
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
  const attachments = wireAttachments({ ...ground, ...link });
  const sessions = wireSessions({ ...ground, ...link });
  const franking = wireFranking({ ...ground, ...link });
  const reports = wireReports({ ...ground, ...link, ...franking });
  const groups = wireGroups({ ...ground, ...link, ...sessions, ...franking });
  const outbox = wireOutbox({ ...ground, ...link, ...sessions, ...franking, ...groups });
  const devices = wireDevices({ ...ground, ...link, ...sessions, ...franking, ...groups, ...outbox });
  const registers = wireRegisters({ ...ground, ...link, ...outbox, ...devices });
  const consent = wireConsent({ ...ground, ...link, ...groups, ...outbox, ...devices });
  const rooms = {
    ...{ ...ground, ...link, ...attachments, ...sessions, ...franking, ...reports, ...groups, ...outbox },
    ...{ ...devices, ...registers, ...consent },
  };
  const before = { ...rooms, ...wireConversations(rooms) };
  const inbox = wireInbox(before);
  const history = wireHistory({ ...before, ...inbox });
  return { ...before, ...inbox, ...history };
}

function layGround(ingredients: Ingredients, hooks: ClientHooks, later: Later): Ground {
  const { store, account } = ingredients;
  const shown = new Shown(store);
  return {
    ...ingredients,
    ...{ hooks, later },
    locks: new KeyedLock(),
    counters: new Counters(),
    peers: new Peers(store),
    roles: new Roles(store),
    shown,
    conversations: new Conversations(
      store,
      account,
      {
        nowMs: () => later().disappearing.nowMs(),
        ends: (dueMs) => later().disappearing.ends(dueMs),
      },
      shown,
    ),
    searchIndex: new SearchIndex({ store, clock: ingredients.platform.clock, failed: hooks.failed }),
    handles: new Handles(),
  };
}

/** What repairs a lost state and former sessions first: the rest may set something off that needs them. */
async function load(parts: ClientParts): Promise<void> {
  const { former, history, recovery, groupLogs, senderKeys, outbox, receipts, held, inbox, ownDevices } = parts;
  await parts.searchIndex.load();
  await parts.uploads.load();
  await parts.shown.load();
  await Promise.all([parts.realm.load(), parts.tokens.load(), parts.franker.load()]);
  await Promise.all([former.load(), history.load(), recovery.load(), groupLogs.load(), senderKeys.load()]);
  await Promise.all([outbox.load(), receipts.load(), held.load(), inbox.load(), ownDevices.load()]);
  // Ends what is due, also of what waits to be sent.
  await parts.disappearing.load();
  parts.evidenceUpkeep.start();
  parts.relayCheck.start();
}
