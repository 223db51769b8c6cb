/** A reporter whose client was patched: it has real evidence, changes it as it likes, and submits that under its own account. */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import {
  type AccountId,
  type ConversationId,
  committedForm,
  deskKeyOf,
  encodeHeadLayer,
  encodeWordsLayer,
  epochOf,
  type FrankHead,
  type HeadItem,
  headLayerHash,
  type ItemRole,
  layerContext,
  type Stamped,
  seal,
  stamp,
  toHex,
  type WordsItem,
} from "@sotto/protocol";
import type { Client, MessageId } from "@sotto/sdk/node";
import type { ClientParts } from "../../../sdk/core/compose/parts.js";
import { openStore } from "../../../server/main-parts/open-store.js";
import { silentLog, type World } from "../../support/world.js";

/** One message as a patched client discloses it. */
export interface Forged {
  readonly item: HeadItem;
  readonly words: WordsItem;
}

/** A patched client. */
export class PatchedReporter {
  constructor(private readonly client: Client) {}

  /** What an honest client would disclose of a message, for a forger to change. */
  async honest(
    conversation: ConversationId,
    from: AccountId,
    message: MessageId,
    role: ItemRole = "reported",
  ): Promise<Forged> {
    const kept = await this.parts.evidence.of(conversation, from, message);
    if (kept === undefined) throw new Error("nothing is kept of that message");
    const { head, wordsKey } = kept.evidence;
    return { item: { role, head }, words: { wordsKey, committed: committedForm(kept.content), blobs: [] } };
  }

  /** Submits a report of these, past everything that a client checks. Answers its id. */
  async submit(accused: AccountId, forged: readonly Forged[]): Promise<string> {
    const { realm, relay, account } = this.parts;
    const triage = deskKeyOf(realm.current, "triage", Date.now());
    const team = deskKeyOf(realm.current, "community", Date.now());
    if (triage === undefined || team === undefined) throw new Error("the desk has no keys yet");
    const id = new Uint8Array(randomBytes(16));
    const heads = encodeHeadLayer({
      ...{ kind: "report", category: "other", accused, team: "community", teamKey: team.id },
      items: forged.map(({ item }) => item),
    });
    const headHash = headLayerHash(heads);
    const words = encodeWordsLayer({ headHash, note: "", items: forged.map((one) => one.words) });
    const named = { id, reporter: account.id } as const;
    await relay.device.request({
      type: "submitReport",
      report: id,
      heads: seal(triage.key, layerContext(realm.id, { ...named, layer: "heads" }), heads),
      words: seal(team.key, layerContext(realm.id, { ...named, layer: "words", headHash }), words),
    });
    return toHex(id);
  }

  /** Whether it knows a key that moderators can read with. */
  get isReady(): boolean {
    const { realm } = this.parts;
    return realm.isKnown && deskKeyOf(realm.current, "community", Date.now()) !== undefined;
  }

  private get parts(): ClientParts {
    return (this.client as unknown as { readonly running: { readonly parts: ClientParts } }).running.parts;
  }
}

/** A head with fields changed. */
export function changed({ item, words }: Forged, head: Partial<FrankHead>): Forged {
  return { item: { ...item, head: { ...item.head, ...head } }, words };
}

/** The stamp keys of a relay that colludes, from its own disk; the relay is stopped meanwhile. */
export async function stampKeysOf(world: World, times: readonly number[]): Promise<readonly Uint8Array[]> {
  await world.stopRelay();
  const store = await openStore(join(world.folder, "relay"), undefined, silentLog);
  const rows = await Promise.all(times.map((atMs) => store.table.get("stampKey", String(epochOf(atMs)))));
  await store.close();
  await world.startRelay();
  return rows.map((row) => {
    if (row === undefined) throw new Error("the relay has no such key");
    return row.value.slice();
  });
}

/** A stamp that a colluding relay makes. */
export function colluded(key: Uint8Array, realm: Uint8Array, stamped: Stamped): Uint8Array {
  return stamp(key, realm, stamped);
}
