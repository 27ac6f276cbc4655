/** A list of what happened, newest first, of a fixed length. Texts are shown, never run. */

import { el } from "./dom.ts";
import { timeOfDay } from "./format.ts";

const LINES_MAX = 60;

export class Log {
  readonly element: HTMLElement;
  readonly #list = el("ol", { class: "log" });
  readonly #empty: HTMLElement;

  constructor(empty: HTMLElement) {
    this.#empty = empty;
    this.element = el("div", { class: "log-box", tabindex: 0, role: "log", "aria-live": "off" }, this.#list, empty);
  }

  add(at: number, kind: string, text: string): void {
    this.#empty.hidden = true;
    this.#list.prepend(el("li", {}, el("time", {}, timeOfDay(at)), el("span", { class: "tag" }, kind), el("span", { class: "what" }, text)));
    while (this.#list.children.length > LINES_MAX) this.#list.lastElementChild?.remove();
  }
}
