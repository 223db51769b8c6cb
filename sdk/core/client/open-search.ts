/** Searching as an app does it: hits with the conversations they are in. */

import type { ConversationId } from "@sotto/protocol";
import type { ClientParts } from "../compose/parts.js";
import { isShown } from "../consent/relations.js";
import type { Thread } from "../conversations/conversations.js";
import type { DirectConversation } from "../conversations/direct-conversation.js";
import type { Item } from "../conversations/items.js";
import type { Group } from "../groups/group.js";
import type { Groups } from "../groups/groups.js";
import { Search, type SearchOptions } from "../search/search.js";
import type { OpenConversations } from "./open-conversations.js";

/** A message that was found, as it is now. */
export interface SearchHit {
  readonly conversation: DirectConversation | Group;
  readonly item: Item;
}

/** The search of a started client: in what is shown of conversations, and in groups this account is or was in. */
export function openSearch(
  { conversations, peers, searchIndex: index }: ClientParts,
  open: { readonly conversations: OpenConversations; readonly groups: Groups },
) {
  const conversationOf = (thread: Thread) =>
    thread.kind === "group" ? open.groups.get(thread.group) : open.conversations.of(thread.peer);
  const isSearched = async (thread: Thread) =>
    thread.kind === "group" || isShown((await peers.get(thread.peer)).relation);
  const search = new Search({
    index,
    async shown() {
      const shown = new Map<ConversationId, Thread>();
      for (const thread of await conversations.all()) {
        if (await isSearched(thread)) shown.set(thread.timeline.id, thread);
      }
      return shown;
    },
  });
  return {
    async find(query: string, options: SearchOptions): Promise<readonly SearchHit[]> {
      const hits = await search.find(query, options);
      const found = await Promise.all(
        hits.map(async ({ thread, item }) => ({ conversation: await conversationOf(thread), item })),
      );
      return found.flatMap(({ conversation, item }) => (conversation === undefined ? [] : [{ conversation, item }]));
    },
  };
}
