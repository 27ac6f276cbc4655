/** The heat map of a cache's latencies: hits or loads, over hours. */

import { get, statusOf } from "../../app/api.ts";
import { Poller } from "../../app/poller.ts";
import type { LatencyHistory } from "../../app/wire.ts";
import { Heat } from "../../charts/heat.ts";
import { field, select } from "../../parts/form.ts";
import { panel } from "../../parts/panel.ts";

const POLL_MS = 30_000;

export class LatencyHeat {
  readonly element: HTMLElement;
  readonly #of = select([["load", "Loads"], ["hit", "Hits (1 in 64)"]]);
  readonly #range = select([["1h", "1 hour"], ["6h", "6 hours"], ["24h", "24 hours"]]);
  readonly #heat = new Heat("Latency by minute", "Nothing was timed in this time. Since the last start, each minute adds a column.");
  readonly #poller = new Poller({ every: () => POLL_MS, ask: (signal) => this.#ask(signal), failed: (error) => this.#failed(error) });
  #cache = "";
  #seen: LatencyHistory | undefined;

  constructor() {
    this.#of.addEventListener("change", () => this.#show());
    this.#range.addEventListener("change", () => this.#poller.start());
    const tools = [field("Of", this.#of), field("Over", this.#range)];
    this.element = panel("Latency heat map", { curl: () => ({ path: this.#path }), tools, class: "heat-panel" }, this.#heat.element).element;
  }

  show(cache: string): void {
    this.#cache = cache;
    this.#seen = undefined;
    this.#poller.start();
  }

  stop(): void {
    this.#poller.stop();
  }

  restyle(): void {
    this.#heat.restyle();
  }

  get #path(): string {
    return `v1/caches/${encodeURIComponent(this.#cache)}/latency?range=${this.#range.value}`;
  }

  async #ask(signal: AbortSignal): Promise<void> {
    this.#seen = await get<LatencyHistory>(this.#path, signal);
    this.#show();
  }

  #show(): void {
    if (!this.#seen) return;
    const { bounds_us, at, step_seconds } = this.#seen;
    this.#heat.update({ bounds_us, at, step_seconds, counts: this.#of.value === "hit" ? this.#seen.hit : this.#seen.load });
  }

  #failed(error: unknown): void {
    // A cache that is not there any more is said by its page.
    if (statusOf(error) === 404) this.#heat.update({ bounds_us: [], at: [], step_seconds: 60, counts: [] });
  }
}

