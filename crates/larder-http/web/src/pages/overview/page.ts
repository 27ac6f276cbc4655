/** The overview: whether the caches earn their memory, and what is wrong. */

import { combine, fetchHistory, grain, historyPath, ratio, sum, times, type Values } from "../../app/series.ts";
import { hub } from "../../app/hub.ts";
import type { Page } from "../../app/page.ts";
import { Poller } from "../../app/poller.ts";
import { fetchWindow, windowPath, type WindowFigures } from "../../app/window.ts";
import type { MetricHistory, Tick } from "../../app/wire.ts";
import { Lines } from "../../charts/lines.ts";
import { el } from "../../parts/dom.ts";
import { percent } from "../../parts/format.ts";
import { panel } from "../../parts/panel.ts";
import { backendsTable } from "./backends.ts";
import { cachesTable, rowsOf } from "./caches.ts";
import { CacheCharts, latencyLines } from "./charts.ts";
import { fetchFigures, type Figures } from "./figures.ts";
import { fetchRegression, type Regression } from "./regression.ts";
import { Suggested } from "./suggested.ts";
import { type Answers, Tiles } from "./tiles.ts";
import { Waterfall } from "./waterfall.ts";

const REGRESSION_MS = 60_000;

export class OverviewPage implements Page {
  readonly title = "Overview";
  readonly element: HTMLElement;
  readonly #tiles = new Tiles();
  readonly #suggested = new Suggested();
  readonly #waterfall = new Waterfall();
  readonly #latency = latencyLines("Time to answer a request, percentiles");
  readonly #errors = new Lines({
    label: "Requests that the server failed, and mistakes of clients, of all",
    empty: "No request in this window",
    format: percent,
    lines: [
      { label: "failed (5xx)", colour: "error", fill: true },
      { label: "of clients (4xx)", colour: "disk", dash: [6, 4] },
    ],
  });
  readonly #charts: CacheCharts;
  readonly #caches = cachesTable();
  readonly #backends = backendsTable();
  readonly #answered = panel("Who answered", { curl: () => ({ path: windowPath() }) }, this.#waterfall.element);
  readonly #table = panel("Caches", { curl: () => ({ path: "v1/caches" }), class: "flush" }, this.#caches.element);
  readonly #figures = new Poller({ every: () => grain().pollMs, ask: (signal) => this.#ask(signal), failed: () => {} });
  readonly #hours = new Poller({ every: () => REGRESSION_MS, ask: (signal) => this.#compare(signal), failed: () => {} });
  #isWaiting = hub.tick === undefined;
  #shown: Figures | undefined;
  #window: WindowFigures | undefined;
  #regression: Regression | undefined;

  constructor() {
    this.#charts = new CacheCharts(
      () => "",
      panel("Latency of answers", { curl: () => ({ path: historyPath("http_latency_seconds") }), note: "all routes" }, this.#latency.element).element,
    );
    this.#charts.element.append(panel("Errors", { curl: () => ({ path: historyPath("http_answers") }), note: "of requests" }, this.#errors.element).element);
    this.element = el(
      "div",
      { class: "stack" },
      el("h1", { class: "unseen" }, "Overview"),
      this.#tiles.element,
      this.#suggested.element,
      this.#answered.element,
      this.#table.element,
      this.#charts.element,
      panel("Backends", { curl: () => ({ path: "v1/status" }), class: "flush" }, this.#backends.element).element,
    );
  }

  close(): void {
    this.#figures.stop();
    this.#hours.stop();
    this.#suggested.stop();
  }

  refresh(): void {
    if (hub.tick) this.#figures.start();
    this.#hours.start();
    this.#suggested.start();
  }

  tick(tick: Tick): void {
    // Which tiers there are is known from now on.
    if (this.#isWaiting) this.#figures.start();
    this.#isWaiting = false;
    this.#tiles.tick(tick, this.#shown);
    this.#caches.update(rowsOf(tick.caches, this.#window));
    this.#backends.update(hub.status?.backends ?? []);
  }

  restyle(): void {
    this.#charts.restyle();
    this.#latency.restyle();
    this.#errors.restyle();
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const text = grain().text;
    const [window, figures, latency, answers] = await Promise.all([
      fetchWindow(signal),
      fetchFigures(signal, hub.tick?.caches ?? []),
      fetchHistory("http_latency_seconds", signal),
      fetchHistory("http_answers", signal),
    ]);
    if (!figures) return;
    this.#shown = figures;
    this.#window = window;
    this.#answered.note(text);
    this.#table.note(text);
    const seen = answersOf(latency, answers);
    this.#tiles.update(window, figures, seen, this.#regression);
    if (hub.tick) this.tick(hub.tick);
    this.#waterfall.update(window, hub.tick?.caches ?? []);
    this.#charts.update(figures);
    this.#latency.update(latency ? times(latency) : [], [seen.p50, seen.p95, seen.p99]);
    const all = sum(answers, "per_second");
    this.#errors.update(answers ? times(answers) : [], [combine(seen.failed, all, ratio), combine(seen.mistaken, all, ratio)]);
  }

  async #compare(signal: AbortSignal): Promise<void> {
    this.#regression = await fetchRegression(signal);
  }
}

function answersOf(latency: MetricHistory | undefined, answers: MetricHistory | undefined): Answers {
  const took = (name: "p50" | "p95" | "p99"): Values => sum(latency, name);
  const ended = (result: string): Values => sum(answers, "per_second", { result });
  return { p50: took("p50"), p95: took("p95"), p99: took("p99"), failed: ended("server_error"), mistaken: ended("client_error") };
}
