/** The service `scheduler_stats`: the five schedulers compared, and the simulation started, paused and stopped. */

import { describe, get, send } from "../../app/api.ts";
import { hub } from "../../app/hub.ts";
import type { Page } from "../../app/page.ts";
import { Socket } from "../../app/socket.ts";
import { Lines } from "../../charts/lines.ts";
import { el, setText } from "../../parts/dom.ts";
import { compact, count, duration, figure, perSecond, seconds } from "../../parts/format.ts";
import { RoleButton } from "../../parts/form.ts";
import { notify } from "../../parts/notice.ts";
import { empty, panel } from "../../parts/panel.ts";
import { Rank } from "../../parts/rank.ts";
import { RateRing } from "../../parts/ring.ts";
import { type Column, Table } from "../../parts/table.ts";
import { Service } from "./service.ts";

const POINTS_MAX = 300;

interface Simulation {
  running: boolean;
  paused: boolean;
  tasks_processed: number;
  tasks_in_flight: number;
  started_at: string | null;
  schedulers: string[];
}

interface Figures {
  count: number;
  avg_time: number | null;
  min_time: number | null;
  max_time: number | null;
  total_energy: number;
  total_cost: number;
}

type Row = Figures & { name: string; description: string };

const time = (value: number | null): string => (value === null ? "–" : seconds(value));
const COLUMNS: readonly Column<Row>[] = [
  { label: "Scheduler", text: true, by: (row) => row.name, cell: (row) => ({ text: row.name, title: row.description }) },
  { label: "Tasks", by: (row) => row.count, cell: (row) => compact(row.count) },
  { label: "Mean time", by: (row) => row.avg_time ?? Number.POSITIVE_INFINITY, cell: (row) => time(row.avg_time) },
  { label: "Shortest", by: (row) => row.min_time ?? -1, cell: (row) => time(row.min_time) },
  { label: "Longest", by: (row) => row.max_time ?? -1, cell: (row) => time(row.max_time) },
  { label: "Energy", by: (row) => row.total_energy, cell: (row) => `${compact(row.total_energy)} J` },
  { label: "Energy a task", by: (row) => row.total_energy / Math.max(row.count, 1), cell: (row) => (row.count > 0 ? `${figure(row.total_energy / row.count)} J` : "–") },
  { label: "Cost", by: (row) => row.total_cost, cell: (row) => `$${figure(row.total_cost)}` },
  { label: "What it does", text: true, cell: (row) => row.description },
];

export class SchedulersPage implements Page {
  readonly title = "Schedulers";
  readonly element: HTMLElement;
  readonly #service = new Service("Schedulers", "figures of a simulation, each with a time to live", ["scheduler_stats", "training_data"], (signal) => this.#ask(signal), 3000);
  readonly #state = el("p", { class: "verdict", role: "status" });
  readonly #buttons = {
    start: new RoleButton("Start", "operator", () => void this.#command("start"), "primary"),
    pause: new RoleButton("Pause", "operator", () => void this.#command("pause")),
    resume: new RoleButton("Resume", "operator", () => void this.#command("resume")),
    stop: new RoleButton("Stop", "operator", () => void this.#command("stop"), "danger"),
  };
  readonly #refusal = el("p", { class: "muted small" });
  readonly #rate = new RateRing(POINTS_MAX);
  readonly #tasks = new Lines({ label: "Tasks a second", empty: "The rate shows after a few seconds", format: (value) => perSecond(value), lines: [{ label: "tasks", colour: "memory", fill: true }] });
  readonly #times = new Rank(empty("No result yet", "Start the simulation; results are written in batches."));
  readonly #table = new Table<Row>({ caption: "Schedulers compared", columns: COLUMNS, empty: "No scheduler is there." }, 10);
  readonly #socket = new Socket("ws/scheduler", (text) => this.#hear(text), () => {});
  #names: { name: string; description: string }[] = [];

  constructor() {
    const buttons = Object.values(this.#buttons).map((button) => button.element);
    this.element = el(
      "div",
      { class: "stack" },
      this.#service.heading,
      el(
        "div",
        { class: "grid two" },
        panel("Simulation", { curl: () => ({ path: "api/status" }) }, this.#state, el("div", { class: "buttons" }, ...buttons), this.#refusal, this.#tasks.element).element,
        panel("Mean time of a task", { curl: () => ({ path: "api/schedulers" }), note: "shorter is better; at most 10 s old" }, this.#times.element).element,
      ),
      panel("Compared", { curl: () => ({ path: "api/schedulers/hybrid_ml/stats" }), class: "flush" }, this.#table.element).element,
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

  tick(): void {
    for (const button of Object.values(this.#buttons)) button.guard();
    const refusal = hub.refusal("operator");
    this.#refusal.hidden = refusal === undefined;
    setText(this.#refusal, refusal ?? "");
  }

  restyle(): void {
    this.#tasks.restyle();
  }

  async #ask(signal: AbortSignal): Promise<void> {
    if (this.#names.length === 0) this.#names = await get("api/schedulers", signal);
    const [status, ...figures] = await Promise.all([get<Simulation>("api/status", signal), ...this.#names.map(({ name }) => get<Figures>(`api/schedulers/${encodeURIComponent(name)}/stats`, signal))]);
    this.#show(status);
    this.#rate.count(hub.now() / 1000, status.tasks_processed);
    this.#tasks.update(this.#rate.times, [this.#rate.values]);
    const rows = figures.map((of, i): Row => ({ ...of, ...(this.#names[i] ?? { name: "", description: "" }) }));
    this.#table.update(rows);
    const slowest = Math.max(1e-9, ...rows.map((row) => row.avg_time ?? 0));
    const timed = rows.filter((row) => row.avg_time !== null).sort((a, b) => (a.avg_time ?? 0) - (b.avg_time ?? 0));
    this.#times.show(timed.map((row) => ({ name: row.name, value: time(row.avg_time), length: (row.avg_time ?? 0) / slowest, title: row.description })));
  }

  #show({ running, paused, tasks_processed, tasks_in_flight, started_at }: Simulation): void {
    const state = !running ? "○ Stopped" : paused ? "◐ Paused" : "● Running";
    const since = running && started_at ? ` for ${duration(Math.max(0, hub.now() - Date.parse(started_at)))}` : "";
    setText(this.#state, `${state}${since} · ${count(tasks_processed)} tasks processed, ${count(tasks_in_flight)} under way`);
    this.#buttons.start.want(!running);
    this.#buttons.stop.want(running);
    this.#buttons.pause.want(running && !paused);
    this.#buttons.resume.want(running && paused);
  }

  #hear(text: string): void {
    const { type, payload } = JSON.parse(text) as { type: string; payload: Simulation };
    if (type !== "status") return;
    // An answer that is on its way may be older.
    this.#service.poller.start();
    this.#show(payload);
  }

  async #command(verb: string): Promise<void> {
    this.#service.poller.stop();
    try {
      this.#show(await send<Simulation>("POST", `api/${verb}`));
    } catch (error) {
      const { title, detail } = describe(error);
      notify(`Not done. ${title}: ${detail}`);
    }
    this.#service.poller.start();
  }
}
