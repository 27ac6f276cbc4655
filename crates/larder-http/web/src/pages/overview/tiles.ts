/** The tiles of the overview: what the caches save first, then what they do. */

import { el } from "../../parts/dom.ts";
import { bytes, compact, count, duration, percent, perSecond, seconds } from "../../parts/format.ts";
import { Tile } from "../../parts/tile.ts";
import type { Values } from "../../app/series.ts";
import { added, didOf, savedIn, type WindowFigures } from "../../app/window.ts";
import type { CacheInfo, Tick } from "../../app/wire.ts";
import type { Figures } from "./figures.ts";
import { mark, type Regression } from "./regression.ts";

/** How requests went over the window, for the lines in the tiles and charts. */
export interface Answers {
  p50: Values;
  p95: Values;
  p99: Values;
  /** Failed by the server, and mistakes of clients, of all requests. */
  failed: Values;
  mistaken: Values;
}

export class Tiles {
  readonly element: HTMLElement;
  readonly #saved = new Tile("Time saved", { class: "big", colour: "remote", from0: false });
  readonly #hits = new Tile("Hit ratio", { colour: "memory" });
  readonly #rate = new Tile("Gets", { colour: "memory" });
  readonly #latency = new Tile("Answers, p99", { colour: "origin" });
  readonly #loads = new Tile("Loads", { colour: "origin" });
  readonly #shared = new Tile("Coalesced", { colour: "memory" });
  readonly #memory = new Tile("Memory", { colour: "disk" });
  readonly #evictions = new Tile("Evictions", { colour: "stale" });
  readonly #errors = new Tile("Errors", { colour: "bad" });
  #window: WindowFigures | undefined;

  constructor() {
    const tiles = [this.#saved, this.#hits, this.#rate, this.#latency, this.#loads, this.#shared, this.#memory, this.#evictions, this.#errors];
    this.element = el("div", { class: "tiles" }, ...tiles.map((tile) => tile.element));
  }

  tick({ caches }: Tick, figures: Figures | undefined): void {
    const saved = caches.reduce((all, cache) => all + cache.stats.time_saved_ms, 0);
    const hits = caches.reduce((all, cache) => all + cache.stats.hits, 0);
    this.#saved.show({
      value: duration(saved),
      detail: savedDetail(saved, hits, this.#window && savedIn(this.#window, caches)),
      hint: "What callers would have waited without the caches: hits × (mean miss − mean hit), since the daemon started or the figures were reset",
      spark: figures?.saved ?? [],
    });
    this.#memory.show(memory(caches, figures));
  }

  update(window: WindowFigures | undefined, figures: Figures, answers: Answers, regression: Regression | undefined): void {
    this.#window = window;
    const did = window && didOf(window);
    const part = (of: number | null | undefined): string => percent(did?.gets ? (of ?? 0) / did.gets : null);
    const rate = (of: number | null | undefined): string => perSecond(window?.each(of ?? null) ?? null);
    const tiers = [`memory ${part(did?.memory)}`, ...(did?.disk == null ? [] : [`disk ${part(did.disk)}`]), ...(did?.remote == null ? [] : [`shared ${part(did.remote)}`])];
    this.#hits.show({
      value: part(did?.hits),
      detail: tiers.join(" · "),
      spark: figures.hitRatio,
      mark: mark(regression?.hitRatio, "more", (change) => `${(change * 100).toFixed(1)} points`),
      hint: "Gets that were answered without waiting for a load, of all gets in the window",
    });
    this.#rate.show({ value: rate(did?.gets), detail: `${rate(did?.hits)} hits · ${rate(did?.misses)} misses`, spark: figures.gets });
    const took = window?.timed("http_latency_seconds");
    this.#latency.show({
      value: secondsOr(took?.p99),
      detail: `p50 ${secondsOr(took?.p50)} · p95 ${secondsOr(took?.p95)} · ${rate(took?.count)}`,
      spark: answers.p99,
      mark: mark(regression?.p99, "less", seconds),
      hint: "From a request's arrival to its answer's head, all routes of the daemon",
    });
    this.#loads.show({
      value: rate(did?.loads),
      detail: `${rate(did?.failedLoads)} failed · one for each miss that did not wait`,
      spark: figures.loads,
    });
    this.#shared.show({
      value: rate(did?.coalesced),
      detail: `waited for another's load · ${rate(did?.stale)} served stale`,
      spark: figures.coalesced,
    });
    this.#evictions.show({
      value: rate(did?.evictions),
      detail: `${rate(did?.evictionsBy.capacity)} for room · ${rate(did?.evictionsBy.expired)} expired`,
      spark: figures.allEvictions,
    });
    this.#showErrors(window, did?.failedLoads ?? null, figures, answers, regression);
  }

  /** What a client did wrong is no error of the daemon's: it stands in the detail. */
  #showErrors(window: WindowFigures | undefined, loads: number | null, figures: Figures, answers: Answers, regression: Regression | undefined): void {
    const rate = (of: number | null | undefined): string => perSecond(window?.each(of ?? null) ?? null);
    const [failed, all] = [window?.count("http_answers", { result: "server_error" }) ?? null, window?.count("http_answers") ?? null];
    const alarms = [...(loads ? ["loads fail"] : []), ...(failed ? ["requests fail"] : [])];
    this.#errors.show({
      value: rate(added(failed, loads)),
      detail: `${percent(all ? (failed ?? 0) / all : null)} of requests · ${rate(loads)} loads · besides ${rate(window?.count("http_answers", { result: "client_error" }))} mistakes of clients`,
      spark: figures.loadErrors.map((value, i) => added(value, answers.failed[i] ?? null)),
      mark: mark(regression?.errors, "less", (change) => `${(change * 100).toFixed(1)} points`),
      alarm: alarms.length > 0 ? alarms.join(", ") : undefined,
      hint: "Requests answered with a status of 500 or more, and loads that failed. A status of 400 to 499 is a client's mistake: a key that is not there, a wrong parameter",
    });
  }
}

function savedDetail(ms: number, hits: number, now = 0): string {
  const each = hits > 0 ? `${seconds(ms / 1000 / hits)} a hit over ${compact(hits)} hits` : "No hit yet: the first ones show here what they save.";
  return now > 0 ? `${each} · +${seconds(now)} in this window` : each;
}

function memory(caches: readonly CacheInfo[], figures: Figures | undefined): Parameters<Tile["show"]>[0] {
  const weighed = caches.filter((cache) => cache.weighed);
  const [used, limit] = [weighed.reduce((all, c) => all + c.weight, 0), weighed.reduce((all, c) => all + c.capacity, 0)];
  const entries = caches.reduce((all, cache) => all + cache.entries, 0);
  const fullest = caches.reduce<{ name: string; part: number } | undefined>((most, { name, weight, capacity }) => {
    const part = capacity > 0 ? weight / capacity : 0;
    return !most || part > most.part ? { name, part } : most;
  }, undefined);
  const parts = figures?.fill ?? [];
  const spark = (figures?.times ?? []).map((_, i) => parts.reduce<number | null>((most, { values }) => (values[i] == null ? most : Math.max(most ?? 0, values[i])), null));
  return {
    value: limit > 0 ? bytes(used) : compact(entries),
    detail: `${limit > 0 ? `of ${bytes(limit)} · ` : ""}${count(entries)} entries${fullest ? ` · fullest ${percent(fullest.part)}` : ""}`,
    hint: fullest ? `${fullest.name} is the fullest cache. Only caches that weigh their values count in bytes.` : "No cache yet",
    spark,
  };
}

function secondsOr(value: number | null | undefined): string {
  return value == null ? "–" : seconds(value);
}

