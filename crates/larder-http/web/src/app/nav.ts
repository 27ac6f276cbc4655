/** The list of pages: their addresses, names and keys. */

import { byId, el } from "../parts/dom.ts";
import { address } from "./router.ts";

interface Link {
  page: string;
  title: string;
  key: string;
  /** The heading that it stands under. */
  group: "Caches" | "Services";
}

export const NAV: readonly Link[] = [
  { page: "", title: "Overview", key: "o", group: "Caches" },
  { page: "keys", title: "Keys", key: "k", group: "Caches" },
  { page: "advice", title: "Advice", key: "a", group: "Caches" },
  { page: "metrics", title: "Metrics", key: "m", group: "Caches" },
  { page: "config", title: "Configuration", key: "c", group: "Caches" },
  { page: "live", title: "Live", key: "1", group: "Services" },
  { page: "context", title: "Context", key: "2", group: "Services" },
  { page: "workstations", title: "Workstations", key: "3", group: "Services" },
  { page: "usage", title: "Claude usage", key: "4", group: "Services" },
  { page: "schedulers", title: "Schedulers", key: "5", group: "Services" },
];

export function initNav(): void {
  const groups = (["Caches", "Services"] as const).map((group) => {
    const links = NAV.filter((link) => link.group === group).map(({ page, title }) => el("li", {}, el("a", { href: address(page), "data-page": page || "overview" }, title)));
    return el("div", {}, el("h2", { class: "nav-title" }, group), el("ul", {}, ...links));
  });
  byId("nav").replaceChildren(...groups);
}

/** Marks where the reader is; a cache's page belongs to the overview. */
export function markNav(page: string): void {
  const at = page === "cache" || page === "" ? "overview" : page;
  for (const link of byId("nav").querySelectorAll("a")) {
    if (link.dataset["page"] === at) {
      link.setAttribute("aria-current", "page");
      // On a narrow screen the pages are a row that scrolls.
      link.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else link.removeAttribute("aria-current");
  }
}
