/** The effective configuration with where each value comes from, and the audit log: who changed what. */

import { describe, get, statusOf } from "../app/api.ts";
import { hub } from "../app/hub.ts";
import type { Page } from "../app/page.ts";
import { Poller } from "../app/poller.ts";
import type { Audit, Settings } from "../app/wire.ts";
import { el } from "../parts/dom.ts";
import { count, moment } from "../parts/format.ts";
import { field, textInput } from "../parts/form.ts";
import { empty, panel } from "../parts/panel.ts";
import { type Column, Table } from "../parts/table.ts";

const POLL_MS = 10_000;

type Setting = Settings["settings"][number];
type Action = Audit["actions"][number];

const SETTINGS: readonly Column<Setting>[] = [
  { label: "Setting", text: true, by: (row) => row.key, cell: (row) => row.key },
  { label: "Value", text: true, cell: (row) => valueText(row.value) },
  { label: "From", text: true, by: (row) => row.source, cell: (row) => ({ text: row.source, tone: isDefault(row) ? undefined : "good" }) },
];

const ACTIONS: readonly Column<Action>[] = [
  { label: "Time", text: true, by: (row) => row.at, cell: (row) => ({ text: moment(row.at, hub.now()), title: row.at }) },
  { label: "Who", text: true, by: (row) => row.actor, cell: (row) => ({ text: row.actor, mark: row.role ?? undefined }) },
  { label: "Action", text: true, by: (row) => row.action, cell: (row) => ({ text: row.action, mark: row.dry_run ? "dry run" : undefined }) },
  { label: "Cache", text: true, by: (row) => row.cache ?? "", cell: (row) => row.cache ?? "–" },
  { label: "Scope", text: true, cell: (row) => ({ text: row.scope ?? "–", title: row.scope ?? undefined }) },
  { label: "Matched", by: (row) => row.matched ?? -1, cell: (row) => (row.matched === null ? "–" : count(row.matched)) },
  { label: "Outcome", text: true, by: (row) => row.outcome, cell: (row) => ({ text: row.outcome, tone: isGood(row.outcome) ? undefined : "bad" }) },
  { label: "Request", text: true, cell: (row) => row.request_id },
];

export class ConfigPage implements Page {
  readonly title = "Configuration";
  readonly element: HTMLElement;
  readonly #filter = textInput({ placeholder: "ttl, remote, disk …" });
  readonly #settings = new Table<Setting>({ caption: "Settings in force", columns: SETTINGS, empty: "No setting matches." }, 500);
  readonly #audit = new Table<Action>({ caption: "Changes asked for by request, newest first", columns: ACTIONS, empty: "Nothing was changed by request yet. Clearing, invalidating and the like are listed here, refused ones too." }, 15);
  readonly #auditPanel = panel("Audit log", { curl: () => ({ path: "v1/audit" }), class: "flush" }, this.#audit.element);
  readonly #settingsPanel = panel("Effective configuration", { curl: () => ({ path: "v1/config" }), tools: [field("Filter", this.#filter)], class: "flush" }, this.#settings.element);
  readonly #refused = el("div", { hidden: true });
  readonly #poller = new Poller({ every: () => POLL_MS, ask: (signal) => this.#ask(signal), failed: () => {} });
  #all: readonly Setting[] = [];

  constructor() {
    this.#filter.type = "search";
    this.#filter.addEventListener("input", () => this.#show());
    this.#auditPanel.body.append(this.#refused);
    this.element = el("div", { class: "stack" }, el("div", { class: "heading" }, el("h1", {}, "Configuration")), this.#auditPanel.element, this.#settingsPanel.element);
  }

  close(): void {
    this.#poller.stop();
  }

  refresh(): void {
    this.#poller.start();
  }

  async #ask(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#askSettings(signal), this.#askAudit(signal)]);
  }

  async #askSettings(signal: AbortSignal): Promise<void> {
    try {
      this.#all = (await get<Settings>("v1/config", signal)).settings;
      this.#show();
    } catch (error) {
      if (!signal.aborted) this.#settingsPanel.note(said(error));
    }
  }

  async #askAudit(signal: AbortSignal): Promise<void> {
    const refusal = hub.refusal("admin");
    this.#refused.hidden = refusal === undefined;
    this.#audit.element.hidden = refusal !== undefined;
    // Who may not read it is told so here, and does not ask in vain.
    if (refusal !== undefined) return this.#refused.replaceChildren(empty("Only an admin reads the audit log", refusal));
    try {
      const { actions, dropped } = await get<Audit>("v1/audit", signal);
      this.#audit.update(actions);
      this.#auditPanel.note(dropped > 0 ? `${count(dropped)} older ones have made room` : "");
    } catch (error) {
      if (!signal.aborted && statusOf(error) !== 401) this.#auditPanel.note(said(error));
    }
  }

  #show(): void {
    const wanted = this.#filter.value.trim().toLowerCase();
    const rows = this.#all.filter(({ key, value, source }) => `${key} ${valueText(value)} ${source}`.toLowerCase().includes(wanted));
    this.#settings.update(rows);
    const set = this.#all.filter((row) => !isDefault(row)).length;
    this.#settingsPanel.note(`${count(rows.length)} of ${count(this.#all.length)} shown, ${count(set)} set; secrets are masked`);
  }
}

/** Some say what the default comes to: `default: the built-in set`. */
function isDefault({ source }: Setting): boolean {
  return source.startsWith("default");
}

function valueText(value: unknown): string {
  if (value === null || value === undefined) return "–";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function isGood(outcome: string): boolean {
  return /^(ok|done|everywhere|here|applied|counted|accepted|success)/i.test(outcome);
}

function said(error: unknown): string {
  const { title, detail } = describe(error);
  return `${title}. ${detail}`;
}
