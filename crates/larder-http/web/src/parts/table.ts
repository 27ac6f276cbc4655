/** A table that sorts by its columns, shows its top rows first, and is updated in place. Knows no figures. */

import { el, fill, setText, setTitle } from "./dom.ts";
import { count } from "./format.ts";

export interface Cell {
  text: string;
  title?: string | undefined;
  /** A short mark after the text, such as `unpriced`. */
  mark?: string | undefined;
  /** Where the text leads to, within the page. */
  href?: string | undefined;
  tone?: "good" | "warn" | "bad" | undefined;
}

export interface Column<Row> {
  label: string;
  cell: (row: Row) => Cell | string;
  /** What the column sorts by; a column without it does not sort. Numbers are set to the right. */
  by?: (row: Row) => number | string;
  text?: boolean;
}

export interface TableSpec<Row> {
  caption: string;
  columns: readonly Column<Row>[];
  /** The column sorted by at first, descending; without it rows stay in the order given. */
  sort?: number;
  empty: string;
}

const TOP_ROWS = 10;
const ROWS_MAX = 1000;

export class Table<Row> {
  readonly element: HTMLElement;
  readonly #spec: TableSpec<Row>;
  readonly #top: number;
  readonly #heads: HTMLTableCellElement[];
  readonly #body = el("tbody");
  readonly #more = el("button", { type: "button", class: "quiet more", hidden: true });
  readonly #empty: HTMLElement;
  readonly #scroll: HTMLElement;
  #rows: readonly Row[] = [];
  #sort: number | undefined;
  #descending = true;
  #all = false;

  constructor(spec: TableSpec<Row>, topRows: number = TOP_ROWS) {
    this.#spec = spec;
    this.#top = topRows;
    this.#sort = spec.sort;
    this.#heads = spec.columns.map((column, index) => this.#head(column, index));
    const table = el("table", {}, el("caption", { class: "unseen" }, spec.caption), el("thead", {}, el("tr", {}, ...this.#heads)), this.#body);
    this.#scroll = el("div", { class: "scroll", role: "region", "aria-label": spec.caption, tabindex: 0 }, table);
    this.#empty = el("p", { class: "empty muted", hidden: true }, spec.empty);
    this.#more.addEventListener("click", () => {
      this.#all = !this.#all;
      this.#show();
    });
    this.element = el("div", { class: "table" }, this.#scroll, this.#empty, this.#more);
  }

  update(rows: readonly Row[]): void {
    this.#rows = rows;
    this.#show();
  }

  #show(): void {
    const sorted = this.#sorted();
    const shown = sorted.slice(0, this.#all ? ROWS_MAX : this.#top);
    this.#empty.hidden = sorted.length > 0;
    this.#scroll.hidden = sorted.length === 0;
    this.#more.hidden = sorted.length <= this.#top;
    setText(this.#more, this.#all ? "Show fewer" : `Show ${sorted.length > ROWS_MAX ? `${count(ROWS_MAX)} of ` : "all "}${count(sorted.length)}`);
    const { columns } = this.#spec;
    fill(this.#body, shown, () => this.#row(), (node, row) => {
      columns.forEach((column, i) => showCell(node.children[i] as HTMLElement, column.cell(row)));
    });
  }

  #sorted(): Row[] {
    const by = this.#sort === undefined ? undefined : this.#spec.columns[this.#sort]?.by;
    if (!by) return [...this.#rows];
    const sign = this.#descending ? -1 : 1;
    return [...this.#rows].sort((a, b) => sign * compare(by(a), by(b)));
  }

  #row(): HTMLTableRowElement {
    const cells = this.#spec.columns.map((column, i) =>
      i === 0 ? el("th", { scope: "row", class: alignment(column) }) : el("td", { class: alignment(column) }),
    );
    return el("tr", {}, ...cells);
  }

  #head(column: Column<Row>, index: number): HTMLTableCellElement {
    const head = el("th", { scope: "col", class: alignment(column) });
    if (!column.by) {
      head.append(column.label);
      return head;
    }
    const button = el("button", { type: "button" }, column.label);
    button.addEventListener("click", () => {
      this.#descending = this.#sort === index ? !this.#descending : this.#startsDescending(column);
      this.#sort = index;
      this.#markSort();
      this.#show();
    });
    head.append(button);
    if (this.#sort === index) head.setAttribute("aria-sort", "descending");
    return head;
  }

  /** The first click shows the largest figures, or names from A. */
  #startsDescending(column: Column<Row>): boolean {
    const first = this.#rows[0];
    return first !== undefined && typeof column.by?.(first) === "number";
  }

  #markSort(): void {
    this.#heads.forEach((head, index) => {
      if (index === this.#sort) head.setAttribute("aria-sort", this.#descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }
}

function alignment<Row>(column: Column<Row>): string {
  return column.text ? "text" : "number";
}

function compare(a: number | string, b: number | string): number {
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
}

function showCell(node: HTMLElement, value: Cell | string): void {
  const cell: Cell = typeof value === "string" ? { text: value } : value;
  const text = cell.mark ? `${cell.text} ${cell.mark}` : cell.text;
  setTitle(node, cell.title);
  if (cell.tone) node.dataset["tone"] = cell.tone;
  else delete node.dataset["tone"];
  const link = node.querySelector("a");
  if (node.textContent === text && (link?.getAttribute("href") ?? undefined) === cell.href) return;
  const shown = cell.href === undefined ? cell.text : el("a", { href: cell.href }, cell.text);
  node.replaceChildren(shown, ...(cell.mark ? [" ", el("span", { class: "tag" }, cell.mark)] : []));
}
