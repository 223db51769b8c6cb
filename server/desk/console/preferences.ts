/** What this browser remembers between visits: how the page looks, and who signed in here with a passkey. Never a key, a token or a word. */

const themes = ["system", "light", "dark"] as const;
/** Which colours. */
export type Theme = (typeof themes)[number];

/** Somebody whose passkey is on this machine. */
export interface KnownPerson {
  readonly id: string;
  readonly name: string;
}

const MAX_PEOPLE = 8;
const keys = { theme: "sotto-desk/theme", shortcuts: "sotto-desk/shortcuts", people: "sotto-desk/people" } as const;

/** The chosen colours. */
export function theme(): Theme {
  const read = localStorage.getItem(keys.theme);
  return themes.find((one) => one === read) ?? "system";
}

/** Chooses colours, here and for later visits. */
export function setTheme(chosen: Theme): void {
  localStorage.setItem(keys.theme, chosen);
  showTheme();
}

/** The colours behind these. */
export function nextTheme(current: Theme): Theme {
  return themes[(themes.indexOf(current) + 1) % themes.length] ?? "system";
}

/** Puts the chosen colours on the page. */
export function showTheme(): void {
  document.documentElement.dataset.theme = theme();
}

/** Whether single keys do something (WCAG 2.1.4: they can be turned off). */
export function shortcuts(): "on" | "off" {
  return localStorage.getItem(keys.shortcuts) === "off" ? "off" : "on";
}

/** Turns single keys on or off. */
export function setShortcuts(chosen: "on" | "off"): void {
  localStorage.setItem(keys.shortcuts, chosen);
}

/** Who signed in here with a passkey, the last one first. */
export function knownPeople(): readonly KnownPerson[] {
  try {
    const read: unknown = JSON.parse(localStorage.getItem(keys.people) ?? "[]");
    return Array.isArray(read) ? read.filter(isPerson).slice(0, MAX_PEOPLE) : [];
  } catch {
    return [];
  }
}

/** Remembers somebody, so that the next time a click is enough. */
export function rememberPerson({ id, name }: KnownPerson): void {
  const others = knownPeople().filter((one) => one.id !== id);
  localStorage.setItem(keys.people, JSON.stringify([{ id, name }, ...others].slice(0, MAX_PEOPLE)));
}

/** Forgets somebody on this machine. */
export function forgetPerson(id: string): void {
  localStorage.setItem(keys.people, JSON.stringify(knownPeople().filter((one) => one.id !== id)));
}

function isPerson(value: unknown): value is KnownPerson {
  if (typeof value !== "object" || value === null) return false;
  const { id, name } = value as Readonly<Record<string, unknown>>;
  return typeof id === "string" && typeof name === "string";
}
