/** The queue: what waits for somebody, the most urgent first. No words, only counts. */

import { caseStages, reportCategories } from "@sotto/protocol";
import { useRef, useState } from "preact/hooks";
import { useDesk } from "./desk-context.js";
import { Choice, TextField } from "./fields.js";
import { useLoaded, useNow, useShortcuts } from "./hooks.js";
import { openCases, type QueueFilter, shownQueue } from "./queue-filter.js";
import { QueueTable } from "./queue-table.js";
import { caseHref } from "./routes.js";
import { countText } from "./time-words.js";
import { categoryWords, stageWords } from "./vocabulary.js";

const REFRESH_MS = 20_000;

/** The page of all cases. */
export function QueuePage() {
  const { api, moderator, say, fail } = useDesk();
  const queue = useLoaded("queue", () => api.queue(), REFRESH_MS);
  const people = useLoaded("people", () => api.moderators());
  const [filter, setFilter] = useState<QueueFilter>(openCases);
  const nowMs = useNow(30_000);
  const tables = useRef<HTMLDivElement>(null);
  const { verified, lowTrust } = shownQueue(queue.value ?? [], filter, moderator.id);
  const nameOf = (id: string) => people.value?.find((one) => one.id === id)?.name ?? "Somebody";

  /** The links of all rows on screen, in order; keys move the focus between them. */
  const links = () =>
    [...(tables.current?.querySelectorAll<HTMLAnchorElement>("a[data-case]") ?? [])].filter(isVisible);
  const focused = () => links().findIndex((link) => link.matches(":focus"));
  const go = (by: number) => {
    const all = links();
    const at = focused();
    all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)]?.focus();
  };
  const onCase = (act: (id: string) => void) => () => {
    const id = links()[focused()]?.dataset.case;
    if (id !== undefined) act(id);
  };
  const claim = (id: string) => {
    const entry = queue.value?.find((one) => one.id === id);
    const asked = entry?.claimedBy === moderator.id ? api.release(id) : api.claim(id);
    asked.then(({ claimedBy }) => {
      say(claimedBy === moderator.id ? "The case is yours." : "The case is free again.");
      queue.reload();
    }, fail);
  };
  useShortcuts({
    j: () => go(1),
    k: () => go(-1),
    c: onCase(claim),
    o: onCase((id) => {
      location.hash = `${caseHref(id)}/open`;
    }),
  });

  const set = (part: Partial<QueueFilter>) => setFilter({ ...filter, ...part });
  const late = verified.filter((entry) => entry.dueMs < nowMs && entry.stage !== "closed").length;
  return (
    <>
      <div class="page-head">
        <h1>Queue</h1>
        <p class="page-sum">
          {countText(verified.length, "case")}
          {late === 0 ? "" : `, ${late} late`}
        </p>
        <button type="button" class="button quiet" onClick={queue.reload}>
          Refresh
        </button>
      </div>
      <fieldset class="filters">
        <legend class="sr-only">Filters</legend>
        <Choice
          label="Stage"
          value={filter.stage}
          options={[
            { value: "open", words: "Everything open" },
            ...caseStages.map((value) => ({ value, words: stageWords[value] })),
            { value: "all", words: "All" },
          ]}
          onValue={(stage) => set({ stage })}
        />
        <Choice
          label="Category"
          value={filter.category}
          options={[
            { value: "all", words: "All categories" },
            ...reportCategories.map((value) => ({ value, words: categoryWords[value] })),
          ]}
          onValue={(category) => set({ category })}
        />
        <Choice
          label="Claimed by"
          value={filter.claim}
          options={[
            { value: "all", words: "Anybody or nobody" },
            { value: "free", words: "Nobody" },
            { value: "mine", words: "Me" },
          ]}
          onValue={(claim) => set({ claim })}
        />
        <TextField
          label="Case or account id"
          type="search"
          required="no"
          value={filter.search}
          onValue={(search) => set({ search })}
        />
      </fieldset>
      {queue.failure === undefined ? undefined : (
        <p class="banner bad" role="alert">
          {queue.failure.message}
        </p>
      )}
      <div ref={tables} aria-busy={queue.value === undefined}>
        <QueueTable caption="Cases" entries={verified} nowMs={nowMs} nameOf={nameOf} me={moderator.id} />
        {queue.value !== undefined && verified.length === 0 ? (
          <p class="empty">Nothing waits here. That is a good thing.</p>
        ) : undefined}
        <details class="low-trust">
          <summary>Low trust: {countText(lowTrust.length, "case")} without a message that passed the checks</summary>
          <p class="hint">
            Nothing proves what these reports disclose: it expired, came from an old app, or was made up. They raise no
            priority and are shown apart.
          </p>
          <QueueTable caption="Low-trust cases" entries={lowTrust} nowMs={nowMs} nameOf={nameOf} me={moderator.id} />
        </details>
      </div>
    </>
  );
}

function isVisible(element: HTMLElement): boolean {
  return element.offsetParent !== null;
}
