/** The audit log, checked in this browser as it is read. */

import { fromHex, type Realm } from "@sotto/protocol";
import { useState } from "preact/hooks";
import type { AuditEntry, AuditHead } from "../api.js";
import { checkAudit } from "../audit/chain.js";
import type { Api } from "./api-client.js";
import { useDesk } from "./desk-context.js";
import { TextField } from "./fields.js";
import { useLoaded } from "./hooks.js";
import { Glyph, Time } from "./marks.js";
import { countText } from "./time-words.js";

/** Entries read into one page; beyond, `sotto-desk audit check` is the tool. */
const MAX_ENTRIES = 20_000;
const SHOWN_STEP = 100;

interface Log {
  readonly entries: readonly AuditEntry[];
  readonly heads: readonly AuditHead[];
}

/** The page of the log. */
export function AuditPage() {
  const { api, state } = useDesk();
  const people = useLoaded("people", () => api.moderators());
  const log = useLoaded("audit", () => readLog(api));
  const [search, setSearch] = useState("");
  const [most, setMost] = useState(SHOWN_STEP);
  const nameOf = (id: string) => people.value?.find((one) => one.id === id)?.name ?? id;
  const wanted = search.trim().toLowerCase();
  const found = (log.value?.entries ?? []).filter((entry) =>
    `${nameOf(entry.by)} ${entry.what} ${entry.about}`.toLowerCase().includes(wanted),
  );
  const shown = found.slice(-most).reverse();
  return (
    <>
      <div class="page-head">
        <h1>Audit log</h1>
        <p class="page-sum">
          Everything anybody did here, in one chain that cannot be changed unseen. No words of users.
        </p>
      </div>
      {log.failure === undefined ? undefined : (
        <p class="banner bad" role="alert">
          {log.failure.message}
        </p>
      )}
      {log.value === undefined ? (
        <p role="status">Reading…</p>
      ) : (
        <ChainState log={log.value} realm={fromHex(state.realm)} />
      )}
      <div class="filters">
        <TextField label="Search who, what, about" type="search" required="no" value={search} onValue={setSearch} />
      </div>
      <table class="table audit">
        <caption class="sr-only">Entries, newest first</caption>
        <thead>
          <tr>
            <th scope="col">No.</th>
            <th scope="col">When</th>
            <th scope="col">Who</th>
            <th scope="col">What</th>
            <th scope="col">About</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((entry) => (
            <tr key={entry.seq}>
              <td class="number">{entry.seq}</td>
              <td>
                <Time atMs={entry.atMs} />
              </td>
              <td>{nameOf(entry.by)}</td>
              <td>
                <strong>{entry.what}</strong>
                {Object.entries(entry.detail).map(([name, value]) => (
                  <span key={name} class="detail">
                    {name}: {nameOf(String(value))}
                  </span>
                ))}
              </td>
              <td>
                <code class="id whole">{entry.about}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {found.length > shown.length ? (
        <button type="button" class="button" onClick={() => setMost(most + SHOWN_STEP)}>
          Show older entries
        </button>
      ) : undefined}
    </>
  );
}

function ChainState({ log, realm }: { readonly log: Log; readonly realm: Realm }) {
  // Who signed the heads is checked by `sotto-desk audit check`, which knows the signer from elsewhere than this desk.
  const fault = checkAudit(log.entries, log.heads, { realm, signer: new Uint8Array(32), verify: () => true });
  if (fault !== undefined) {
    return (
      <p class="banner bad" role="alert">
        The chain breaks at entry {fault.seq}: {fault.fault}. Keep a copy of the desk’s folder and call the operator.
      </p>
    );
  }
  return (
    <p class="banner calm">
      <Glyph kind="check" /> Checked in this browser: {countText(log.entries.length, "entry", "entries")} in one
      unbroken chain, {countText(log.heads.length, "day")} with a signed head.
    </p>
  );
}

async function readLog(api: Api): Promise<Log> {
  const entries: AuditEntry[] = [];
  for (;;) {
    const page = await api.audit(entries.at(-1)?.seq ?? 0);
    entries.push(...page.entries);
    if (page.entries.length === 0 || entries.length >= MAX_ENTRIES) return { entries, heads: page.heads };
  }
}
