/** The charts over the window, of all caches or of one. */

import { Lines, type LineSpec } from "../../charts/lines.ts";
import { el } from "../../parts/dom.ts";
import { percent, perSecond, seconds } from "../../parts/format.ts";
import { panel } from "../../parts/panel.ts";
import { grain, historyPath, type Values } from "../../app/series.ts";
import { CAUSES, type Cause } from "../../app/wire.ts";
import type { Figures } from "./figures.ts";

const DOTS = [2, 3];
const DASH = [6, 4];
const LONG = [10, 4];
const MIXED = [8, 3, 2, 3];
const COLOURS = ["memory", "origin", "disk", "stale", "remote", "error"];
const DASHES: readonly (readonly number[])[] = [[], DASH, DOTS, LONG, MIXED];
const FILLS_MAX = 8;

const CAUSE_LINES: Record<Cause, LineSpec> = {
  capacity: { label: "for room", colour: "origin" },
  expired: { label: "expired", colour: "memory", dash: DASH },
  replaced: { label: "replaced", colour: "disk", dash: DOTS },
  removed: { label: "removed", colour: "stale", dash: LONG },
  invalidated: { label: "invalidated", colour: "remote", dash: MIXED },
  too_heavy: { label: "too heavy", colour: "error", dash: [3, 3] },
};

export function latencyLines(label: string): Lines {
  const lines = [
    { label: "p50", colour: "memory" },
    { label: "p95", colour: "disk", dash: DASH },
    { label: "p99", colour: "origin", dash: DOTS },
  ];
  return new Lines({ label, empty: "Nothing was timed in this window", format: seconds, lines });
}

/** A line for each tier that there is; the whole first. */
function hitLines(figures: Figures): { lines: LineSpec[]; values: Values[] } {
  const all: [LineSpec, Values][] = [
    [{ label: "all tiers", colour: "memory", fill: true }, figures.hitRatio],
    [{ label: "memory", colour: "remote", dash: DASH }, figures.tierRatio.memory],
    [{ label: "disk", colour: "disk", dash: DOTS }, figures.tierRatio.disk],
    [{ label: "shared store", colour: "stale", dash: LONG }, figures.tierRatio.remote],
  ];
  const there = all.filter(([, values]) => values.some((value) => value !== null));
  const shown = there.length > 2 ? there : there.slice(0, 1);
  return { lines: shown.map(([line]) => line), values: shown.map(([, values]) => values) };
}

/** Hit ratio, loads, evictions and fill. */
export class CacheCharts {
  readonly element: HTMLElement;
  readonly #hits = new Lines({ label: "Hit ratio by tier", empty: "No get in this window", format: percent, lines: [{ label: "all tiers", colour: "memory", fill: true }], yMax: 1 });
  readonly #loads = new Lines({
    label: "Loads, gets that waited for another's load, and stale values served, a second",
    empty: "No load in this window",
    format: (value) => perSecond(value),
    lines: [
      { label: "loads", colour: "origin" },
      { label: "coalesced", colour: "memory", dash: DASH },
      { label: "stale served", colour: "stale", dash: DOTS },
    ],
  });
  readonly #evictions = new Lines({
    label: "Entries that left memory, a second, by cause",
    empty: "Nothing left memory in this window",
    format: (value) => perSecond(value),
    lines: CAUSES.map((cause) => CAUSE_LINES[cause]),
  });
  readonly #fill = new Lines({ label: "Memory in use, of each cache's limit", empty: "No cache yet", format: percent, lines: [], yMax: 1 });

  /** `between` stands after the hit ratio. */
  constructor(tags: () => string, ...between: HTMLElement[]) {
    const path = (name: string) => () => ({ path: historyPath(`larder_cache_${name}`, tags(), grain()) });
    this.element = el(
      "div",
      { class: "grid two" },
      panel("Hit ratio by tier", { curl: path("gets") }, this.#hits.element).element,
      ...between,
      panel("Loads, coalesced, stale", { curl: path("loads") }, this.#loads.element).element,
      panel("Evictions by cause", { curl: path("evictions") }, this.#evictions.element).element,
      panel("Memory against limit", { curl: path("weight"), note: "100 % is the capacity" }, this.#fill.element).element,
    );
  }

  update(figures: Figures): void {
    const { times } = figures;
    const hits = hitLines(figures);
    this.#hits.update(times, hits.values, hits.lines);
    this.#loads.update(times, [figures.loads, figures.coalesced, figures.stale]);
    const causes = CAUSES.filter((cause) => figures.evictions[cause].some((value) => value !== null && value > 0));
    this.#evictions.update(times, causes.map((cause) => figures.evictions[cause]), causes.map((cause) => CAUSE_LINES[cause]));
    const fullest = [...figures.fill].sort((a, b) => peak(b.values) - peak(a.values)).slice(0, FILLS_MAX);
    this.#fill.update(times, fullest.map(({ values }) => values), fullest.map(({ cache }, i) => fillLine(cache, i)));
  }

  restyle(): void {
    for (const lines of [this.#hits, this.#loads, this.#evictions, this.#fill]) lines.restyle();
  }
}

function fillLine(label: string, index: number): LineSpec {
  const dash = DASHES[index % DASHES.length] ?? [];
  return { label, colour: COLOURS[index % COLOURS.length] ?? "memory", ...(dash.length > 0 && { dash }) };
}

function peak(values: Values): number {
  return Math.max(0, ...values.map((value) => value ?? 0));
}
