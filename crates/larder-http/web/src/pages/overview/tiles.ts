/** The tiles of the overview: what the caches save first, then what they do. */

import { el } from "../../parts/dom.ts";
import { bytes, compact, count, duration, percent, perSecond, seconds } from "../../parts/format.ts";
import { Tile } from "../../parts/tile.ts";
import { last, mean, type Values } from "../../app/series.ts";
import type { CacheInfo, Tick } from "../../app/wire.ts";
import type { Figures } from "./figures.ts";
import { mark, type Regression } from "./regression.ts";

export interface Answers {
  perSecond: Values;
  p50: Values;
  p95: Values;
  p99: Values;
  failed: Values;
  all: Values;
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

  constructor() {
    const tiles = [this.#saved, this.#hits, this.#rate, this.#latency, this.#loads, this.#shared, this.#memory, this.#evictions, this.#errors];
    this.element = el("div", { class: "tiles" }, ...tiles.map((tile) => tile.element));
  }

  tick({ caches }: Tick, figures: Figures | undefined): void {
    const saved = caches.reduce((all, cache) => all + cache.stats.time_saved_ms, 0);
    const hits = caches.reduce((all, cache) => all + cache.stats.hits, 0);
    this.#saved.show({
      value: duration(saved),
      detail: savedDetail(saved, hits, figures),
      hint: "What callers would have waited without the caches: hits × (mean miss − mean hit), since the daemon started or the figures were reset",
      spark: figures?.saved ?? [],
    });
    this.#memory.show(memory(caches, figures));
  }

  update(figures: Figures, answers: Answers, regression: Regression | undefined): void {
    const misses = figures.gets.map((value, i) => (value === null ? null : value - (figures.hits[i] ?? 0)));
    const all = mean(figures.gets);
    const hit = mean(figures.hits);
    const part = (values: Values): string => percent(all ? (mean(values) ?? 0) / all : null);
    const { memory: inMemory, disk, remote } = figures.tiers;
    const tiers = [`memory ${part(inMemory)}`, ...(mean(disk) === null ? [] : [`disk ${part(disk)}`]), ...(mean(remote) === null ? [] : [`shared ${part(remote)}`])];
    this.#hits.show({
      value: percent(all && hit !== null ? hit / all : null),
      detail: tiers.join(" · "),
      spark: figures.hitRatio,
      mark: mark(regression?.hitRatio, "more", (change) => `${(change * 100).toFixed(1)} points`),
      hint: "Gets that were answered without waiting for a load, of all gets in the window",
    });
    this.#rate.show({ value: perSecond(all), detail: `${perSecond(hit)} hits · ${perSecond(mean(misses))} misses`, spark: figures.gets });
    this.#latency.show({
      value: secondsOr(last(answers.p99)),
      detail: `p50 ${secondsOr(last(answers.p50))} · p95 ${secondsOr(last(answers.p95))} · ${perSecond(mean(answers.perSecond))}`,
      spark: answers.p99,
      mark: mark(regression?.p99, "less", seconds),
      hint: "From a request's arrival to its answer's head, all routes of the daemon",
    });
    this.#loads.show({
      value: perSecond(mean(figures.loads)),
      detail: `${perSecond(mean(figures.loadErrors))} failed · one for each miss that did not wait`,
      spark: figures.loads,
    });
    this.#shared.show({
      value: perSecond(mean(figures.coalesced)),
      detail: `waited for another's load · ${perSecond(mean(figures.stale))} served stale`,
      spark: figures.coalesced,
    });
    this.#evictions.show({
      value: perSecond(mean(figures.allEvictions)),
      detail: `${perSecond(mean(figures.evictions.capacity))} for room · ${perSecond(mean(figures.evictions.expired))} expired`,
      spark: figures.allEvictions,
    });
    this.#showErrors(figures, answers, regression);
  }

  #showErrors(figures: Figures, answers: Answers, regression: Regression | undefined): void {
    const failed = mean(answers.failed) ?? 0;
    const loads = mean(figures.loadErrors) ?? 0;
    const all = mean(answers.all) ?? 0;
    this.#errors.show({
      value: perSecond(failed + loads),
      detail: `${percent(all > 0 ? failed / all : 0)} of requests · ${perSecond(loads)} failed loads`,
      spark: answers.failed.map((value, i) => (value === null ? null : value + (figures.loadErrors[i] ?? 0))),
      mark: mark(regression?.errors, "less", (change) => `${(change * 100).toFixed(1)} points`),
      alarm: loads > 0 ? "loads fail" : undefined,
      hint: "Requests answered with a status of 400 or more, and loads that failed",
    });
  }
}

function savedDetail(ms: number, hits: number, figures: Figures | undefined): string {
  if (hits === 0) return "No hit yet: the first ones show here what they save.";
  const values = figures?.saved.filter((value): value is number => value !== null) ?? [];
  const gained = values.length > 1 ? Math.max(0, (values.at(-1) ?? 0) - (values[0] ?? 0)) : 0;
  const each = `${seconds(ms / 1000 / hits)} a hit over ${compact(hits)} hits`;
  return gained > 0 ? `${each} · +${seconds(gained)} in this window` : each;
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

function secondsOr(value: number | null): string {
  return value === null ? "–" : seconds(value);
}

