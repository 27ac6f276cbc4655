/** A tile: one figure with its unit, how it went, and how it stands against before. */

import { Spark } from "../charts/spark.ts";
import { el, setText, setTitle } from "./dom.ts";

export interface Reading {
  value: string;
  /** Under the figure. */
  detail?: string;
  hint?: string;
  spark?: readonly (number | null)[];
  /** Whether something is wrong, in words; the tile is marked. */
  alarm?: string | undefined;
  /** Against the same hour before, such as `▲ 4 % than yesterday`. */
  mark?: { text: string; verdict: "better" | "worse" | "same" } | undefined;
}

export class Tile {
  readonly element: HTMLElement;
  readonly #value = el("p", { class: "figure" }, "–");
  readonly #detail = el("p", { class: "muted detail" });
  readonly #mark = el("p", { class: "mark-line" });
  readonly #alarm = el("p", { class: "alarm", hidden: true });
  readonly #spark: Spark;

  constructor(label: string, options: { class?: string; colour?: string; from0?: boolean } = {}) {
    this.#spark = new Spark(options.colour ?? "memory", options.from0 ?? true);
    this.element = el(
      "article",
      { class: `panel tile ${options.class ?? ""}`.trim(), "aria-label": label },
      el("h3", { class: "label" }, label),
      this.#value,
      this.#detail,
      this.#mark,
      this.#alarm,
      this.#spark.element,
    );
  }

  show(reading: Reading): void {
    setText(this.#value, reading.value);
    setText(this.#detail, reading.detail ?? "");
    setTitle(this.element, reading.hint);
    this.#alarm.hidden = reading.alarm === undefined;
    setText(this.#alarm, reading.alarm ? `⚠ ${reading.alarm}` : "");
    this.#mark.hidden = reading.mark === undefined;
    setText(this.#mark, reading.mark?.text ?? "");
    this.#mark.dataset["verdict"] = reading.mark?.verdict ?? "same";
    if (reading.spark) this.#spark.show(reading.spark);
  }
}
