/** The health of the metrics themselves: how many series, what overflowed, whether they are recorded; and routes. */

import { describe, get, send } from "../app/api.ts";
import type { Page } from "../app/page.ts";
import { Poller } from "../app/poller.ts";
import { fetchHistory, grain, historyPath, sum, times } from "../app/series.ts";
import { fetchWindow, windowPath, type WindowFigures } from "../app/window.ts";
import { Lines } from "../charts/lines.ts";
import { confirmed } from "../parts/dialogs.ts";
import { el, setText } from "../parts/dom.ts";
import { count, percent, perSecond, seconds } from "../parts/format.ts";
import { RoleButton } from "../parts/form.ts";
import { notify } from "../parts/notice.ts";
import { panel } from "../parts/panel.ts";
import { type Column, Table } from "../parts/table.ts";
import { Tile } from "../parts/tile.ts";
import { healthOf } from "./health.ts";

const SLOW_POLL_MS = 15_000;

interface Route {
  method: string;
  endpoint: string;
  rate: number | null;
  mean: number | null;
  p95: number | null;
  p99: number | null;
}

const time = (value: number | null): string => (value === null ? "–" : seconds(value));
const COLUMNS: readonly Column<Route>[] = [
  { label: "Route", text: true, by: (row) => row.endpoint, cell: (row) => ({ text: row.endpoint, mark: row.method }) },
  { label: "Rate", by: (row) => row.rate ?? -1, cell: (row) => perSecond(row.rate) },
  { label: "Mean", by: (row) => row.mean ?? -1, cell: (row) => time(row.mean) },
  { label: "p95", by: (row) => row.p95 ?? -1, cell: (row) => time(row.p95) },
  { label: "p99", by: (row) => row.p99 ?? -1, cell: (row) => time(row.p99) },
];

export class MetricsPage implements Page {
  readonly title = "Metrics";
  readonly element: HTMLElement;
  readonly #enabled = new Tile("Recording");
  readonly #series = new Tile("Series");
  readonly #names = new Tile("Names");
  readonly #lost = new Tile("Overflowed, refused, without history");
  readonly #cost = new Tile("Cost of reading all");
  readonly #rate = new Lines({ label: "Requests a second", empty: "No request in this window", format: (value) => perSecond(value), lines: [{ label: "requests", colour: "memory", fill: true }] });
  readonly #routes = new Table<Route>({ caption: "Requests by route", columns: COLUMNS, sort: 1, empty: "No request in this window." }, 20);
  readonly #byRoute = panel("By route", { curl: () => ({ path: windowPath() }), class: "flush" }, this.#routes.element);
  readonly #switch = new RoleButton("Switch off…", "admin", () => void this.#toggle());
  readonly #said = el("p", { class: "muted", role: "status" });
  readonly #health = new Poller({ every: () => SLOW_POLL_MS, ask: (signal) => this.#ask(signal), failed: (error) => this.#failed(error) });
  readonly #history = new Poller({ every: () => grain().pollMs, ask: (signal) => this.#askHistory(signal), failed: () => {} });
  #isEnabled = true;

  constructor() {
    const tiles = [this.#enabled, this.#series, this.#names, this.#lost, this.#cost];
    const formats = el(
      "dl",
      { class: "facts" },
      ...[
        ["Prometheus", "curl -H 'Accept: text/plain' HOST/v1/metrics"],
        ["OpenMetrics, with exemplars", "curl -H 'Accept: application/openmetrics-text' HOST/v1/metrics"],
        ["JSON of a window", "curl 'HOST/v1/metrics?window=5m'"],
        ["Grafana and alert rules", "larder dashboard grafana"],
      ].map(([what = "", how = ""]) => el("div", {}, el("dt", {}, what), el("dd", {}, el("code", {}, how.replace("HOST", location.origin))))),
    );
    this.element = el(
      "div",
      { class: "stack" },
      el("div", { class: "heading" }, el("h1", {}, "Metrics"), this.#said, this.#switch.element),
      el("div", { class: "tiles five plain" }, ...tiles.map((tile) => tile.element)),
      el(
        "div",
        { class: "grid two" },
        panel("Requests", { curl: () => ({ path: historyPath("http_answers") }) }, this.#rate.element).element,
        panel("Read them elsewhere", { curl: () => ({ path: "v1/metrics" }) }, formats).element,
      ),
      this.#byRoute.element,
    );
  }

  close(): void {
    this.#health.stop();
    this.#history.stop();
  }

  refresh(): void {
    this.#health.start();
    this.#history.start();
  }

  tick(): void {
    this.#switch.guard();
  }

  restyle(): void {
    this.#rate.restyle();
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const before = performance.now();
    const [{ enabled }, all] = await Promise.all([get<{ enabled: boolean }>("v1/metrics/enabled", signal), get<unknown>("v1/metrics", signal)]);
    const took = performance.now() - before;
    const health = healthOf(all);
    this.#isEnabled = enabled;
    setText(this.#said, "");
    setText(this.#switch.element, enabled ? "Switch off…" : "Switch on");
    this.#switch.guard();
    this.#enabled.show({ value: enabled ? "On" : "Off", detail: enabled ? `${time(health.recording)} of each second, in the mean since the start` : "caches go on counting; the history has a gap", alarm: enabled ? undefined : "nothing is recorded" });
    this.#series.show({ value: count(health.series), detail: `the largest name has ${count(health.largest.series)} of 1,000: ${health.largest.name || "none"}`, alarm: health.largest.series >= 1000 ? "a name is at its limit" : undefined });
    this.#names.show({ value: count(health.names), detail: `${percent(health.names / 1000)} of 1,000` });
    this.#lost.show({ value: [health.overflowed, health.refused, health.unrecorded].map(count).join(", "), detail: "records of series over the limit; names; series over the history's 512", alarm: health.overflowed + health.refused + health.unrecorded > 0 ? "tags with too many values" : undefined });
    this.#cost.show({ value: seconds(took / 1000), detail: "to ask for all figures as JSON, and read them" });
  }

  async #askHistory(signal: AbortSignal): Promise<void> {
    const text = grain().text;
    const [window, answers] = await Promise.all([fetchWindow(signal), fetchHistory("http_answers", signal)]);
    this.#rate.update(answers ? times(answers) : [], [sum(answers, "per_second")]);
    this.#byRoute.note(text);
    this.#routes.update(window ? routesOf(window) : []);
  }

  #failed(error: unknown): void {
    const { title, detail } = describe(error);
    setText(this.#said, `${title}. ${detail}`);
  }

  async #toggle(): Promise<void> {
    const enabled = !this.#isEnabled;
    const text = "The history of all figures has a gap until it is switched on again. Caches go on counting.";
    if (!enabled && !(await confirmed({ title: "Switch the recording of metrics off?", text, ok: "Switch off" }))) return;
    try {
      await send("POST", "v1/metrics/enabled", { enabled });
      notify(`Metrics are switched ${enabled ? "on" : "off"}.`);
      this.#health.start();
    } catch (error) {
      const { title, detail } = describe(error);
      notify(`Not done. ${title}: ${detail}`);
    }
  }
}

/** The routes that were asked in the window. */
export function routesOf(window: WindowFigures): Route[] {
  const asked = window.timings("http_request_duration_seconds").filter(({ count }) => count > 0);
  return asked.map(({ tags, count, mean, p95, p99 }) => ({
    method: tags["method"] ?? "",
    endpoint: tags["endpoint"] ?? "",
    rate: window.each(count),
    mean,
    p95,
    p99,
  }));
}
