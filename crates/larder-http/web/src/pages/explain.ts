/** Explain a key: is it held, where, how old, until when; and why the last get of it was a miss. */

import { get, statusOf } from "../app/api.ts";
import { hub } from "../app/hub.ts";
import type { Explained } from "../app/wire.ts";
import { el } from "../parts/dom.ts";
import { bytes, count, duration, seconds, sentence } from "../parts/format.ts";
import { field, textInput } from "../parts/form.ts";
import { empty, failure, panel } from "../parts/panel.ts";
import { valueButton } from "./value.ts";

export class Explain {
  readonly element: HTMLElement;
  readonly #key = textInput();
  readonly #answer = el("div", { class: "answer", role: "status" });
  #cache = "";
  #asked = 0;

  constructor() {
    const form = el(
      "form",
      { class: "row" },
      field("Key, as text", this.#key),
      el("div", { class: "buttons" }, el("button", { type: "submit", class: "primary" }, "Explain")),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#explain();
    });
    this.#answer.append(hint());
    this.element = panel("Explain a key", { curl: () => ({ path: this.#path }) }, form, this.#answer).element;
  }

  /** Of which cache keys are explained. */
  choose(cache: string): void {
    if (cache !== this.#cache) this.#answer.replaceChildren(hint());
    this.#cache = cache;
  }

  /** Explains this key now. */
  ask(cache: string, key: string): void {
    this.choose(cache);
    this.#key.value = key;
    void this.#explain();
    this.element.scrollIntoView({ block: "nearest" });
  }

  get #path(): string {
    const key = this.#key.value.split("/").map(encodeURIComponent).join("/");
    return `v1/caches/${encodeURIComponent(this.#cache)}/entries/${key}?explain=1`;
  }

  async #explain(): Promise<void> {
    if (this.#key.value === "") {
      this.#answer.replaceChildren(empty("Type a key first", "Keys are listed on the Keys page, and by larder hot-keys."));
      this.#key.focus();
      return;
    }
    this.#asked += 1;
    const asked = this.#asked;
    try {
      const path = this.#path;
      const found = await get<Explained>(path);
      const weighed = hub.tick?.caches.find((cache) => cache.name === this.#cache)?.weighed ?? false;
      if (asked === this.#asked) this.#answer.replaceChildren(...shown(found, weighed), ...(found.held ? [valueButton(path)] : []));
    } catch (error) {
      if (asked !== this.#asked) return;
      const none = statusOf(error) === 404 ? empty("Nothing is known of this key", "It is not held, and no miss of it is remembered. Check its spelling in the lists of keys.") : failure(error);
      this.#answer.replaceChildren(none);
    }
  }
}

function hint(): HTMLElement {
  return empty("Why was it a miss?", "Type a key as it stands in the lists, and see what the cache knows of it.");
}

type Fact = readonly [string, string];

function shown(found: Explained, weighed: boolean): HTMLElement[] {
  const facts: Fact[] = [
    ["Key", found.key],
    ["State", found.held ? "held" : found.is_absent ? "known to have no value" : "not held"],
    ...(found.is_loading ? ([["Now", "a load of it is running"]] as Fact[]) : []),
    ...(found.held ? heldFacts(found.held, weighed) : []),
    ["Last miss", found.last_miss ? missText(found.last_miss) : "none remembered"],
  ];
  const list = el("dl", { class: "facts" }, ...facts.map(([label, value]) => el("div", {}, el("dt", {}, label), el("dd", {}, value))));
  return [el("p", { class: "verdict" }, sentence(withoutKey(found))), list];
}

/** What is said begins with the key, which stands below, with its own capitals. */
function withoutKey({ key, text }: Explained): string {
  return text.startsWith(`${key}: `) ? text.slice(key.length + 2) : text;
}

function missText({ reason, ago_ms, by }: NonNullable<Explained["last_miss"]>): string {
  return `${reason.replaceAll("_", " ")}${by ? ` by ${by}` : ""}, ${duration(ago_ms)} ago`;
}

function heldFacts(held: NonNullable<Explained["held"]>, weighed: boolean): Fact[] {
  const facts: Fact[] = [
    ["Tier", held.tier],
    ["Age", duration(held.age_ms)],
    ["Fresh for", held.remaining_ms === null ? "ever: it has no time to live" : duration(held.remaining_ms)],
  ];
  if (held.usable_stale_ms !== null) facts.push(["Usable when stale", duration(held.usable_stale_ms)]);
  if (held.weight !== null) facts.push(["Weight", weighed ? bytes(held.weight) : count(held.weight)]);
  if (held.load_ms !== null) facts.push(["Its load took", `about ${seconds(held.load_ms / 1000)}`]);
  if (held.version !== null) facts.push(["Version", String(held.version)]);
  facts.push(["Tags", held.tags.length > 0 ? held.tags.join(", ") : "none"]);
  if (held.etag !== null) facts.push(["Entity tag", held.etag]);
  return facts;
}
