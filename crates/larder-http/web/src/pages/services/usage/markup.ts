/** The usage page's elements, made once; its parts find their places here. */

import { panel } from "../../../parts/panel.ts";
import { el } from "../../../parts/dom.ts";
import { TIME_RANGES } from "./wire.ts";

const NAMES = { today: "Today", week: "Week", month: "Month", all: "All" };

export const root = build();

/** The element of this page with this id. */
export function part<T extends HTMLElement = HTMLElement>(id: string): T {
  const node = root.querySelector<T>(`#${id}`);
  if (!node) throw new Error(`no element #${id}`);
  return node;
}

function build(): HTMLElement {
  const ranges = TIME_RANGES.map((range) => el("label", {}, el("input", { type: "radio", name: "range", value: range }), el("span", {}, NAMES[range])));
  const box = (id: string): HTMLElement => el("div", { class: "chart", id });
  const note = (id: string): HTMLElement => el("p", { class: "muted note", id });
  const legend = el("div", { class: "legend", id: "tokens-legend", role: "group", "aria-label": "Kinds of tokens shown" });
  const totals = el(
    "div",
    { class: "panel totals", id: "totals" },
    el("div", { class: "headline" }, el("p", { class: "label" }, "Cost ", el("span", { class: "tag", id: "basis", hidden: true })), el("p", { class: "figure", id: "total-cost" }, "–")),
    el("dl", { class: "usage-facts", id: "facts" }),
    el("div", { class: "mix", id: "mix" }),
    el("p", { class: "note", id: "archived", hidden: true }),
  );
  const body = el(
    "div",
    { id: "usage-body", class: "stack loading", "aria-busy": "true" },
    totals,
    el(
      "div",
      { class: "grid wide-narrow" },
      panel("Cost per day", { tools: [note("cost-note")] }, box("chart-cost")).element,
      panel("Cost added, live", { tools: [note("live-note")], curl: () => ({ path: "api/metrics/history?range=1h" }) }, box("chart-live")).element,
      panel("Tokens per day", { tools: [legend] }, box("chart-tokens")).element,
      panel("Models", { note: "share of messages" }, el("div", { id: "model-bars" })).element,
    ),
    panel("Cost by project", { tools: [note("projects-note")] }, el("div", { id: "project-bars" })).element,
  );
  const tabs = el("div", { class: "segmented", id: "tabs", role: "tablist", "aria-label": "Breakdown" });
  const breakdown = panel("Breakdown", { tools: [tabs], class: "flush" }, el("div", { id: "tab-panels" })).element;
  breakdown.id = "breakdown";
  const activity = panel("Recent activity", { note: "the last 50 calls", class: "flush" }, el("div", { id: "activity-table" })).element;
  activity.id = "activity";
  breakdown.hidden = activity.hidden = true;
  return el(
    "div",
    { class: "stack usage" },
    el(
      "div",
      { class: "heading" },
      el("h1", {}, "Claude usage"),
      el("p", { class: "muted", id: "window" }),
      el("p", { class: "muted", id: "scan" }),
      el("fieldset", { class: "segmented", id: "range" }, el("legend", { class: "unseen" }, "Time range"), ...ranges),
    ),
    el("div", { id: "usage-banner", class: "banner", role: "alert", hidden: true }),
    el("div", { id: "usage-state", class: "panel state", "aria-live": "polite", hidden: true }),
    body,
    breakdown,
    activity,
  );
}
