/** A sparkline: a line without axes, drawn as one path. Gaps stay gaps. */

import { el, svg } from "../parts/dom.ts";

const WIDTH = 160;
const HEIGHT = 30;
const POINTS_MAX = 360;

/** The path through the values within a box; a lone point becomes a short dash. */
export function sparkPath(values: readonly (number | null)[], from0: boolean, width = WIDTH, height = HEIGHT): { line: string; area: string } {
  const known = values.filter((value): value is number => value !== null && Number.isFinite(value));
  if (known.length === 0) return { line: "", area: "" };
  const low = from0 ? Math.min(0, ...known) : Math.min(...known);
  const high = Math.max(...known);
  const room = high - low || Math.abs(high) || 1;
  const step = width / Math.max(values.length - 1, 1);
  const y = (value: number): string => (height - 2 - ((value - low) / room) * (height - 4)).toFixed(1);
  let line = "";
  let area = "";
  let start: number | undefined;
  const close = (end: number): void => {
    if (start === undefined) return;
    if (end === start) line += `h1.5`;
    area += `L${(end * step).toFixed(1)} ${height}L${(start * step).toFixed(1)} ${height}Z`;
    start = undefined;
  };
  values.forEach((value, i) => {
    if (value === null || !Number.isFinite(value)) return close(i - 1);
    const point = `${(i * step).toFixed(1)} ${y(value)}`;
    line += (start === undefined ? "M" : "L") + point;
    area += (start === undefined ? "M" : "L") + point;
    start ??= i;
  });
  close(values.length - 1);
  return { line, area };
}

export class Spark {
  readonly element: HTMLElement;
  readonly #line = svg("path", { fill: "none", class: "spark-line" });
  readonly #area = svg("path", { class: "spark-area" });
  readonly #from0: boolean;

  constructor(colour: string, from0: boolean) {
    this.#from0 = from0;
    const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, this.#area, this.#line);
    this.element = el("div", { class: `spark c-${colour}` });
    this.element.append(picture);
  }

  show(values: readonly (number | null)[]): void {
    const { line, area } = sparkPath(values.slice(-POINTS_MAX), this.#from0);
    this.#line.setAttribute("d", line);
    this.#area.setAttribute("d", area);
  }
}
