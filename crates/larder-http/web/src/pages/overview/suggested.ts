/** The most urgent recommendations, on the overview; all of them, with their figures, stand on their own page. */

import { get } from "../../app/api.ts";
import { Poller } from "../../app/poller.ts";
import { address } from "../../app/router.ts";
import type { Advice, Recommendation } from "../../app/wire.ts";
import { el, fill, setText } from "../../parts/dom.ts";
import { count } from "../../parts/format.ts";
import { panel } from "../../parts/panel.ts";
import { LEVELS } from "../advice.ts";

const POLL_MS = 30_000;
const SHOWN_MAX = 3;

export class Suggested {
  readonly element: HTMLElement;
  readonly #list = el("ul", { class: "suggested" });
  readonly #panel = panel("What to change", { curl: () => ({ path: "v1/recommendations" }) }, this.#list, el("p", { class: "small" }, el("a", { href: address("advice") }, "All advice, with evidence and what it would do")));
  readonly #poller = new Poller({ every: () => POLL_MS, ask: (signal) => this.#ask(signal), failed: () => {} });

  constructor() {
    this.element = this.#panel.element;
    this.element.hidden = true;
  }

  start(): void {
    this.#poller.start();
  }

  stop(): void {
    this.#poller.stop();
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { recommendations } = await get<Advice>("v1/recommendations", signal);
    this.element.hidden = recommendations.length === 0;
    const shown = recommendations.slice(0, SHOWN_MAX);
    this.#panel.note(recommendations.length > shown.length ? `the first ${count(shown.length)} of ${count(recommendations.length)}` : "");
    fill(this.#list, shown, () => el("li", {}, el("span"), el("span")), show);
  }
}

function show(node: HTMLElement, { level, title }: Recommendation): void {
  const [mark, text] = [...node.children] as [HTMLElement, HTMLElement];
  mark.className = `level ${level}`;
  setText(mark, LEVELS[level] ?? level);
  setText(text, title);
}
