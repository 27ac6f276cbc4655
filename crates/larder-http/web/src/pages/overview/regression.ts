/** The last 60 minutes against the same hour before: yesterday's if it was recorded, else the hour before. */

import { hub } from "../../app/hub.ts";
import { fetchHistory, ratio, sum, type Values } from "../../app/series.ts";
import { added, didOf, fetchWindow } from "../../app/window.ts";

export interface Compared {
  now: number;
  before: number;
  /** `this hour yesterday` or `the hour before`. */
  than: string;
}

export interface Regression {
  hitRatio: Compared | undefined;
  p99: Compared | undefined;
  errors: Compared | undefined;
}

/** Whole hours of the clock, the last of which is not over; 26 reach to yesterday's same hour, whichever that is. */
const HOURS = { range: "26h", step: "1h" };
const HOUR_S = 3600;
const DAY_HOURS = 24;
/** What was recorded for less is not compared with an hour. */
const RECORDED_MIN_S = 600;

/** Of all caches, or of one; errors are requests that the server failed of all, or failed loads of one. */
export async function fetchRegression(signal: AbortSignal, cache?: string): Promise<Regression> {
  const tags = cache === undefined ? "" : `cache=${cache}`;
  const [now, gets, latency, errors] = await Promise.all([
    fetchWindow(signal, "60m"),
    fetchHistory("larder_cache_gets", signal, tags, HOURS),
    cache === undefined ? fetchHistory("http_latency_seconds", signal, "", HOURS) : fetchHistory("larder_cache_latency_seconds", signal, `${tags},of=miss`, HOURS),
    fetchHistory(cache === undefined ? "http_answers" : "larder_cache_loads", signal, tags, HOURS),
  ]);
  if (!now || !gets || now.seconds < RECORDED_MIN_S) return { hitRatio: undefined, p99: undefined, errors: undefined };
  const hour = mostOf(hub.now() / 1000, gets.from);
  const did = didOf(now, cache);
  const failures = cache === undefined ? { result: "server_error" } : { result: "error" };
  const [failed, all] = cache === undefined ? [now.count("http_answers", failures), now.count("http_answers")] : [did.failedLoads, did.loads];
  const panics = cache === undefined ? [] : sum(errors, "per_second", { result: "panic" });
  const failedBefore = sum(errors, "per_second", failures).map((value, i) => added(value, panics[i] ?? null));
  return {
    hitRatio: compare(part(did.hits, did.gets), parts(sum(gets, "per_second", { result: "hit" }), sum(gets, "per_second")), hour),
    p99: compare((cache === undefined ? now.timed("http_latency_seconds") : now.timed("larder_cache_latency_seconds", { cache, of: "miss" }))?.p99 ?? null, sum(latency, "p99"), hour),
    errors: compare(part(failed, all), parts(failedBefore, sum(errors, "per_second")), hour),
  };
}

/** The hour of the clock, counted from `from`, that the most of the last 60 minutes lie in. */
export function mostOf(now: number, from: number): number {
  return Math.round((now - from) / HOUR_S) - 1;
}

function part(of: number | null, all: number | null): number | null {
  return of === null || all === null ? null : ratio(of, all);
}

function parts(of: Values, whole: Values): Values {
  return whole.map((all, i) => part(of[i] ?? null, all));
}

/** What is now, against the hours before `hour`. */
export function compare(now: number | null, hours: Values, hour: number): Compared | undefined {
  const yesterday = hours[hour - DAY_HOURS] ?? null;
  const before = yesterday ?? hours[hour - 1] ?? null;
  if (now === null || before === null) return undefined;
  return { now, before, than: yesterday === null ? "the hour before" : "this hour yesterday" };
}

/** A change smaller than this part of what it was is none. */
const WORTH_SAYING = 0.05;

export interface Mark {
  text: string;
  verdict: "better" | "worse" | "same";
}

/** In words: `▲ +3.2 points · better than this hour yesterday`. */
export function mark(compared: Compared | undefined, isGood: "more" | "less", show: (change: number) => string): Mark | undefined {
  if (!compared) return undefined;
  const { now, before, than } = compared;
  const change = now - before;
  if (Math.abs(change) <= WORTH_SAYING * Math.max(Math.abs(before), 1e-9)) return { text: `≈ as ${than}`, verdict: "same" };
  const better = change > 0 === (isGood === "more");
  return { text: `${change > 0 ? "▲ +" : "▼ −"}${show(Math.abs(change))} · ${better ? "better" : "worse"} than ${than}`, verdict: better ? "better" : "worse" };
}

