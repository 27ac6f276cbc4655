/** One cache: what it does, what it holds, what can be done to it. */

import { hub } from "../../app/hub.ts";
import type { Page } from "../../app/page.ts";
import { Poller } from "../../app/poller.ts";
import { address } from "../../app/router.ts";
import { fetchHistory, grain, historyPath, ratio, sum, times } from "../../app/series.ts";
import { didOf, fetchWindow, type Timed, windowPath, type WindowFigures } from "../../app/window.ts";
import type { CacheInfo, MetricHistory, Tick } from "../../app/wire.ts";
import { el, setText } from "../../parts/dom.ts";
import { compact, duration, percent, perSecond, plural, seconds } from "../../parts/format.ts";
import { empty, panel } from "../../parts/panel.ts";
import { Tile } from "../../parts/tile.ts";
import { CacheCharts, latencyLines } from "../overview/charts.ts";
import { fetchFigures, type Figures } from "../overview/figures.ts";
import { fetchRegression, mark, type Regression } from "../overview/regression.ts";
import { Explain } from "../explain.ts";
import { Actions } from "./actions.ts";
import { Facts } from "./facts.ts";
import { LatencyHeat } from "./heat.ts";

const REGRESSION_MS = 60_000;

export class CachePage implements Page {
  readonly title = "Cache";
  readonly element = el("div", { class: "stack" });
  readonly #name = el("h1");
  readonly #kind = el("p", { class: "muted" });
  readonly #body: HTMLElement;
  readonly #missing = empty("There is no such cache", "It may have another name by now: the ", el("a", { href: address("") }, "overview"), " lists all.");
  readonly #saved = new Tile("Time saved", { class: "big", colour: "remote", from0: false });
  readonly #hits = new Tile("Hit ratio", { colour: "memory" });
  readonly #rate = new Tile("Gets", { colour: "memory" });
  readonly #misses = new Tile("Misses, p99", { colour: "origin" });
  readonly #full = new Tile("In use", { colour: "disk" });
  readonly #facts = new Facts();
  readonly #times = panel("Latency", { curl: () => ({ path: windowPath() }) }, this.#facts.latencies);
  readonly #latency = latencyLines("Time of misses, percentiles");
  readonly #charts: CacheCharts;
  readonly #heat = new LatencyHeat();
  readonly #actions = new Actions(() => this.#figures.start());
  readonly #explain = new Explain();
  readonly #figures = new Poller({ every: () => grain().pollMs, ask: (signal) => this.#ask(signal), failed: () => {} });
  readonly #hours = new Poller({ every: () => REGRESSION_MS, ask: (signal) => this.#compare(signal), failed: () => {} });
  #cache = "";
  #isWaiting = hub.tick === undefined;
  #shown: Figures | undefined;
  #window: WindowFigures | undefined;
  #latencies: MetricHistory | undefined;
  #regression: Regression | undefined;

  constructor() {
    const tags = (): string => `cache=${this.#cache}`;
    const tiles = [this.#saved, this.#hits, this.#rate, this.#misses, this.#full];
    this.#charts = new CacheCharts(tags, panel("Latency of misses", { curl: () => ({ path: historyPath("larder_cache_latency_seconds", `${tags()},of=miss`) }) }, this.#latency.element).element);
    this.#charts.element.append(this.#heat.element);
    const counters = panel("Counters", { curl: () => ({ path: `v1/caches/${encodeURIComponent(this.#cache)}/stats` }), note: "since the start or the last reset" }, this.#facts.counters);
    const tiers = panel("Tiers", { curl: () => ({ path: `v1/caches/${encodeURIComponent(this.#cache)}` }), note: "as they are; counts since the start" }, this.#facts.tiers);
    this.#body = el(
      "div",
      { class: "stack" },
      el("div", { class: "tiles five" }, ...tiles.map((tile) => tile.element)),
      this.#charts.element,
      el("div", { class: "grid two" }, counters.element, this.#times.element, tiers.element, this.#explain.element, this.#actions.element),
    );
    this.element.append(el("div", { class: "heading" }, el("a", { class: "back", href: address("") }, "← Caches"), this.#name, this.#kind), this.#body, this.#missing);
  }

  open(argument: string): void {
    if (argument !== this.#cache) {
      this.#shown = undefined;
      this.#window = undefined;
      this.#latencies = undefined;
      this.#regression = undefined;
    }
    this.#cache = argument;
    setText(this.#name, argument);
    this.#explain.choose(argument);
    this.refresh();
  }

  close(): void {
    this.#figures.stop();
    this.#hours.stop();
    this.#heat.stop();
  }

  refresh(): void {
    if (hub.tick) this.#figures.start();
    this.#hours.start();
    this.#heat.show(this.#cache);
    this.#actions.show(this.#cache);
  }

  tick({ caches }: Tick): void {
    const info = caches.find((cache) => cache.name === this.#cache);
    this.#body.hidden = info === undefined;
    this.#missing.hidden = info !== undefined;
    this.#actions.guard();
    if (!info) return;
    // Which tiers there are is known from now on.
    if (this.#isWaiting) this.#figures.start();
    this.#isWaiting = false;
    setText(this.#kind, `${info.tier} · ${info.ttl_ms === null ? "no time to live" : `lives ${duration(info.ttl_ms)}`}`);
    this.#facts.show(info, (of) => this.#took(of));
    this.#showTiles(info);
  }

  restyle(): void {
    this.#charts.restyle();
    this.#latency.restyle();
    this.#heat.restyle();
  }

  #showTiles(info: CacheInfo): void {
    const { stats } = info;
    const figures = this.#shown;
    const window = this.#window;
    const did = window && didOf(window, this.#cache);
    const rate = (of: number | null | undefined): string => perSecond(window?.each(of ?? null) ?? null);
    const gain = stats.performance_gain === null ? "" : ` · a miss takes ${compact(Math.round(stats.performance_gain))} × a hit`;
    this.#saved.show({ value: duration(stats.time_saved_ms), detail: `${compact(stats.hits)} hits${gain}`, spark: figures?.saved ?? [], hint: "hits × (mean miss − mean hit), since the start or the last reset" });
    this.#hits.show({
      value: percent(ratio(did?.hits ?? 0, did?.gets ?? 0)),
      detail: `${percent(stats.hit_rate)} since the start`,
      spark: figures?.hitRatio ?? [],
      mark: mark(this.#regression?.hitRatio, "more", (change) => `${(change * 100).toFixed(1)} points`),
    });
    this.#rate.show({ value: rate(did?.gets), detail: `${rate(did?.hits)} hits`, spark: figures?.gets ?? [] });
    const [miss, load] = [this.#took("miss"), this.#took("load")];
    this.#misses.show({
      value: miss?.p99 == null ? "–" : seconds(miss.p99),
      detail: load?.mean == null ? "no load in this window" : `a load took ${seconds(load.mean)} in the mean`,
      spark: sum(this.#latencies, "p99"),
      mark: mark(this.#regression?.p99, "less", seconds),
    });
    const part = info.capacity > 0 ? info.weight / info.capacity : 0;
    this.#full.show({ value: percent(part), detail: plural(info.entries, "entry", "entries"), spark: figures?.fill[0]?.values ?? [], alarm: part > 0.98 && stats.evictions.capacity > 0 ? "full: entries leave for room" : undefined });
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const text = grain().text;
    const caches = (hub.tick?.caches ?? []).filter(({ name }) => name === this.#cache);
    const [window, figures, latencies] = await Promise.all([
      fetchWindow(signal),
      fetchFigures(signal, caches, this.#cache),
      fetchHistory("larder_cache_latency_seconds", signal, `cache=${this.#cache},of=miss`),
    ]);
    if (!figures) return;
    this.#window = window;
    this.#shown = figures;
    this.#latencies = latencies;
    this.#times.note(text);
    this.#charts.update(figures);
    this.#latency.update(latencies ? times(latencies) : [], [sum(latencies, "p50"), sum(latencies, "p95"), sum(latencies, "p99")]);
    if (hub.tick) this.tick(hub.tick);
  }

  /** How long hits, misses or loads took in the window. */
  #took(of: "hit" | "miss" | "load"): Timed | undefined {
    return this.#window?.timed("larder_cache_latency_seconds", { cache: this.#cache, of });
  }

  async #compare(signal: AbortSignal): Promise<void> {
    this.#regression = await fetchRegression(signal, this.#cache);
  }
}
