/** How many answers took how long, over time: a stronger colour is more. Drawn on a canvas, a cell for each minute and bucket. */

import { el, setText } from "../parts/dom.ts";
import { clockTime, count, micros, plural, timeOfDay } from "../parts/format.ts";
import { colour } from "./plot.ts";

export interface HeatData {
  /** Upper bounds of the buckets, in microseconds; the last bucket has none. */
  bounds_us: readonly number[];
  /** Where the columns begin, in seconds since 1970. */
  at: readonly number[];
  step_seconds: number;
  /** A row of counts for each column. */
  counts: readonly (readonly number[])[];
}

const LABELS = 5;

export class Heat {
  readonly element: HTMLElement;
  readonly #canvas = el("canvas", { tabindex: 0, role: "img" });
  readonly #rows = el("div", { class: "heat-rows", "aria-hidden": "true" });
  readonly #columns = el("div", { class: "heat-columns", "aria-hidden": "true" });
  readonly #tip = el("p", { class: "heat-tip muted", "aria-live": "polite" });
  readonly #empty: HTMLElement;
  readonly #frame: HTMLElement;
  readonly #label: string;
  #data: HeatData | undefined;
  #first = 0;
  #last = 0;
  #cursor = -1;

  constructor(label: string, empty: string) {
    this.#label = label;
    this.#empty = el("p", { class: "chart-empty" }, empty);
    this.#frame = el("div", { class: "heat" }, this.#rows, this.#canvas, this.#columns);
    this.element = el("div", {}, this.#frame, this.#tip, this.#empty);
    this.#canvas.addEventListener("pointermove", (event) => {
      const box = this.#canvas.getBoundingClientRect();
      this.#point(Math.floor(((event.clientX - box.left) / box.width) * this.#canvas.width), 1 - (event.clientY - box.top) / box.height);
    });
    this.#canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step === undefined || !this.#data) return;
      event.preventDefault();
      const from = this.#cursor < 0 ? this.#data.at.length - 1 - step : this.#cursor;
      this.#point(Math.min(Math.max(from + step, 0), this.#data.at.length - 1));
    });
  }

  update(data: HeatData): void {
    this.#data = data;
    const used = data.bounds_us.map((_, bucket) => bucket).concat(data.bounds_us.length).filter((bucket) => data.counts.some((row) => (row[bucket] ?? 0) > 0));
    const some = used.length > 0;
    this.#frame.hidden = !some;
    this.#tip.hidden = !some;
    this.#empty.hidden = some;
    if (!some) return;
    this.#first = Math.max(0, (used[0] ?? 0) - 1);
    this.#last = Math.min(data.bounds_us.length, (used.at(-1) ?? 0) + 1);
    this.#canvas.setAttribute("aria-label", `${this.#label}: ${data.at.length} columns, from ${this.#bound(this.#first)} to ${this.#bound(this.#last)}. Arrow keys go through the columns.`);
    this.#draw();
    this.#axes();
    if (this.#cursor < 0) setText(this.#tip, "Point at a cell to read it: the stronger its colour, the more answers.");
  }

  restyle(): void {
    if (this.#data) this.#draw();
  }

  #draw(): void {
    const data = this.#data;
    if (!data) return;
    const rows = this.#last - this.#first + 1;
    this.#canvas.width = Math.max(1, data.at.length);
    this.#canvas.height = rows;
    const context = this.#canvas.getContext("2d");
    if (!context) return;
    const [r = 0, g = 0, b = 0] = (colour("memory").match(/[\d.]+/g) ?? []).map(Number);
    const most = Math.max(1, ...data.counts.map((row) => Math.max(0, ...row)));
    const image = context.createImageData(this.#canvas.width, rows);
    data.counts.forEach((row, x) => {
      for (let bucket = this.#first; bucket <= this.#last; bucket += 1) {
        const n = row[bucket] ?? 0;
        if (n === 0) continue;
        const at = ((rows - 1 - (bucket - this.#first)) * this.#canvas.width + x) * 4;
        image.data.set([r, g, b, 50 + 205 * (Math.log1p(n) / Math.log1p(most))], at);
      }
    });
    context.putImageData(image, 0, 0);
  }

  #axes(): void {
    const data = this.#data;
    if (!data) return;
    const rows = this.#last - this.#first + 1;
    const every = Math.max(1, Math.ceil(rows / LABELS));
    const bounds = Array.from({ length: rows }, (_, i) => this.#last - i).filter((_, i) => i % every === 0);
    this.#rows.replaceChildren(...bounds.map((bucket) => place(el("span", {}, this.#bound(bucket)), "top", (this.#last - bucket) / rows)));
    const from = data.at[0] ?? 0;
    const span = data.at.length * data.step_seconds;
    const marks = [0, 0.25, 0.5, 0.75];
    this.#columns.replaceChildren(...marks.map((part) => place(el("span", {}, clockTime((from + part * span) * 1000, span)), "left", part)));
  }

  #bound(bucket: number): string {
    const bounds = this.#data?.bounds_us ?? [];
    const top = bounds[bucket];
    return top === undefined ? `over ${micros(bounds.at(-1) ?? 0)}` : `≤ ${micros(top)}`;
  }

  #point(column: number, height?: number): void {
    const data = this.#data;
    const row = data?.counts[column];
    if (!data || !row) return;
    this.#cursor = column;
    const when = timeOfDay((data.at[column] ?? 0) * 1000);
    const all = row.reduce((a, b) => a + b, 0);
    const bucket = height === undefined ? undefined : this.#first + Math.min(Math.floor(height * (this.#last - this.#first + 1)), this.#last - this.#first);
    const most = row.indexOf(Math.max(...row));
    const cell = bucket === undefined ? `most ${this.#bound(most)}` : `${count(row[bucket] ?? 0)} ${this.#bound(bucket)}`;
    setText(this.#tip, `${when}: ${plural(all, "answer")} timed; ${all > 0 ? cell : "none"}`);
  }
}

function place(node: HTMLElement, side: "top" | "left", part: number): HTMLElement {
  node.style[side] = `${(part * 100).toFixed(2)}%`;
  return node;
}
