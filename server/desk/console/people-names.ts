/** How accounts are called on screen: by their part in the case, never by a name they chose. Pure. */

/** The part of every account in a case. */
export interface Cast {
  /** What somebody is called, such as "Reporter 2". */
  nameOf(account: string): string;
  partOf(account: string): "accused" | "reporter" | "other";
}

/** Names accounts as they come up: the accused, reporters in their order, and everybody else by letters. Ids with dashes or without. */
export function castOf(accusedId: string, reporters: readonly string[]): Cast {
  const accused = plain(accusedId);
  const reporting = [...new Set(reporters.map(plain))].filter((account) => account !== accused);
  const others: string[] = [];
  return {
    partOf(id) {
      const account = plain(id);
      return account === accused ? "accused" : reporting.includes(account) ? "reporter" : "other";
    },
    nameOf(id) {
      const account = plain(id);
      if (account === accused) return "Accused";
      const place = reporting.indexOf(account);
      if (place >= 0) return reporting.length === 1 ? "Reporter" : `Reporter ${place + 1}`;
      if (!others.includes(account)) others.push(account);
      return `Person ${letters(others.indexOf(account))}`;
    },
  };
}

/** The start of an id, enough to tell accounts of a case apart. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}

function plain(id: string): string {
  return id.replaceAll("-", "");
}

function letters(index: number): string {
  const letter = String.fromCharCode(0x41 + (index % 26));
  return index < 26 ? letter : `${letters(Math.floor(index / 26) - 1)}${letter}`;
}
