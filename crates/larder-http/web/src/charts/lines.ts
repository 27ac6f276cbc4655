/** Figures over the chosen window: lines that differ in dashes too, a legend that hides them, and what they are now. */

import uPlot from "uplot";
import { el, fill, setText, svg } from "../parts/dom.ts";
import { clockTime, timeOfDay } from "../parts/format.ts";
import { newest, type Values } from "../app/series.ts";
import { colour, Plot } from "./plot.ts";

export interface LineSpec {
  label: string;
  /** A custom property of the style sheet. */
  colour: string;
  /** For those who do not tell the colours apart; a solid line without it. */
  dash?: readonly number[];
  fill?: boolean;
}

export interface LinesSpec {
  /** Read out for the chart as a whole. */
  label: string;
  empty: string;
  format: (value: number) => string;
  lines: readonly LineSpec[];
  yMax?: number;
  height?: number;
}

export class Lines {
  readonly element: HTMLElement;
  readonly #spec: LinesSpec;
  readonly #legend: HTMLElement;
  readonly #plot: Plot;
  #lines: readonly LineSpec[];
  readonly #hidden = new Set<string>();
  #times: readonly number[] = [];
  #values: readonly Values[] = [];
  #range: [number, number] = [0, 1];

  constructor(spec: LinesSpec) {
    this.#spec = spec;
    this.#lines = spec.lines;
    this.#legend = el("div", { class: "legend", role: "group", "aria-label": `Lines of: ${spec.label}` });
    const box = el("div", { class: "chart" });
    this.element = el("div", { class: "lines" }, this.#legend, box);
    this.#plot = new Plot(box, {
      label: `${spec.label}. Arrow keys go through the points.`,
      empty: spec.empty,
      series: () => this.#lines.map((line) => series(line, !this.#hidden.has(line.label))),
      x: { values: (_, splits) => splits.map((s) => clockTime(s * 1000, this.#range[1] - this.#range[0])), space: 62, range: () => this.#range },
      yValues: spec.format,
      ...(spec.yMax !== undefined && { yMax: spec.yMax }),
      ...(spec.height !== undefined && { height: spec.height }),
      tooltip: (index) => this.#tooltip(index),
    });
  }

  /** The points in order, with a row of values for each line; other lines than before may come along. */
  update(times: readonly number[], values: readonly Values[], lines: readonly LineSpec[] = this.#lines): void {
    const changed = lines.length !== this.#lines.length || lines.some((line, i) => line.label !== this.#lines[i]?.label);
    this.#lines = lines;
    this.#times = times;
    this.#values = values;
    this.#range = [times[0] ?? 0, times.at(-1) ?? 1];
    this.#draw(changed);
    fill(this.#legend, lines, () => this.#entry(), (node, line, i) => this.#showEntry(node, line, values[i] ?? []));
    this.#legend.hidden = lines.length === 0;
  }

  restyle(): void {
    this.#plot.restyle();
  }

  #draw(anew = false): void {
    const known = this.#values.some((row) => row.some((value) => value !== null));
    const rows = this.#values.map((row, i) => (this.#hidden.has(this.#lines[i]?.label ?? "") ? row.map(() => null) : [...row]));
    this.#plot.setData(known ? [[...this.#times], ...rows] : [[]], anew);
  }

  #tooltip(index: number): { title: string; lines: { label: string; value: string; colour: string }[] } {
    const lines = this.#lines.flatMap((line, i) => {
      const value = this.#values[i]?.[index] ?? null;
      const text = value === null ? "–" : this.#spec.format(value);
      return this.#hidden.has(line.label) ? [] : [{ label: line.label, value: text, colour: `var(--${line.colour})` }];
    });
    return { title: timeOfDay((this.#times[index] ?? 0) * 1000), lines };
  }

  #entry(): HTMLButtonElement {
    const line = svg("line", { x1: 0, y1: 4, x2: 18, y2: 4 });
    const mark = el("span", { class: "swatch" });
    mark.append(svg("svg", { viewBox: "0 0 18 8", "aria-hidden": "true" }, line));
    const button = el("button", { type: "button" }, mark, el("span"), el("b"));
    button.addEventListener("click", () => {
      const label = button.dataset["label"] ?? "";
      if (!this.#hidden.delete(label)) this.#hidden.add(label);
      button.setAttribute("aria-pressed", String(!this.#hidden.has(label)));
      this.#draw();
    });
    return button;
  }

  #showEntry(node: HTMLButtonElement, line: LineSpec, values: Values): void {
    node.dataset["label"] = line.label;
    node.setAttribute("aria-pressed", String(!this.#hidden.has(line.label)));
    const [mark, name, value] = [...node.children] as [HTMLElement, HTMLElement, HTMLElement];
    const stroke = mark.querySelector("line");
    stroke?.setAttribute("stroke", `var(--${line.colour})`);
    stroke?.setAttribute("stroke-dasharray", line.dash?.join(" ") ?? "none");
    setText(name, line.label);
    const now = newest(values);
    setText(value, now === null ? "–" : this.#spec.format(now));
  }
}

function series(line: LineSpec, show: boolean): uPlot.Series {
  const stroke = colour(line.colour);
  return {
    stroke,
    width: 1.75,
    show,
    points: { show: (plot, at) => isLone(plot.data[at], plot.data[0].length), size: 5, fill: stroke },
    spanGaps: false,
    ...(line.dash && { dash: [...line.dash] }),
    ...(line.fill && { fill: faint(stroke) }),
  };
}

/** With few points there is no line to see. */
function isLone(row: ArrayLike<number | null | undefined> | undefined, length: number): boolean {
  let known = 0;
  for (let i = 0; i < length; i += 1) if (row?.[i] != null) known += 1;
  return known > 0 && known <= 2;
}

/** A resolved `rgb(…)` at a tenth of its strength. */
function faint(rgb: string): string {
  return rgb.replace(/^rgba?\(([^,)]+),([^,)]+),([^,)]+).*$/, "rgba($1,$2,$3,0.12)");
}
