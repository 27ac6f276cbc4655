/** The charts over time: cost per day, tokens per day, cost added in the last hour. */

import { part } from "./markup.ts";
import uPlot from "uplot";
import { el, setText } from "../../../parts/dom.ts";
import { compact, day, dayFull, dayStart, timeOfDay, usd, usdShort } from "../../../parts/format.ts";
import type { CostAt } from "./history.ts";
import { colour, Plot, type TooltipLine } from "../../../charts/plot.ts";
import { TOKEN_KINDS, type TokenKind } from "./tokens.ts";
import type { DayRow, Stats } from "./wire.ts";

const DAY_S = 86_400;
const HOUR_S = 3600;
const DAYS_MAX = 3660;

interface Day {
  at: number;
  row: DayRow | undefined;
}

/** The dated rows in order, with the days between them that had no call; the last ten years at most. */
function consecutiveDays(rows: readonly DayRow[]): Day[] {
  const byStart = new Map<number, DayRow>();
  for (const row of rows) {
    const at = dayStart(row.date);
    if (at !== null) byStart.set(at, row);
  }
  if (byStart.size === 0) return [];
  const starts = [...byStart.keys()];
  const last = starts.reduce((a, b) => Math.max(a, b));
  const first = Math.max(starts.reduce((a, b) => Math.min(a, b)), last - DAYS_MAX * DAY_S);
  const days: Day[] = [];
  for (let at = first; at <= last; at += DAY_S) days.push({ at, row: byStart.get(at) });
  return days;
}

/** Half a day of room on both sides, and never less than a week, so that a lone day is not a wall. */
function dayRange(_: uPlot, first: number, last: number): [number, number] {
  const missing = Math.max(0, 6 * DAY_S - (last - first)) / 2;
  return [first - missing - 0.6 * DAY_S, last + missing + 0.6 * DAY_S];
}

const dayAxis = {
  values: (_: uPlot, splits: number[]) => splits.map(day),
  incrs: [1, 2, 7, 14, 28, 91, 182, 364].map((n) => n * DAY_S),
  space: 64,
  range: dayRange,
  zone: "UTC" as const,
};

const bars = uPlot.paths.bars?.({ size: [0.72, 26], radius: 0.14 });

function barSeries(name: string): uPlot.Series {
  const fill = colour(name);
  return { fill, stroke: fill, width: 0, points: { show: false }, ...(bars && { paths: bars }) };
}

class CostPerDay {
  #days: Day[] = [];
  readonly #note = part("cost-note");
  readonly plot = new Plot(part("chart-cost"), {
    label: "Bar chart of cost per day; the Days table has its figures",
    empty: "Nothing in this range",
    series: () => [barSeries("accent")],
    x: dayAxis,
    yValues: usdShort,
    tooltip: (index) => ({ title: dayTitle(this.#days[index]), lines: [{ label: "Cost", value: usd(this.#days[index]?.row?.cost_usd ?? 0) }] }),
  });

  update(stats: Stats, days: Day[]): void {
    this.#days = days;
    this.plot.setData([days.map((d) => d.at), days.map((d) => d.row?.cost_usd ?? 0)]);
    const undated = stats.days.find((row) => row.date === "undated");
    const dated = days.reduce((sum, d) => sum + (d.row?.cost_usd ?? 0), 0);
    const mean = days.length > 1 ? `${usd(dated / days.length)} a day over ${days.length} days` : "";
    setText(this.#note, [mean, undated && `${usd(undated.cost_usd)} undated`].filter(Boolean).join(" · "));
  }
}

function dayTitle(of: Day | undefined): string {
  return of ? dayFull(of.at) : "";
}

class TokensPerDay {
  #days: Day[] = [];
  readonly #shown = new Set<TokenKind>(TOKEN_KINDS);
  readonly plot = new Plot(part("chart-tokens"), {
    label: "Stacked bar chart of tokens per day by kind; the Days table has its figures",
    empty: "Nothing in this range",
    // The whole stack is drawn first and each lower layer over it.
    series: () => [...TOKEN_KINDS].reverse().map((kind) => barSeries(kind.colour)),
    x: dayAxis,
    yValues: compact,
    tooltip: (index) => ({ title: dayTitle(this.#days[index]), lines: this.#lines(this.#days[index]) }),
  });

  constructor() {
    part("tokens-legend").replaceChildren(...TOKEN_KINDS.map((kind) => this.#toggle(kind)));
  }

  update(days: Day[]): void {
    this.#days = days;
    this.#draw();
  }

  #draw(): void {
    const layers: number[][] = [];
    let below = this.#days.map(() => 0);
    for (const kind of TOKEN_KINDS) {
      below = below.map((sum, i) => sum + (this.#shown.has(kind) ? (this.#days[i]?.row?.[kind.field] ?? 0) : 0));
      layers.unshift(below);
    }
    this.plot.setData([this.#days.map((d) => d.at), ...layers]);
  }

  #lines(of: Day | undefined): TooltipLine[] {
    return TOKEN_KINDS.filter((kind) => this.#shown.has(kind))
      .map((kind) => ({ label: kind.label, value: compact(of?.row?.[kind.field] ?? 0), colour: `var(--${kind.colour})` }))
      .reverse();
  }

  #toggle(kind: TokenKind): HTMLButtonElement {
    const dot = el("i", { class: `dot ${kind.colour}`, "aria-hidden": "true" });
    const button = el("button", { type: "button", "aria-pressed": "true" }, dot, kind.label);
    button.addEventListener("click", () => {
      if (!this.#shown.delete(kind)) this.#shown.add(kind);
      button.setAttribute("aria-pressed", String(this.#shown.has(kind)));
      this.#draw();
    });
    return button;
  }
}

class CostLastHour {
  #times: number[] = [];
  #added: number[] = [];
  #range: [number, number] = [0, HOUR_S];
  readonly #note = part("live-note");
  readonly plot = new Plot(part("chart-live"), {
    label: "Line chart of the cost added since the daemon started, an hour at most",
    empty: "No snapshot in the last hour",
    series: () => [this.#line()],
    x: { values: (_, splits) => splits.map((s) => timeOfDay(s * 1000).slice(0, 5)), space: 64, range: () => this.#range },
    yValues: usdShort,
    tooltip: (index) => ({
      title: timeOfDay((this.#times[index] ?? 0) * 1000),
      lines: [{ label: "Added", value: usd(this.#added[index] ?? 0) }],
    }),
  });

  update(points: readonly CostAt[], to: number): void {
    const first = points[0]?.cost ?? 0;
    this.#times = points.map((point) => point.at / 1000);
    this.#added = points.map((point) => point.cost - first);
    this.#range = [to / 1000 - HOUR_S, to / 1000];
    this.plot.setData([this.#times, this.#added]);
    const since = timeOfDay((this.#times[0] ?? 0) * 1000).slice(0, 5);
    setText(this.#note, this.#added.length > 0 ? `+${usd(this.#added.at(-1) ?? 0)} since ${since}` : "");
  }

  #line(): uPlot.Series {
    const paths = uPlot.paths.stepped?.({ align: 1 });
    return { stroke: colour("live"), fill: colour("live-soft"), width: 1.75, points: { show: false }, ...(paths && { paths }) };
  }
}

/** All charts of the page. */
export class Charts {
  readonly #cost = new CostPerDay();
  readonly #tokens = new TokensPerDay();
  readonly #live = new CostLastHour();

  update(stats: Stats): void {
    const days = consecutiveDays(stats.days);
    this.#cost.update(stats, days);
    this.#tokens.update(days);
  }

  /** The last hour's points, oldest first, and when that hour ends, in milliseconds. */
  updateLive(points: readonly CostAt[], to: number): void {
    this.#live.update(points, to);
  }

  restyle(): void {
    for (const chart of [this.#cost, this.#tokens, this.#live]) chart.plot.restyle();
  }
}
