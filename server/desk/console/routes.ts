/** Where in the console somebody is: the part of the address behind the `#`, which no server is told. Pure. */

/** A place in the console. */
export type Route =
  | { readonly page: "queue" }
  | { readonly page: "case"; readonly id: string; readonly opening: "asked" | "not" }
  | { readonly page: "approvals" }
  | { readonly page: "audit" }
  | { readonly page: "transparency" }
  | { readonly page: "people" }
  | { readonly page: "invitation"; readonly code: string };

const CODE = /^#(?:invite=|code=)?([A-Za-z0-9_=.~-]{8,256})$/;

/** Reads the fragment of an address; what is no place is the queue. */
export function routeOf(fragment: string): Route {
  const code = CODE.exec(fragment)?.[1];
  if (code !== undefined) return { page: "invitation", code };
  const [page, id, tail] = fragment.replace(/^#\/?/, "").split("/");
  switch (page) {
    case "cases":
      return id === undefined || id === ""
        ? { page: "queue" }
        : { page: "case", id, opening: tail === "open" ? "asked" : "not" };
    case "approvals":
    case "audit":
    case "transparency":
    case "people":
      return { page };
    default:
      return { page: "queue" };
  }
}

/** The fragment of a case. */
export function caseHref(id: string): string {
  return `#/cases/${id}`;
}
