/** What a cache holds: hottest, largest and slowest keys, memory by prefix, when entries end; and one key explained. */

import { describe, get } from "../app/api.ts";
import { hub } from "../app/hub.ts";
import type { Page } from "../app/page.ts";
import { Poller } from "../app/poller.ts";
import { address } from "../app/router.ts";
import type { CacheInfo, KeyReport, Tick } from "../app/wire.ts";
import { el, setText } from "../parts/dom.ts";
import { bytes, compact, count, duration, figure, percent, perSecond, seconds } from "../parts/format.ts";
import { field, select, setOptions } from "../parts/form.ts";
import { empty, panel } from "../parts/panel.ts";
import { Rank } from "../parts/rank.ts";
import { Explain } from "./explain.ts";

const POLL_MS = 10_000;

export class KeysPage implements Page {
  readonly title = "Keys";
  readonly element: HTMLElement;
  readonly #cache = select([]);
  readonly #note = el("p", { class: "muted", role: "status" });
  readonly #explain = new Explain();
  readonly #pick = (key: string): void => this.#explain.ask(this.#cache.value, key);
  readonly #hottest = new Rank(empty("No key was seen often yet", "Keys are sampled as they are read: under load the hottest show here."), this.#pick);
  readonly #largest = new Rank(empty("Nothing to compare", "Entries appear here once something is loaded; without a weigher each of them counts as one."), this.#pick);
  readonly #slowest = new Rank(empty("No load in the last quarter of an hour", "Values put in by hand have no load."), this.#pick);
  readonly #prefixes = new Rank(empty("Nothing is held", "Keys are grouped by what stands before their first separator."));
  readonly #ttl = new Rank(empty("Nothing is held", "Entries with a time to live are counted here by how long they still have."));
  readonly #poller = new Poller({ every: () => POLL_MS, ask: (signal) => this.#ask(signal), failed: (error) => this.#failed(error) });
  #wanted = "";

  constructor() {
    this.#cache.addEventListener("change", () => {
      this.#wanted = this.#cache.value;
      history.replaceState(null, "", address("keys", this.#wanted));
      this.#explain.choose(this.#wanted);
      this.#poller.start();
    });
    const curl = (): { path: string } => ({ path: this.#path });
    this.element = el(
      "div",
      { class: "stack" },
      el("div", { class: "heading" }, el("h1", {}, "Keys"), field("Cache", this.#cache), this.#note),
      el(
        "div",
        { class: "grid two" },
        this.#explain.element,
        panel("Hottest keys", { curl, note: "by gets, sampled" }, this.#hottest.element).element,
        panel("Largest keys", { curl, note: "by weight" }, this.#largest.element).element,
        panel("Slow loads", { curl, note: "by the time that the last load took, in the last quarter of an hour" }, this.#slowest.element).element,
        panel("Memory by prefix", { curl }, this.#prefixes.element).element,
        panel("Time left", { curl, note: "entries by when they end" }, this.#ttl.element).element,
      ),
    );
  }

  open(argument: string): void {
    if (argument) this.#wanted = argument;
    this.refresh();
  }

  close(): void {
    this.#poller.stop();
  }

  refresh(): void {
    if (this.#cache.value || this.#wanted) this.#poller.start();
  }

  tick({ caches }: Tick): void {
    const names = caches.map((cache) => cache.name);
    const had = this.#cache.value;
    setOptions(this.#cache, names);
    if (this.#wanted && names.includes(this.#wanted)) this.#cache.value = this.#wanted;
    else if (!had) this.#cache.value = busiest(caches);
    if (had === this.#cache.value) return;
    this.#wanted = this.#cache.value;
    this.#explain.choose(this.#wanted);
    this.#poller.start();
  }

  get #path(): string {
    return `v1/caches/${encodeURIComponent(this.#cache.value)}/keys`;
  }

  async #ask(signal: AbortSignal): Promise<void> {
    if (!this.#cache.value) return;
    const report = await get<KeyReport>(this.#path, signal);
    const info = hub.tick?.caches.find((cache) => cache.name === this.#cache.value);
    const weight = (n: number): string => (info?.weighed ? bytes(n) : count(n));
    const longest = <T>(rows: readonly T[], of: (row: T) => number): number => Math.max(1e-9, ...rows.map(of));
    const hot = longest(report.hottest, (row) => row.gets_per_second);
    this.#hottest.show(report.hottest.map((row) => ({ name: row.key, value: `${perSecond(row.gets_per_second)} · ${percent(row.share)}`, length: row.gets_per_second / hot, title: `${row.key}\n± ${figure(row.error)} gets a second` })));
    const large = longest(report.largest, (row) => row.weight);
    const weighed = info?.weighed ? report.largest : [];
    this.#largest.show(weighed.map((row) => ({ name: row.key, value: weight(row.weight), length: row.weight / large })));
    const slow = longest(report.slowest, (row) => row.load_ms);
    this.#slowest.show(report.slowest.map((row) => ({ name: row.key, value: seconds(row.load_ms / 1000), length: row.load_ms / slow })));
    this.#prefixes.show(report.prefixes.map((row) => ({ name: row.prefix || "(no prefix)", value: `${weight(row.weight)} · ${count(row.entries)} entries`, length: row.share, title: `${row.prefix}: ${percent(row.share)}` })));
    this.#showTtl(report);
    setText(this.#note, noteOf(report));
  }

  #showTtl({ ttl }: KeyReport): void {
    const most = Math.max(1, ...ttl.map((row) => row.entries));
    const some = ttl.filter((row) => row.entries > 0);
    this.#ttl.show(some.map((row) => ({ name: row.until_ms === null ? "no end" : `within ${duration(row.until_ms)}`, value: count(row.entries), length: row.entries / most })));
  }

  #failed(error: unknown): void {
    const { title, detail } = describe(error);
    setText(this.#note, `${title}. ${detail}`);
    for (const rank of [this.#hottest, this.#largest, this.#slowest, this.#prefixes, this.#ttl]) rank.show([]);
  }
}

function noteOf(report: KeyReport): string {
  const which = report.one_in === 1 ? "every get" : `1 get in ${count(report.one_in)}`;
  const sampled = `${which} looked at, over ${duration(report.seconds * 1000)}`;
  const scanned = report.complete ? `all ${compact(report.scanned)} entries` : `the first ${compact(report.scanned)} entries`;
  return `${sampled}; ${scanned}`;
}

function busiest(caches: readonly CacheInfo[]): string {
  return [...caches].sort((a, b) => b.stats.gets - a.stats.gets)[0]?.name ?? "";
}
