/** The keys, and the dialog that lists them. */

import { byId, el } from "../parts/dom.ts";
import { NAV } from "./nav.ts";
import { address } from "./router.ts";

export interface Shortcut {
  key: string;
  text: string;
  run: () => void;
}

/** Wires the keys: those of the pages, and others. */
export function initKeys(others: readonly Shortcut[]): void {
  const dialog = byId<HTMLDialogElement>("help-dialog");
  const help: Shortcut = { key: "?", text: "This help", run: () => dialog.showModal() };
  const pages = NAV.map(({ key, page, title }): Shortcut => ({ key, text: title, run: () => goTo(page) }));
  const shortcuts = [...pages, ...others, help];
  byId("help-keys").replaceChildren(...shortcuts.flatMap(({ key, text }) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, text)]));
  byId("help-button").addEventListener("click", help.run);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const shortcut = shortcuts.find(({ key }) => key === event.key);
    if (!shortcut) return;
    event.preventDefault();
    shortcut.run();
  });
}

/** The focus goes along: what had it may not be there any more, and Tab goes on from the page's beginning. */
function goTo(page: string): void {
  location.hash = address(page);
  byId("main").focus({ preventScroll: true });
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select") || target.isContentEditable);
}
