/** The service `claude_usage`: what the session logs cost, by day, model, project and session. */

import { ProblemError, statusOf } from "../../../app/api.ts";
import { listeners } from "../../../app/listeners.ts";
import type { Page } from "../../../app/page.ts";
import { Poller } from "../../../app/poller.ts";
import { setText, setTitle } from "../../../parts/dom.ts";
import { bytes, compact, count, duration, plural } from "../../../parts/format.ts";
import { showBars } from "./bars.ts";
import { Breakdown } from "./breakdown.ts";
import { Charts } from "./charts.ts";
import { CostHistory } from "./history.ts";
import { part, root } from "./markup.ts";
import { initRange } from "./range.ts";
import { showBusy, showFailure, showFigures } from "./states.ts";
import { fetchStats, forgetStats } from "./stats.ts";
import { showTotals } from "./totals.ts";
import type { SnapshotEvent, Stats, TimeRange } from "./wire.ts";

const SERVICE = "claude_usage";
/** Each new snapshot is announced; this is for what was not heard. */
const POLL_MS = 15_000;
const SCAN_POLL_MS = 500;
const HISTORY_POLL_MS = 2000;

export class UsagePage implements Page {
  readonly title = "Claude usage";
  readonly element = root;
  readonly #charts = new Charts();
  readonly #history = new CostHistory();
  readonly #breakdown = new Breakdown();
  readonly #figures = new Poller({ every: () => this.#pace, ask: (signal) => this.#ask(signal), failed: (error) => this.#failed(error) });
  readonly #live = new Poller({ every: () => HISTORY_POLL_MS, ask: (signal) => this.#askHistory(signal), failed: () => {} });
  #range: TimeRange;
  #pace = POLL_MS;
  #shown: Stats | undefined;
  #forget: (() => void) | undefined;

  constructor() {
    this.#range = initRange((chosen) => {
      this.#range = chosen;
      showBusy();
      this.#figures.start();
    });
  }

  open(): void {
    this.#forget?.();
    const onSnapshot = (data: unknown): void => {
      if ((data as SnapshotEvent).service === SERVICE) this.#figures.start();
    };
    const stops = [listeners.add("snapshot", onSnapshot), listeners.add("lagged", () => this.#figures.start())];
    this.#forget = () => stops.forEach((stop) => stop());
    this.refresh();
  }

  close(): void {
    this.#forget?.();
    this.#forget = undefined;
    this.#figures.stop();
    this.#live.stop();
  }

  refresh(): void {
    forgetStats();
    this.#history.forget();
    this.#figures.start();
    this.#live.start();
  }

  restyle(): void {
    this.#charts.restyle();
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const stats = await fetchStats(this.#range, signal);
    showFigures();
    this.#pace = POLL_MS;
    if (stats === this.#shown) return;
    this.#shown = stats;
    showTotals(stats);
    showScan(stats);
    showBars(stats);
    this.#charts.update(stats);
    this.#breakdown.update(stats);
  }

  async #askHistory(signal: AbortSignal): Promise<void> {
    if (!this.#shown) return;
    const { points, to } = await this.#history.update(signal);
    this.#charts.updateLive(points, to);
  }

  #failed(error: unknown): void {
    if (statusOf(error) === 404) this.#shown = undefined;
    this.#pace = error instanceof ProblemError && error.problem.progress ? SCAN_POLL_MS : POLL_MS;
    showFailure(error, this.#shown !== undefined);
  }
}

function showScan({ scan }: Stats): void {
  const box = part("scan");
  const skipped = scan.skipped_lines > 0 ? `, ${count(scan.skipped_lines)} lines skipped` : "";
  setText(box, `${plural(scan.files, "file")}, ${bytes(scan.bytes)}, ${compact(scan.lines)} lines${skipped}`);
  setTitle(box, `the last refresh took ${duration(scan.last_refresh_ms)}`);
}
