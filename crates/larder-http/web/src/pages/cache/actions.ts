/** What can be done to a cache: invalidate with a count before, clear, warm, reset. */

import { describe, send } from "../../app/api.ts";
import { hub } from "../../app/hub.ts";
import { confirmed } from "../../parts/dialogs.ts";
import { el, setText } from "../../parts/dom.ts";
import { count, plural } from "../../parts/format.ts";
import { field, RoleButton, select, textInput } from "../../parts/form.ts";
import { notify } from "../../parts/notice.ts";
import { type Panel, panel } from "../../parts/panel.ts";

type Kind = "key" | "prefix" | "tag" | "pattern";
const KINDS: readonly (readonly [Kind, string])[] = [
  ["key", "Key"],
  ["prefix", "Prefix"],
  ["tag", "Tag"],
  ["pattern", "Pattern (* ? [a-z])"],
];

export class Actions {
  readonly element: HTMLElement;
  readonly #panel: Panel;
  readonly #kind = select(KINDS);
  readonly #text = textInput();
  readonly #counted = el("p", { class: "counted", role: "status" });
  readonly #count = new RoleButton("Count", "admin", () => void this.#tally());
  readonly #invalidate = new RoleButton("Invalidate…", "admin", () => void this.#remove(), "danger");
  readonly #clear = new RoleButton("Clear…", "admin", () => void this.#empty(), "danger");
  readonly #warm = new RoleButton("Warm", "admin", () => void this.#do("warm", "is being warmed"));
  readonly #reset = new RoleButton("Reset figures", "admin", () => void this.#resetFigures());
  readonly #refusal = el("p", { class: "muted small refusal" });
  readonly #changed: () => void;
  #cache = "";

  /** `changed` runs after something was done. */
  constructor(changed: () => void) {
    this.#changed = changed;
    const form = el(
      "form",
      { class: "row" },
      field("What", this.#kind),
      field("Text", this.#text),
      el("div", { class: "buttons" }, this.#count.element, this.#invalidate.element),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#count.element.disabled) void this.#tally();
    });
    form.addEventListener("input", () => setText(this.#counted, ""));
    this.#panel = panel(
      "Actions",
      { curl: () => ({ path: `v1/caches/${encodeURIComponent(this.#cache)}/invalidate`, method: "POST", body: { [this.#kind.value]: this.#text.value, dry_run: true } }) },
      form,
      this.#counted,
      el("div", { class: "buttons apart" }, this.#warm.element, this.#reset.element, this.#clear.element),
      this.#refusal,
    );
    this.element = this.#panel.element;
  }

  show(cache: string): void {
    if (cache !== this.#cache) setText(this.#counted, "");
    this.#cache = cache;
    this.guard();
  }

  guard(): void {
    for (const button of [this.#count, this.#invalidate, this.#clear, this.#warm, this.#reset]) button.guard();
    const refusal = hub.refusal("admin");
    this.#refusal.hidden = refusal === undefined;
    setText(this.#refusal, refusal ?? "");
  }

  #path(verb: string): string {
    return `v1/caches/${encodeURIComponent(this.#cache)}/${verb}`;
  }

  get #target(): Partial<Record<Kind, string>> {
    return { [this.#kind.value as Kind]: this.#text.value };
  }

  get #named(): string {
    return `${this.#kind.value} ${JSON.stringify(this.#text.value)}`;
  }

  /** How many entries it would be; undefined if the server would not say. */
  async #tally(): Promise<number | undefined> {
    if (this.#text.value === "") {
      setText(this.#counted, `Type a ${this.#kind.value} first.`);
      this.#text.focus();
      return undefined;
    }
    try {
      const { matched } = await send<{ matched: number }>("POST", this.#path("invalidate"), { ...this.#target, dry_run: true });
      setText(this.#counted, `${plural(matched, "entry in memory matches", "entries in memory match")} ${this.#named}.`);
      return matched;
    } catch (error) {
      const { title, detail } = describe(error);
      setText(this.#counted, `${title}. ${detail}`);
      return undefined;
    }
  }

  async #remove(): Promise<void> {
    const matched = await this.#tally();
    if (matched === undefined) return;
    const text = `${plural(matched, "entry", "entries")} of ${this.#cache} ${matched === 1 ? "matches" : "match"} now. From then on no get returns an older value, from whichever tier.`;
    if (!(await confirmed({ title: `Invalidate ${this.#named}?`, text, ok: `Invalidate ${count(matched)}` }))) return;
    await this.#run("invalidate", this.#target, `${this.#named} is invalidated in ${this.#cache}.`);
    setText(this.#counted, "");
  }

  async #empty(): Promise<void> {
    const entries = hub.tick?.caches.find((cache) => cache.name === this.#cache)?.entries ?? 0;
    const text = `All ${count(entries)} entries are removed, in all tiers; the next gets load anew.`;
    if (!(await confirmed({ title: `Clear ${this.#cache}?`, text, ok: "Clear", typed: this.#cache }))) return;
    await this.#do("clear", "is cleared");
  }

  async #resetFigures(): Promise<void> {
    const text = "Hits, misses, latencies and time saved begin again at nothing. Entries and the recorded history stay.";
    if (await confirmed({ title: `Reset the figures of ${this.#cache}?`, text, ok: "Reset" })) await this.#do("reset", "begins its figures anew");
  }

  async #do(verb: string, what: string): Promise<void> {
    await this.#run(verb, undefined, `${this.#cache} ${what}.`);
  }

  async #run(verb: string, body: unknown, said: string): Promise<void> {
    try {
      await send("POST", this.#path(verb), body);
      notify(said);
      this.#changed();
    } catch (error) {
      const { title, detail } = describe(error);
      notify(`Not done. ${title}: ${detail}`);
    }
  }
}
