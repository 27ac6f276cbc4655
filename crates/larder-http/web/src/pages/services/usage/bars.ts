/** Horizontal bars: the models' shares and the projects that cost most. */

import { part } from "./markup.ts";
import { el, fill, setText, setTitle } from "../../../parts/dom.ts";
import { percent, usd } from "../../../parts/format.ts";
import { projectNames } from "./names.ts";
import type { Stats } from "./wire.ts";

interface Bar {
  name: string;
  full: string;
  value: string;
  /** 0 to 1. */
  length: number;
  aside?: string;
}

const PROJECTS_MAX = 10;
const MODELS_MAX = 5;

export function showBars(stats: Stats): void {
  showList(part("model-bars"), modelBars(stats));
  const bars = projectBars(stats);
  showList(part("project-bars"), bars);
  const all = stats.projects.length;
  setText(part("projects-note"), all > bars.length ? `the top ${bars.length} of ${all}` : "");
}

function modelBars({ chart_data, models }: Stats): Bar[] {
  const unpriced = new Set(models.filter((row) => !row.priced).map((row) => row.model));
  const shares = [...chart_data.model_distribution].sort((a, b) => b.percentage - a.percentage);
  const bars = shares.slice(0, MODELS_MAX).map(({ model, percentage }): Bar => ({
    name: model,
    full: model,
    value: percent(percentage / 100),
    length: ratio(percentage, 100),
    ...(unpriced.has(model) && { aside: "unpriced" }),
  }));
  const rest = shares.slice(MODELS_MAX).reduce((sum, share) => sum + share.percentage, 0);
  if (rest > 0) {
    const name = `${shares.length - MODELS_MAX} more`;
    bars.push({ name, full: name, value: percent(rest / 100), length: ratio(rest, 100) });
  }
  return bars;
}

function projectBars({ chart_data, projects }: Stats): Bar[] {
  const names = projectNames([...projects, ...chart_data.cost_by_project].map((row) => row.project));
  const top = [...chart_data.cost_by_project].sort((a, b) => b.cost - a.cost).slice(0, PROJECTS_MAX);
  const longest = top[0]?.cost ?? 0;
  return top.map(({ project, cost }) => ({
    name: names.get(project) ?? project,
    full: project,
    value: usd(cost),
    length: ratio(cost, longest),
  }));
}

function ratio(part: number, whole: number): number {
  return whole > 0 ? Math.min(1, Math.max(0, part / whole)) : 0;
}

function showList(box: HTMLElement, bars: readonly Bar[]): void {
  if (bars.length === 0) {
    box.replaceChildren(el("p", { class: "muted" }, "Nothing in this range"));
    return;
  }
  let list = box.querySelector<HTMLElement>("ol");
  if (!list) {
    list = el("ol", { class: "bars" });
    box.replaceChildren(list);
  }
  fill(list, bars, makeBar, updateBar);
}

function makeBar(): HTMLElement {
  return el("li", {}, el("span", { class: "name" }), el("span", { class: "value" }), el("span", { class: "track", "aria-hidden": "true" }, el("i")));
}

function updateBar(node: HTMLElement, bar: Bar): void {
  const [name, value, track] = [...node.children] as HTMLElement[];
  const length = track?.firstElementChild as HTMLElement | null;
  if (!name || !value || !length) return;
  setText(name, bar.name);
  setTitle(name, bar.full);
  setText(value, bar.aside ? `${bar.aside} · ${bar.value}` : bar.value);
  length.style.width = `${(bar.length * 100).toFixed(2)}%`;
}
