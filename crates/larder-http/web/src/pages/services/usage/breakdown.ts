/** The tables of the page: models, projects, sessions and days behind tabs, and the recent calls. */

import { part } from "./markup.ts";
import { el } from "../../../parts/dom.ts";
import { compact, count, dayFull, dayStart, moment, percent, usd, usdFine } from "../../../parts/format.ts";
import { projectNames, sessionName } from "./names.ts";
import { type Cell, type Column, Table } from "../../../parts/table.ts";
import { TOKEN_KINDS, tokenTotal } from "./tokens.ts";
import type { Call, DayRow, ModelRow, ProjectRow, SessionRow, Stats, Tokens } from "./wire.ts";

const NONE = "–";
let names = new Map<string, string>();
let totalCost = 0;

function project(dir: string): Cell {
  return { text: names.get(dir) ?? dir, title: dir };
}

function tokens(n: number): Cell {
  return { text: compact(n), title: count(n) };
}

/** The columns that models, projects, sessions and days have in common. */
function figures<Row extends Tokens>(): Column<Row>[] {
  return [
    { label: "Cost", cell: (row) => usd(row.cost_usd), by: (row) => row.cost_usd },
    { label: "Share", cell: (row) => (totalCost > 0 ? percent(row.cost_usd / totalCost) : NONE) },
    { label: "Messages", cell: (row) => count(row.messages), by: (row) => row.messages },
    { label: "Total tokens", cell: (row) => tokens(row.total_tokens), by: (row) => row.total_tokens },
    ...TOKEN_KINDS.map((kind): Column<Row> => ({
      label: kind.label,
      cell: (row) => tokens(row[kind.field]),
      by: (row) => row[kind.field],
    })),
  ];
}

interface Tab {
  label: string;
  element: HTMLElement;
  update: (stats: Stats) => void;
}

/** A tab's table: the row's name, the common figures, then what else there is to say of a row. */
function tab<Row extends Tokens>(label: string, rows: (stats: Stats) => Row[], name: Column<Row>, sort: number, ...rest: Column<Row>[]): Tab {
  const columns = [name, ...figures<Row>(), ...rest];
  const table = new Table<Row>({ caption: `${label} in the chosen range`, columns, sort, empty: "Nothing in this range." });
  return { label, element: table.element, update: (stats) => table.update(rows(stats)) };
}

const BY_NAME = 0;
const BY_COST = 1;

const MODEL: Column<ModelRow> = {
  label: "Model",
  text: true,
  by: (row) => row.model,
  cell: (row) => ({ text: row.model, mark: row.priced ? undefined : "unpriced" }),
};

const DAY: Column<DayRow> = {
  label: "Day",
  text: true,
  by: (row) => row.date,
  cell: (row) => ({ text: dayText(row.date), title: row.date }),
};

const SESSION: Column<SessionRow> = {
  label: "Session",
  text: true,
  cell: (row) => ({ text: sessionName(row.session), title: row.session }),
};

const LAST_ACTIVITY: Column<SessionRow> = {
  label: "Last activity",
  text: true,
  by: (row) => Date.parse(row.last_activity ?? "") || 0,
  cell: (row) => ({ text: moment(row.last_activity), title: row.last_activity ?? undefined }),
};

function projectColumn<Row extends { project: string }>(): Column<Row> {
  return { label: "Project", text: true, by: (row) => project(row.project).text, cell: (row) => project(row.project) };
}

function makeTabs(): Tab[] {
  return [
    tab("Models", (stats) => stats.models, MODEL, BY_COST),
    tab("Projects", (stats) => stats.projects, projectColumn<ProjectRow>(), BY_COST),
    tab("Sessions", (stats) => stats.sessions, SESSION, BY_COST, projectColumn<SessionRow>(), LAST_ACTIVITY),
    tab("Days", (stats) => stats.days, DAY, BY_NAME),
  ];
}

function dayText(date: string): string {
  const start = dayStart(date);
  return start === null ? date : dayFull(start);
}

const CALLS: readonly Column<Call>[] = [
  { label: "Time", text: true, cell: (call) => ({ text: moment(call.timestamp), title: call.timestamp ?? undefined }) },
  { label: "Model", text: true, cell: (call) => ({ text: call.model, mark: call.priced ? undefined : "unpriced" }) },
  { label: "Project", text: true, cell: (call) => project(call.project) },
  { label: "Session", text: true, cell: (call) => ({ text: sessionName(call.session), title: call.session }) },
  { label: "Cost", cell: (call) => (call.priced ? usdFine(call.cost_usd) : NONE) },
  { label: "Total tokens", cell: (call) => tokens(tokenTotal(call)) },
  ...TOKEN_KINDS.map((kind): Column<Call> => ({ label: kind.label, cell: (call) => tokens(call[kind.field]) })),
];

const CALLS_SHOWN = 12;

/** All tables of the page. */
export class Breakdown {
  readonly #tabs = makeTabs();
  readonly #calls = new Table<Call>({ caption: "The last 50 calls, newest first", columns: CALLS, empty: "No calls yet." }, CALLS_SHOWN);
  #stats: Stats | undefined;
  #chosen = 0;

  constructor() {
    const list = part("tabs");
    const buttons = this.#tabs.map(({ label, element }, index) => {
      const id = `tab-${label.toLowerCase()}`;
      element.id = `${id}-panel`;
      element.setAttribute("role", "tabpanel");
      element.setAttribute("aria-labelledby", id);
      const button = el("button", { type: "button", role: "tab", id, "aria-controls": element.id }, label);
      button.addEventListener("click", () => this.#choose(index, buttons));
      return button;
    });
    list.append(...buttons);
    list.addEventListener("keydown", (event) => this.#arrow(event, buttons));
    part("tab-panels").append(...this.#tabs.map((each) => each.element));
    part("activity-table").append(this.#calls.element);
    this.#choose(0, buttons);
  }

  update(stats: Stats): void {
    this.#stats = stats;
    names = projectNames([...stats.projects, ...stats.sessions, ...stats.activity].map((row) => row.project));
    totalCost = stats.totals.cost_usd;
    this.#tabs[this.#chosen]?.update(stats);
    this.#calls.update(stats.activity);
  }

  #choose(index: number, buttons: readonly HTMLButtonElement[]): void {
    this.#chosen = index;
    buttons.forEach((button, i) => {
      button.setAttribute("aria-selected", String(i === index));
      button.tabIndex = i === index ? 0 : -1;
    });
    this.#tabs.forEach(({ element }, i) => (element.hidden = i !== index));
    if (this.#stats) this.#tabs[index]?.update(this.#stats);
  }

  #arrow(event: KeyboardEvent, buttons: readonly HTMLButtonElement[]): void {
    const last = buttons.length - 1;
    const next = { ArrowLeft: this.#chosen - 1, ArrowRight: this.#chosen + 1, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const index = (next + buttons.length) % buttons.length;
    this.#choose(index, buttons);
    buttons[index]?.focus();
  }
}
