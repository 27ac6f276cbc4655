/** What all charts share: a uPlot that fits its box, follows the theme, and has a tooltip and arrow keys. */

import uPlot from "uplot";
import { el, setText } from "../parts/dom.ts";

const HEIGHT = 200;
const FONT = '11px -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif';

/** A colour of the style sheet, as the canvas needs it: resolved for the theme in force. */
export function colour(name: string): string {
  const probe = el("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}

export interface TooltipLine {
  label: string;
  value: string;
  colour?: string;
}

export interface PlotSpec {
  /** Read out for the chart as a whole. */
  label: string;
  /** Said instead of a chart without points. */
  empty: string;
  series: () => uPlot.Series[];
  x: Pick<uPlot.Axis, "values" | "incrs" | "space"> & { range: uPlot.Scale.Range; zone?: "UTC" };
  yValues: (value: number) => string;
  /** The top of the axis where it is known; else what the values need. */
  yMax?: number;
  height?: number;
  tooltip: (index: number) => { title: string; lines: TooltipLine[] };
}

/** One chart in one box. */
export class Plot {
  readonly #box: HTMLElement;
  readonly #spec: PlotSpec;
  readonly #empty: HTMLElement;
  #plot: uPlot | undefined;
  #data: uPlot.AlignedData = [[]];

  constructor(box: HTMLElement, spec: PlotSpec) {
    this.#box = box;
    this.#spec = spec;
    this.#empty = el("p", { class: "chart-empty" }, spec.empty);
    box.style.height = `${this.#height}px`;
    box.tabIndex = 0;
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", spec.label);
    box.addEventListener("keydown", (event) => this.#step(event));
    box.addEventListener("blur", () => this.#plot?.setCursor({ left: -10, top: -10 }));
    new ResizeObserver(() => this.#fit()).observe(box);
  }

  get #height(): number {
    return this.#spec.height ?? HEIGHT;
  }

  /** Rows of values for the series that there are; `anew` if those are others than before. */
  setData(data: uPlot.AlignedData, anew = false): void {
    this.#data = data;
    // A plot reads a row for each series that it was made with.
    if (anew) this.#destroy();
    const empty = data[0].length === 0;
    if (empty) {
      this.#destroy();
      this.#box.replaceChildren(this.#empty);
      return;
    }
    this.#empty.remove();
    if (this.#plot) this.#plot.setData(data);
    else this.#build();
  }

  /** Draws anew with the colours in force now. */
  restyle(): void {
    this.#destroy();
    if (this.#data[0].length > 0) this.#build();
  }

  #yRange(max: number | null): [number, number] {
    if (this.#spec.yMax !== undefined) return [0, this.#spec.yMax];
    if (max === null || !(max > 0)) return [0, 1];
    const [low, high] = uPlot.rangeNum(0, max, 0.1, true);
    return [low ?? 0, high ?? 1];
  }

  #destroy(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
  }

  #fit(): void {
    const width = this.#box.clientWidth;
    if (width > 0 && this.#plot && this.#plot.width !== width) this.#plot.setSize({ width, height: this.#height });
  }

  #build(): void {
    const { x, yValues } = this.#spec;
    const text = colour("muted");
    const line = colour("grid");
    const axis: uPlot.Axis = { stroke: text, font: FONT, ticks: { show: false }, border: { show: false } };
    const { range, zone, ...xAxis } = x;
    this.#plot = new uPlot(
      {
        width: Math.max(this.#box.clientWidth, 100),
        height: this.#height,
        padding: [12, 12, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
        scales: { x: { time: true, range }, y: { range: (_, __, max) => this.#yRange(max) } },
        ...(zone && { tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC") }),
        axes: [
          { ...axis, ...xAxis, grid: { show: false }, size: 26, gap: 4 },
          { ...axis, grid: { stroke: line, width: 1 }, size: axisWidth, gap: 8, space: 44, values: (_, splits) => splits.map(yValues) },
        ],
        series: [{}, ...this.#spec.series()],
        plugins: [this.#tooltip()],
      },
      this.#data,
      this.#box,
    );
  }

  #step(event: KeyboardEvent): void {
    const plot = this.#plot;
    const last = this.#data[0].length - 1;
    if (!plot || last < 0) return;
    const now = plot.cursor.idx ?? last + 1;
    const target = { ArrowLeft: now - 1, ArrowRight: plot.cursor.idx == null ? last : now + 1, Home: 0, End: last }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    const x = this.#data[0][Math.min(Math.max(target, 0), last)] ?? 0;
    plot.setCursor({ left: plot.valToPos(x, "x"), top: 10 });
  }

  #tooltip(): uPlot.Plugin {
    const title = el("strong");
    const lines = el("dl");
    const tip = el("div", { class: "tip", "aria-live": "polite", hidden: true }, title, lines);
    const show = (plot: uPlot): void => {
      const { idx, left = -1 } = plot.cursor;
      tip.hidden = idx == null || left < 0;
      if (idx == null || left < 0) return;
      const content = this.#spec.tooltip(idx);
      setText(title, content.title);
      lines.replaceChildren(...content.lines.flatMap(tooltipLine));
      place(tip, plot, plot.valToPos(plot.data[0][idx] ?? 0, "x"));
    };
    return { hooks: { init: (plot) => plot.over.append(tip), setCursor: show, setData: show } };
  }
}

function axisWidth(_: uPlot, values: string[] | null): number {
  const longest = Math.max(0, ...(values ?? []).map((value) => value.length));
  return Math.max(36, 16 + longest * 6.5);
}

function tooltipLine({ label, value, colour: dot }: TooltipLine): HTMLElement[] {
  const mark = el("i", { "aria-hidden": "true" });
  if (dot) mark.style.background = dot;
  return [el("dt", {}, ...(dot ? [mark] : []), label), el("dd", {}, value)];
}

function place(tip: HTMLElement, plot: uPlot, x: number): void {
  const width = plot.over.clientWidth;
  const beside = x > width / 2 ? x - tip.offsetWidth - 12 : x + 12;
  tip.style.transform = `translate(${Math.round(Math.min(Math.max(beside, -40), width - tip.offsetWidth + 8))}px, 4px)`;
}
