/** The service `workstations`: how many are in which state, the list, and notices of changes. */

import { get } from "../../app/api.ts";
import { hub } from "../../app/hub.ts";
import type { Page } from "../../app/page.ts";
import { Socket } from "../../app/socket.ts";
import { el, fill, setText } from "../../parts/dom.ts";
import { age, count, percent } from "../../parts/format.ts";
import { Log } from "../../parts/log.ts";
import { empty, panel } from "../../parts/panel.ts";
import { type Column, Table } from "../../parts/table.ts";
import { Service } from "./service.ts";

interface Workstation {
  id: number;
  name: string;
  ip_address: string;
  status: string;
  total_emulators: number;
  active_emulators: number;
  cpu_usage: number | null;
  memory_usage: number | null;
  disk_usage: number | null;
  last_seen: string | null;
}

const STATES = ["online", "connecting", "offline", "error", "unknown"] as const;
const MARKS: Record<string, string> = { online: "●", connecting: "◐", offline: "○", error: "✕", unknown: "?" };
const share = (value: number | null): string => (value === null ? "–" : percent(value / 100));

const COLUMNS: readonly Column<Workstation>[] = [
  { label: "Name", text: true, by: (row) => row.name, cell: (row) => row.name },
  { label: "State", text: true, by: (row) => row.status, cell: (row) => ({ text: `${MARKS[row.status] ?? "?"} ${row.status}`, tone: row.status === "error" ? "bad" : row.status === "online" ? "good" : undefined }) },
  { label: "Address", text: true, by: (row) => row.ip_address, cell: (row) => row.ip_address },
  { label: "Emulators", by: (row) => row.total_emulators, cell: (row) => `${count(row.active_emulators)} of ${count(row.total_emulators)}` },
  { label: "CPU", by: (row) => row.cpu_usage ?? -1, cell: (row) => share(row.cpu_usage) },
  { label: "Memory", by: (row) => row.memory_usage ?? -1, cell: (row) => share(row.memory_usage) },
  { label: "Disk", by: (row) => row.disk_usage ?? -1, cell: (row) => share(row.disk_usage) },
  { label: "Last seen", text: true, by: (row) => row.last_seen ?? "", cell: (row) => (row.last_seen === null ? "never" : `${age(hub.now() - Date.parse(row.last_seen))} ago`) },
];

export class WorkstationsPage implements Page {
  readonly title = "Workstations";
  readonly element: HTMLElement;
  readonly #service = new Service("Workstations", "a table whose list is cached, and invalidated by each write", ["workstations"], (signal) => this.#ask(signal), 5000);
  readonly #states = el("ul", { class: "states" });
  readonly #list = new Table<Workstation>({ caption: "Workstations", columns: COLUMNS, sort: 4, empty: "No workstation yet. Add one: POST /api/workstations with a name and an ip_address (operator)." }, 25);
  readonly #log = new Log(empty("No notice yet", "Each write is told here when it is committed."));
  readonly #socket = new Socket("ws/workstations", (text) => this.#hear(text), () => {});

  constructor() {
    this.element = el(
      "div",
      { class: "stack" },
      this.#service.heading,
      this.#states,
      panel("All", { curl: () => ({ path: "api/workstations" }), class: "flush" }, this.#list.element).element,
      panel("Notices", { note: "over /ws/workstations" }, this.#log.element).element,
    );
  }

  close(): void {
    this.#service.poller.stop();
    this.#socket.stop();
  }

  refresh(): void {
    this.#service.poller.start();
    this.#socket.start();
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const all = await get<Workstation[]>("api/workstations", signal);
    this.#list.update(all);
    fill(this.#states, STATES, () => el("li", { class: "panel" }, el("span", { class: "label" }), el("span", { class: "figure" })), (node, state) => {
      setText(node.children[0] as HTMLElement, `${MARKS[state]} ${state}`);
      setText(node.children[1] as HTMLElement, count(all.filter(({ status }) => status === state).length));
      node.dataset["state"] = state;
    });
  }

  #hear(text: string): void {
    const notice = JSON.parse(text) as { type?: string; payload?: unknown; data?: unknown; workstation?: unknown };
    const about = notice.payload ?? notice.data ?? notice.workstation;
    const named = typeof about === "object" && about !== null && "name" in about ? String(about.name) : about === undefined ? "" : JSON.stringify(about);
    this.#log.add(hub.now(), (notice.type ?? "notice").replace("workstation_", ""), named.slice(0, 200));
    this.#service.poller.start();
  }
}
