/** What the services' pages have in common: a heading with the link to the cache, polling, and a state without figures. */

import { describe } from "../../app/api.ts";
import { Poller } from "../../app/poller.ts";
import { address } from "../../app/router.ts";
import { el, setText } from "../../parts/dom.ts";

const POLL_MS = 2000;

/** The heading, and the poller behind a service's page. */
export class Service {
  readonly heading: HTMLElement;
  readonly #note = el("p", { class: "muted", role: "status" });
  readonly poller: Poller;

  constructor(title: string, text: string, caches: readonly string[], ask: (signal: AbortSignal) => Promise<void>, every = POLL_MS) {
    const links = caches.map((cache) => el("a", { href: address("cache", cache) }, `cache ${cache}`));
    this.heading = el("div", { class: "heading" }, el("h1", {}, title), el("p", { class: "muted" }, text), ...links, this.#note);
    this.poller = new Poller({
      every: () => every,
      ask: async (signal) => {
        await ask(signal);
        this.say("");
      },
      failed: (error) => {
        const { title: what, detail } = describe(error);
        this.say(`${what}. ${detail}`);
      },
    });
  }

  say(text: string): void {
    setText(this.#note, text);
  }
}
