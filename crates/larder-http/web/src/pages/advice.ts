/** Recommendations: what to change, the figures that say so, and what it is predicted to do. */

import { describe, get } from "../app/api.ts";
import { hub } from "../app/hub.ts";
import type { Page } from "../app/page.ts";
import { Poller } from "../app/poller.ts";
import { address } from "../app/router.ts";
import type { Advice, Curve, Peer, Recommendation } from "../app/wire.ts";
import { curvePicture } from "../charts/curve.ts";
import { el, setText } from "../parts/dom.ts";
import { bytes, compact, count, duration, figure, percent, plural, seconds } from "../parts/format.ts";
import { empty, panel } from "../parts/panel.ts";

const POLL_MS = 15_000;
export const LEVELS: Record<Recommendation["level"], string> = { critical: "■ Critical", warning: "▲ Warning", info: "● Worth knowing" };
const CURVES_MAX = 24;

export class AdvicePage implements Page {
  readonly title = "Advice";
  readonly element: HTMLElement;
  readonly #note = el("p", { class: "muted", role: "status" });
  readonly #list = el("div", { class: "stack advice" });
  readonly #curves = el("div", { class: "grid three" });
  readonly #peers = el("div", { class: "stack" });
  readonly #poller = new Poller({ every: () => POLL_MS, ask: (signal) => this.#ask(signal), failed: (error) => this.#failed(error) });
  #shown = "";

  constructor() {
    const curves = panel("Hit ratio at other capacities", { curl: () => ({ path: "v1/recommendations" }), note: "simulated from a sample of the live keys" }, this.#curves);
    this.element = el("div", { class: "stack" }, el("div", { class: "heading" }, el("h1", {}, "Advice"), this.#note), this.#list, this.#peers, curves.element);
  }

  close(): void {
    this.#poller.stop();
  }

  refresh(): void {
    this.#poller.start();
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const advice = await get<Advice>("v1/recommendations", signal);
    const { recommendations, curves, peers } = advice;
    const text = JSON.stringify([recommendations, curves, peers]);
    // Unchanged advice is left alone, with the reader's focus in it.
    if (text === this.#shown) return;
    this.#shown = text;
    setText(this.#note, recommendations.length === 0 ? "" : `${count(recommendations.length)} found`);
    this.#list.replaceChildren(...(recommendations.length > 0 ? recommendations.map((one) => card(one, curves.find((curve) => isOf(curve, one)))) : [nothing()]));
    this.#peers.replaceChildren(...silent(peers));
    const drawn = curves.filter((curve) => curve.points.length > 1).slice(0, CURVES_MAX);
    this.#curves.replaceChildren(...(drawn.length > 0 ? drawn.map(curveCard) : [empty("No curve yet", "Each cache is simulated at a half, twice and four times its size once enough of its keys were sampled.")]));
  }

  #failed(error: unknown): void {
    const { title, detail } = describe(error);
    setText(this.#note, `${title}. ${detail}`);
  }
}

function nothing(): HTMLElement {
  return el("div", { class: "panel" }, empty("Nothing to change", "The rules found no cache whose figures call for it. They look again with each minute of traffic."));
}

/** Instances that told nothing of what they load: of those, advice on a shared store knows nothing. */
function silent(peers: readonly Peer[]): HTMLElement[] {
  const rows = peers.filter(({ error }) => error !== null).map(({ url, error }) => el("li", {}, el("code", {}, url), `: ${error}`));
  if (rows.length === 0) return [];
  const told = `${plural(rows.length, "instance")} of ${count(peers.length)} told nothing of what they load. Advice on a shared store leaves them out.`;
  return [el("section", { class: "panel" }, el("h3", {}, "Instances that were not compared"), el("p", { class: "muted" }, told), el("ul", {}, ...rows))];
}

/** What is said of a capacity stands beside the curve that says so. */
function isOf(curve: Curve, advice: Recommendation): boolean {
  return advice.rule === "capacity" && curve.cache === advice.cache && curve.points.length > 1;
}

function card(advice: Recommendation, curve: Curve | undefined): HTMLElement {
  const { level, title, text, cache, change } = advice;
  const head = el("header", {}, el("span", { class: `level ${level}` }, LEVELS[level] ?? level), el("h3", {}, title), ...(cache === null ? [] : [el("a", { href: address("cache", cache) }, "the cache")]));
  const parts: HTMLElement[] = [el("p", {}, text)];
  if (change) parts.push(el("p", { class: "change" }, "Change ", el("code", {}, change.setting), ` from ${plain(change.from)} to `, el("b", {}, plain(change.to))));
  const predicted = figures("Predicted", advice.predicted.map(({ name, from, to, unit }) => [name, `${withUnit(from, unit)} → ${withUnit(to, unit)}`]));
  const evidence = figures("Evidence", advice.evidence.map(({ name, value, unit }) => [name, withUnit(value, unit !== null && name.includes(unit) ? null : unit)]));
  const rule = el("p", { class: "muted small" }, `The rule is described in ${advice.docs}`);
  const said = el("div", { class: "said" }, ...parts, ...[predicted, evidence].filter((list) => list !== undefined), rule);
  return el("article", { class: `panel recommendation ${level}` }, head, el("div", { class: "body" }, said, ...(curve ? [curvePicture(curve)] : [])));
}

function figures(title: string, rows: readonly (readonly [string, string])[]): HTMLElement | undefined {
  if (rows.length === 0) return undefined;
  return el("div", {}, el("h4", {}, title), el("dl", { class: "counters" }, ...rows.map(([name, value]) => el("div", {}, el("dt", { title: name.replaceAll("_", " ") }, name.replaceAll("_", " ")), el("dd", {}, value)))));
}

function curveCard(curve: Curve): HTMLElement {
  const now = curve.points.find((point) => point.scale === 1);
  const weighed = hub.tick?.caches.find((cache) => cache.name === curve.cache)?.weighed ?? false;
  const capacity = weighed ? bytes(curve.capacity) : `${compact(curve.capacity)} entries`;
  const said = `${now ? `${percent(now.hit_rate)} at ` : ""}${capacity} · ${plural(curve.samples, "get")} simulated`;
  return el("article", { class: "curve" }, el("h4", {}, el("a", { href: address("cache", curve.cache) }, curve.cache)), el("p", { class: "muted small" }, said), curvePicture(curve));
}

function plain(value: unknown): string {
  return value === null || value === undefined ? "nothing" : typeof value === "string" ? value : JSON.stringify(value);
}

/** A figure as its unit wants it; a unit that is not known stands behind it. */
export function withUnit(value: number | string | null, unit: string | null): string {
  if (value === null) return "–";
  if (typeof value === "string") return unit ? `${value} ${unit}` : value;
  switch (unit) {
    case "ratio":
      return percent(value);
    case "%":
    case "percent":
      return percent(value / 100);
    case "ms":
      return seconds(value / 1000);
    case "us":
    case "µs":
      return seconds(value / 1e6);
    case "ns":
      return seconds(value / 1e9);
    case "s":
    case "seconds":
      return value < 1 ? seconds(value) : duration(value * 1000);
    case "bytes":
    case "B":
      return bytes(value);
    case "1/s":
    case "/s":
    case "per_second":
      return `${figure(value)}/s`;
    case null:
    case "":
      return figure(value);
    default:
      return `${figure(value)} ${unit.replaceAll("_", " ")}`;
  }
}
