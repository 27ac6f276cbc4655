/** The service `assistant_context`: what a hit and a call of the RPC take, what that saves, signals and advice. */

import { get } from "../../app/api.ts";
import type { Page } from "../../app/page.ts";
import { fetchHistory, grain, historyPath, sum, times } from "../../app/series.ts";
import { latencyLines } from "../overview/charts.ts";
import { el } from "../../parts/dom.ts";
import { bytes, compact, count, duration, figure, percent, seconds } from "../../parts/format.ts";
import { panel } from "../../parts/panel.ts";
import { type Column, Table } from "../../parts/table.ts";
import { Rank } from "../../parts/rank.ts";
import { Tile } from "../../parts/tile.ts";
import { empty } from "../../parts/panel.ts";
import { Poller } from "../../app/poller.ts";
import { Service } from "./service.ts";

const CACHE = "assistant_context";

interface Stats {
  entries: number;
  ttl_seconds: number;
  metrics: { hits: number; misses: number; total_requests: number; hit_rate_percent: number; average_hit_latency_ms: number; average_miss_latency_ms: number; performance_gain_multiplier: number };
}

interface Metrics {
  performance_dashboard: { cumulative_time_saved: { total_ms: number }; cache_efficiency: { estimated_memory_mb: number } };
}

interface Signal {
  name: string;
  value: number | null;
  unit: string;
  target: string;
  verdict: string;
  advice: string | null;
}

interface Signals {
  signals: Signal[];
  hits_by_tier: Record<string, number>;
  rpc: { calls: number; failures: number };
}

interface Dashboard {
  analytics: { optimization_recommendations: string[] };
}

interface Status {
  current_mode: string;
  fallback_chain: string[];
}

const MARKS: Record<string, string> = { good: "● good", warning: "▲ warning", bad: "✕ bad", unknown: "○ unknown" };

const SIGNALS: readonly Column<Signal>[] = [
  { label: "Signal", text: true, cell: (row) => row.name.replaceAll("_", " ") },
  { label: "Value", cell: (row) => (row.value === null ? "–" : `${figure(row.value)} ${row.unit === "percent" ? "%" : row.unit}`) },
  { label: "Target", text: true, cell: (row) => row.target },
  { label: "Verdict", text: true, cell: (row) => ({ text: MARKS[row.verdict] ?? `▲ ${row.verdict}`, tone: row.verdict === "good" ? "good" : row.verdict === "unknown" ? undefined : "bad" }) },
  { label: "Advice", text: true, cell: (row) => ({ text: row.advice ?? "–", title: row.advice ?? undefined }) },
];

export class ContextPage implements Page {
  readonly title = "Context";
  readonly element: HTMLElement;
  readonly #service = new Service("Context", "a slow RPC, read through the cache's tiers", [CACHE], (signal) => this.#ask(signal), 3000);
  readonly #saved = new Tile("Time saved", { class: "big", colour: "remote" });
  readonly #ratio = new Tile("Hit ratio");
  readonly #hit = new Tile("A hit takes");
  readonly #miss = new Tile("A call takes", { colour: "origin" });
  readonly #memory = new Tile("Memory", { colour: "disk" });
  readonly #latency = latencyLines("Time of misses, percentiles");
  readonly #advice = el("ul", { class: "plain-list" });
  readonly #chain = el("ol", { class: "chain" });
  readonly #tiers = new Rank(empty("No hit yet", "Ask twice: POST /codette/chat with the same message."));
  readonly #signals = new Table<Signal>({ caption: "Signals", columns: SIGNALS, empty: "No signal is reported." }, 20);
  readonly #history = new Poller({ every: () => grain().pollMs, ask: (signal) => this.#askHistory(signal), failed: () => {} });

  constructor() {
    const tiles = [this.#saved, this.#ratio, this.#hit, this.#miss, this.#memory];
    this.element = el(
      "div",
      { class: "stack" },
      this.#service.heading,
      el("div", { class: "tiles five plain" }, ...tiles.map((tile) => tile.element)),
      el(
        "div",
        { class: "grid two" },
        panel("Latency of misses", { curl: () => ({ path: historyPath("larder_cache_latency_seconds", `cache=${CACHE},of=miss`) }) }, this.#latency.element).element,
        panel("Hits by tier", { curl: () => ({ path: "codette/analytics/signals" }) }, this.#tiers.element).element,
        panel("Recommendations", { curl: () => ({ path: "codette/analytics/dashboard" }) }, this.#advice).element,
        panel("Asked in this order", { curl: () => ({ path: "codette/cache/status" }) }, this.#chain).element,
      ),
      panel("Signals", { curl: () => ({ path: "codette/analytics/signals" }), class: "flush" }, this.#signals.element).element,
    );
  }

  close(): void {
    this.#service.poller.stop();
    this.#history.stop();
  }

  refresh(): void {
    this.#service.poller.start();
    this.#history.start();
  }

  restyle(): void {
    this.#latency.restyle();
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const [stats, metrics, signals, dashboard, status] = await Promise.all([
      get<Stats>("codette/cache/stats", signal),
      get<Metrics>("codette/cache/metrics", signal),
      get<Signals>("codette/analytics/signals", signal),
      get<Dashboard>("codette/analytics/dashboard", signal),
      get<Status>("codette/cache/status", signal),
    ]);
    const { metrics: figures } = stats;
    const { cumulative_time_saved: saved, cache_efficiency: held } = metrics.performance_dashboard;
    this.#saved.show({ value: duration(Math.max(0, saved.total_ms)), detail: `${compact(figures.hits)} calls of the RPC avoided` });
    this.#ratio.show({ value: figures.total_requests > 0 ? percent(figures.hit_rate_percent / 100) : "–", detail: `${compact(figures.hits)} of ${compact(figures.total_requests)} questions` });
    this.#hit.show({ value: figures.hits > 0 ? seconds(figures.average_hit_latency_ms / 1000) : "–", detail: figures.performance_gain_multiplier > 0 ? `${figure(figures.performance_gain_multiplier)} × as fast as a call` : "no comparison yet" });
    this.#miss.show({ value: figures.misses > 0 ? seconds(figures.average_miss_latency_ms / 1000) : "–", detail: `${count(signals.rpc.calls)} calls, ${count(signals.rpc.failures)} failed` });
    this.#memory.show({ value: bytes(held.estimated_memory_mb * 1e6), detail: `${count(stats.entries)} contexts, ${duration(stats.ttl_seconds * 1000)} each` });
    const hits = Object.entries(signals.hits_by_tier);
    const most = Math.max(1, ...hits.map(([, n]) => n));
    this.#tiers.show(hits.some(([, n]) => n > 0) ? hits.map(([tier, n]) => ({ name: tier, value: count(n), length: n / most })) : []);
    list(this.#advice, dashboard.analytics.optimization_recommendations.map(plainText));
    list(this.#chain, status.fallback_chain);
    this.#signals.update(signals.signals);
  }

  async #askHistory(signal: AbortSignal): Promise<void> {
    const history = await fetchHistory("larder_cache_latency_seconds", signal, `cache=${CACHE},of=miss`);
    this.#latency.update(history ? times(history) : [], [sum(history, "p50"), sum(history, "p95"), sum(history, "p99")]);
  }
}

function list(box: HTMLElement, texts: readonly string[]): void {
  box.replaceChildren(...texts.map((text) => el("li", {}, text)));
}

/** Without the pictograph in front, for which not every system has a font. */
function plainText(text: string): string {
  return text.replace(/^\p{Extended_Pictographic}\uFE0F?\s*/u, "");
}
