/** From what an app chose to a sealed draft: nothing leaves, and nothing is kept. */

import {
  type AccountId,
  type ConversationId,
  type DeskKey,
  deskKeyOf,
  firstTeam,
  headLayerHash,
  layerContext,
  limits,
  type Manifest,
  type Realm as RealmId,
  type ReportCategory,
  type ReportKind,
  SottoError,
  seal,
  type Team,
  teams,
} from "@sotto/protocol";
import type { Rosters } from "../franking/rosters.js";
import type { Random } from "../ports.js";
import { type Disclosure, disclose, type OpenedAttachments } from "./disclosure.js";
import { openedFor } from "./opening.js";
import { NotReportableError } from "./refusals.js";
import type { Selected } from "./selection.js";
import type { SealedDraft } from "./sending.js";

/** What drafting works with. */
export interface DraftingParts {
  readonly me: AccountId;
  readonly rosters: Pick<Rosters, "at">;
  readonly random: Random;
  readonly realm: { readonly isKnown: boolean; readonly id: RealmId; readonly current: Manifest };
  /** The relay's clock. */
  nowMs(): number;
}

/** What a draft is to be. */
export interface Wish {
  readonly kind: ReportKind;
  readonly about?: Uint8Array | undefined;
  /** Of context, when the desk asked for what it answers. */
  readonly wantedMs?: number | undefined;
  readonly accused: AccountId;
  readonly conversation?: ConversationId | undefined;
  readonly category: ReportCategory;
  readonly note: string;
  readonly selected: readonly Selected[];
  /** What this account said and the accused cannot be shown to have been meant by: left out, or refused. */
  readonly unopenable: "leaveOut" | "refuse";
  readonly opened: OpenedAttachments;
}

/** A draft: what there is to show, and what would leave. */
export interface Drafted {
  readonly disclosure: Disclosure;
  readonly sealed: SealedDraft;
  readonly teamKey: Uint8Array;
}

/**
 * Makes a draft.
 *
 * @throws deskUnready while no moderator can read it; NotReportableError; invalidArgument; tooLarge.
 */
export function draft(parts: DraftingParts, wish: Wish): Drafted {
  const { me, random, nowMs } = parts;
  const { realm, triage, team, teamKey } = desk(parts, wish.category);
  const id = random.bytes(16);
  const selected = addressed(parts, wish);
  const { reportItems, reportLayerBytes } = limits;
  if (selected.length > reportItems.value) {
    throw new SottoError("tooLarge", { detail: `a report shows at most ${reportItems.value} messages` });
  }
  const { disclosed, heads, words } = disclose({ ...wish, id, team, teamKey, selected });
  const named = { id, reporter: me } as const;
  const sealedHeads = seal(triage.key, layerContext(realm, { ...named, layer: "heads" }), heads);
  const context = layerContext(realm, { ...named, layer: "words", headHash: headLayerHash(heads) });
  const sealedWords = seal(teamKey.key, context, words);
  const most = reportLayerBytes.value;
  if (sealedHeads.length > most || sealedWords.length > most) {
    throw new SottoError("tooLarge", { detail: "more than one report takes; report less at once" });
  }
  const { kind, about, wantedMs, accused, conversation, category } = wish;
  return {
    disclosure: { ...disclosed, relaySees: { reporter: me, sizeBytes: sealedHeads.length + sealedWords.length } },
    sealed: {
      ...{ id, wantedMs },
      made: { kind, about, accused, conversation, category, madeMs: nowMs() },
      layers: { heads: sealedHeads, words: sealedWords },
    },
    teamKey: teamKey.id,
  };
}

/** Whose moderators a category goes to: its first team, else any that can read it, the one that others escalate to first. */
export function teamsFor(category: ReportCategory): readonly Team[] {
  const first = firstTeam(category);
  const others = teams.filter((team) => team !== first);
  return [first, ...(category === "childSafety" ? others.reverse() : others)];
}

function desk({ realm, nowMs }: DraftingParts, category: ReportCategory) {
  if (!realm.isKnown) throw new SottoError("deskUnready", { detail: "the realm is not known yet" });
  const now = nowMs();
  const { id, current: manifest } = realm;
  const triage = deskKeyOf(manifest, "triage", now);
  const keyOf = (team: Team): { readonly team: Team; readonly teamKey: DeskKey } | undefined => {
    const teamKey = deskKeyOf(manifest, team, now);
    return teamKey && { team, teamKey };
  };
  const chosen = teamsFor(category).flatMap((team) => keyOf(team) ?? [])[0];
  if (triage === undefined || chosen === undefined) throw new SottoError("deskUnready");
  return { realm: id, triage, ...chosen };
}

/** An appeal shows what was said to whomever; all others show what this account said as meant for the accused. */
function addressed({ rosters }: DraftingParts, wish: Wish): readonly Selected[] {
  const { kind, accused, selected, unopenable } = wish;
  if (kind === "appeal") return selected;
  const opened = selected.map((item) => ({ item, opened: openedFor(accused, item, rosters) }));
  const missing = opened.filter((one) => one.opened === undefined).map(({ item }) => item.said.messageId);
  if (missing.length > 0 && unopenable === "refuse") throw new NotReportableError(missing);
  return opened.flatMap((one) => one.opened ?? []);
}
