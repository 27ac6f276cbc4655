/** What the usage section shows while it has no figures: the first scan, no logs found, a failure. */

import { part } from "./markup.ts";
import { describe, ProblemError } from "../../../app/api.ts";
import { el, setText } from "../../../parts/dom.ts";
import { bytes, count, percent, sentence } from "../../../parts/format.ts";
import type { Problem } from "../../../app/wire.ts";

const box = part("usage-state");
const body = part("usage-body");
const banner = part("usage-banner");
const detailed = [part("breakdown"), part("activity")];

/** Shows the figures; there are some. */
export function showFigures(): void {
  box.hidden = true;
  banner.hidden = true;
  body.hidden = false;
  for (const section of detailed) section.hidden = false;
  body.classList.remove("loading");
  body.setAttribute("aria-busy", "false");
}

/** Dims the figures while those of another range are fetched. */
export function showBusy(): void {
  body.setAttribute("aria-busy", "true");
}

/** Shows why there are no figures; with figures on the screen, says above them that they are not refreshed. */
export function showFailure(error: unknown, haveFigures: boolean): void {
  const problem = error instanceof ProblemError ? error.problem : undefined;
  if (problem?.progress) showScan(problem.progress);
  else if (problem?.looked_in) showNoLogs(problem, problem.looked_in);
  else if (haveFigures) showBanner(error);
  else showError(error);
}

function showBanner(error: unknown): void {
  const { title, detail } = describe(error);
  const text = `${title}. ${detail} These figures are the last ones heard.`;
  setText(banner, text);
  banner.hidden = false;
  body.setAttribute("aria-busy", "false");
}

function replaceFigures(kind: string, ...content: HTMLElement[]): void {
  box.dataset["kind"] = kind;
  box.replaceChildren(...content);
  box.hidden = false;
  body.hidden = true;
  for (const section of detailed) section.hidden = true;
  banner.hidden = true;
}

function showError(error: unknown): void {
  const { title, detail } = describe(error);
  replaceFigures("error", el("h3", {}, title), el("p", {}, detail));
}

function showNoLogs(problem: Problem, lookedIn: readonly string[]): void {
  const paths = el("ul", { class: "paths" }, ...lookedIn.map((path) => el("li", {}, el("code", {}, path))));
  replaceFigures(
    "empty",
    el("h3", {}, "No session logs found"),
    el("p", {}, "Looked in:"),
    ...(lookedIn.length > 0 ? [paths] : []),
    ...(problem.hint ? [el("p", { class: "hint" }, ...withCode(sentence(problem.hint)))] : []),
    el("p", { class: "muted" }, "The figures appear here as soon as there are logs."),
  );
}

/** Text with the parts between back-ticks as code. */
function withCode(text: string): (Node | string)[] {
  return text.split("`").map((part, i) => (i % 2 === 1 ? el("code", {}, part) : part));
}

function showScan(progress: NonNullable<Problem["progress"]>): void {
  const { files_done, files_total, bytes_done, bytes_total } = progress;
  const ratio = bytes_total > 0 ? bytes_done / bytes_total : files_total > 0 ? files_done / files_total : 0;
  if (box.hidden || box.dataset["kind"] !== "scan") {
    const bar = el("progress", { max: 1, "aria-label": "First scan" });
    replaceFigures("scan", el("h3", {}, "Reading the session logs"), bar, el("p", { class: "muted", "aria-live": "off" }));
  }
  const [, bar, text] = [...box.children] as [HTMLElement, HTMLProgressElement, HTMLElement];
  bar.value = ratio;
  setText(text, `${percent(ratio)} · ${count(files_done)} of ${count(files_total)} files · ${bytes(bytes_done)} of ${bytes(bytes_total)}`);
}
