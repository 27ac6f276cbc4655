/** A tile for each cache: its hit rate, traffic, fill, latencies and what it saved, live. */

import { byId, el, fill, setText, setTitle, svg } from "./dom.ts";
import { compact, count, duration, nanos, percent } from "./format.ts";
import type { CacheInfo, Latency } from "./wire.ts";

const TILES_MAX = 60;
const RATES_MAX = 60;
const SECONDS_MIN = 0.5;
const SPARK = { width: 120, height: 28 };

/** Gets per second over the last minute, told from one tick to the next. */
class Rate {
  readonly perSecond: number[] = [];
  #gets = 0;
  #at = Number.NaN;

  add(gets: number, at: number): void {
    const seconds = (at - this.#at) / 1000;
    // Answers that come closer together than this tell no pace.
    if (seconds < SECONDS_MIN) return;
    if (seconds > 0 && gets >= this.#gets) this.perSecond.push((gets - this.#gets) / seconds);
    if (this.perSecond.length > RATES_MAX) this.perSecond.shift();
    this.#gets = gets;
    this.#at = at;
  }
}

interface Counter {
  label: string;
  hint: string;
  value: (stats: CacheInfo["stats"]) => number;
  bad?: boolean;
}

const COUNTERS: readonly Counter[] = [
  { label: "Hits", hint: "gets answered from the cache", value: (s) => s.hits },
  { label: "Misses", hint: "gets that found nothing", value: (s) => s.misses },
  { label: "Coalesced", hint: "gets that waited for another's load instead of loading themselves", value: (s) => s.coalesced },
  { label: "Fenced", hint: "loaded values not stored because an invalidation overtook them", value: (s) => s.fenced },
  { label: "Loads", hint: "runs of the loader", value: (s) => s.loads },
  {
    label: "Errors",
    hint: "loads that failed or panicked, and gets that timed out or were refused for too many loads",
    value: (s) => s.load_errors + s.load_panics + s.timeouts + s.overloads,
    bad: true,
  },
];

const LATENCIES = ["hit", "miss", "load"] as const;

class Tile {
  readonly element = el("article", { class: "panel tile" });
  readonly #name = el("h3");
  readonly #tier = el("span", { class: "tag" });
  readonly #clear = el("button", { type: "button", class: "quiet small" }, "Clear");
  readonly #hitRate = el("p", { class: "figure" });
  readonly #traffic = el("p", { class: "muted traffic" });
  readonly #line = svg("polyline", { fill: "none" });
  readonly #fill = el("meter", { min: 0 });
  readonly #fillText = el("span");
  readonly #counters = el("dl", { class: "counters" });
  readonly #latencies = el("tbody");
  readonly #saved = el("span");
  readonly #policy = el("span", { class: "muted" });

  constructor(onClear: (name: string) => void) {
    this.#clear.addEventListener("click", () => onClear(this.#name.textContent ?? ""));
    const spark = svg("svg", { class: "spark", viewBox: `0 0 ${SPARK.width} ${SPARK.height}`, preserveAspectRatio: "none", "aria-hidden": "true" }, this.#line);
    this.element.append(
      el("header", {}, this.#name, this.#tier, el("span", { class: "gap" }), this.#clear),
      el("div", { class: "rate" }, el("div", {}, this.#hitRate, el("p", { class: "muted" }, "hit rate")), el("div", { class: "pace" }, spark, this.#traffic)),
      this.#counters,
      el("div", { class: "fill" }, el("span", {}, "Entries"), this.#fill, this.#fillText),
      latencyTable(this.#latencies),
      el("footer", {}, this.#saved, this.#policy),
    );
  }

  update(info: CacheInfo, rate: Rate, mayClear: boolean): void {
    const { stats } = info;
    setText(this.#name, info.name);
    setTitle(this.#name, info.name);
    setText(this.#tier, info.tier);
    setText(this.#hitRate, percent(stats.hit_rate));
    setText(this.#traffic, traffic(stats.gets, rate.perSecond.at(-1)));
    this.#line.setAttribute("points", sparkPoints(rate.perSecond));
    fill(this.#counters, COUNTERS, () => el("div", {}, el("dt"), el("dd")), (node, counter) => showCounter(node, counter, stats));
    this.#showFill(info);
    fill(this.#latencies, LATENCIES, latencyRow, (node, kind) => showLatency(node, kind, stats.latency[kind]));
    setText(this.#saved, stats.time_saved_ms > 0 ? `Saved ${duration(stats.time_saved_ms)} of loading` : "Nothing saved yet");
    setText(this.#policy, info.ttl_ms === null ? "no TTL" : `TTL ${duration(info.ttl_ms)}`);
    this.#showClear(info.name, mayClear);
  }

  #showFill(info: CacheInfo): void {
    const { entries, capacity, weight, weighed, stats } = info;
    this.#fill.max = Math.max(capacity, 1);
    this.#fill.value = weight;
    this.#fill.setAttribute("aria-label", `${count(weight)} of ${count(capacity)} used`);
    setText(this.#fillText, weighed ? `${compact(entries)} · ${percent(weight / Math.max(capacity, 1))} full` : `${compact(entries)} / ${compact(capacity)}`);
    const { capacity: overflowed, expired, replaced, removed } = stats.evictions;
    const left = `left: ${count(overflowed)} for room, ${count(expired)} expired, ${count(replaced)} replaced, ${count(removed)} removed`;
    setTitle(this.#fillText, `${count(entries)} entries, weight ${count(weight)} of ${count(capacity)}; ${left}`);
  }

  #showClear(name: string, mayClear: boolean): void {
    this.#clear.disabled = !mayClear;
    this.#clear.setAttribute("aria-label", `Clear ${name}`);
    setTitle(this.#clear, mayClear ? `Remove all entries of ${name}` : "Clearing needs an admin token: set one with the Token button");
  }
}

function traffic(gets: number, now: number | undefined): string {
  const total = gets === 0 ? "no gets yet" : `${compact(gets)} gets`;
  return now === undefined ? total : `${total} · ${compact(Math.round(now))}/s`;
}

function sparkPoints(rates: readonly number[]): string {
  const top = Math.max(...rates, 1);
  const step = SPARK.width / (RATES_MAX - 1);
  const start = SPARK.width - (rates.length - 1) * step;
  return rates.map((rate, i) => `${(start + i * step).toFixed(1)},${(SPARK.height - 2 - (rate / top) * (SPARK.height - 4)).toFixed(1)}`).join(" ");
}

function showCounter(node: HTMLElement, counter: Counter, stats: CacheInfo["stats"]): void {
  const [label, value] = [...node.children] as HTMLElement[];
  if (!label || !value) return;
  const n = counter.value(stats);
  setText(label, counter.label);
  setTitle(label, counter.hint);
  setText(value, compact(n));
  setTitle(value, count(n));
  node.classList.toggle("bad", (counter.bad ?? false) && n > 0);
}

function latencyTable(body: HTMLElement): HTMLElement {
  const heads = ["Latency", "mean", "p50", "p99"].map((label) => el("th", { scope: "col" }, label));
  return el("table", { class: "latency" }, el("thead", {}, el("tr", {}, ...heads)), body);
}

function latencyRow(): HTMLTableRowElement {
  return el("tr", {}, el("th", { scope: "row" }), el("td"), el("td"), el("td"));
}

function showLatency(node: HTMLElement, kind: string, latency: Latency): void {
  const figures = [latency.mean_ns, latency.p50_ns, latency.p99_ns].map((ns) => (ns === null ? "–" : nanos(ns)));
  [kind, ...figures].forEach((text, i) => setText(node.children[i] as HTMLElement, text));
}

/** All tiles, in the order of the server's list. */
export class Tiles {
  readonly #box = byId("tiles");
  readonly #note = byId("caches-note");
  readonly #tiles = new Map<HTMLElement, Tile>();
  readonly #onClear: (name: string) => void;
  #rates = new Map<string, Rate>();

  constructor(onClear: (name: string) => void) {
    this.#onClear = onClear;
    this.#box.replaceChildren(el("p", { class: "panel pad muted wait" }, "Waiting for the caches' figures"));
  }

  update(caches: readonly CacheInfo[], at: number, mayClear: boolean): void {
    const shown = caches.slice(0, TILES_MAX);
    this.#rates = new Map(shown.map(({ name }) => [name, this.#rates.get(name) ?? new Rate()]));
    for (const { name, stats } of shown) this.#rates.get(name)?.add(stats.gets, at);
    const some = caches.length > TILES_MAX && `the first ${TILES_MAX} of ${count(caches.length)}`;
    const locked = caches.length > 0 && !mayClear && "clearing them needs an admin token";
    setText(this.#note, [some, locked].filter(Boolean).join(" · "));
    if (shown.length === 0) {
      this.#box.replaceChildren(el("p", { class: "panel pad muted" }, "No cache is registered yet. One appears here as soon as a service builds it."));
      return;
    }
    for (const child of [...this.#box.children]) if (!this.#tiles.has(child as HTMLElement)) child.remove();
    fill(this.#box, shown, () => this.#make(), (node, info) => {
      this.#tiles.get(node)?.update(info, this.#rates.get(info.name) ?? new Rate(), mayClear);
    });
    for (const node of this.#tiles.keys()) if (!node.isConnected) this.#tiles.delete(node);
  }

  #make(): HTMLElement {
    const tile = new Tile(this.#onClear);
    this.#tiles.set(tile.element, tile);
    return tile.element;
  }
}
