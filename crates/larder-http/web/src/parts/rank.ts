/** A ranked list with a bar for each: keys, prefixes, spans of time. Texts are shown, never run. */

import { el, fill, setText, setTitle } from "./dom.ts";

export interface Ranked {
  name: string;
  value: string;
  /** 0 to 1. */
  length: number;
  title?: string;
}

const ROWS_MAX = 50;

export class Rank {
  readonly element: HTMLElement;
  readonly #list = el("ol", { class: "bars" });
  readonly #empty: HTMLElement;
  readonly #pick: ((name: string) => void) | undefined;

  /** With `pick`, each name is a button. */
  constructor(empty: HTMLElement, pick?: (name: string) => void) {
    this.#empty = empty;
    this.#pick = pick;
    this.element = el("div", { class: "rank" }, this.#list, empty);
  }

  show(rows: readonly Ranked[]): void {
    this.#empty.hidden = rows.length > 0;
    this.#list.hidden = rows.length === 0;
    fill(this.#list, rows.slice(0, ROWS_MAX), () => this.#make(), (node, row) => {
      const [name, value, track] = [...node.children] as [HTMLElement, HTMLElement, HTMLElement];
      setText(name, row.name);
      setTitle(name, row.title ?? row.name);
      setText(value, row.value);
      (track.firstElementChild as HTMLElement).style.width = `${(Math.min(1, Math.max(0, row.length)) * 100).toFixed(2)}%`;
    });
  }

  #make(): HTMLElement {
    const pick = this.#pick;
    const name = pick ? el("button", { type: "button", class: "name" }) : el("span", { class: "name" });
    if (pick) name.addEventListener("click", () => pick(name.textContent ?? ""));
    return el("li", {}, name, el("span", { class: "value" }), el("span", { class: "track", "aria-hidden": "true" }, el("i")));
  }
}
