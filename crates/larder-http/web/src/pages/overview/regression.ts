/** This hour against the same hour before: yesterday's if it was recorded, else the hour before this one. */

import { fetchHistory, ratio, sum, type Values } from "../../app/series.ts";

export interface Compared {
  now: number;
  before: number;
  /** `yesterday` or `the hour before`. */
  than: string;
}

export interface Regression {
  hitRatio: Compared | undefined;
  p99: Compared | undefined;
  errors: Compared | undefined;
}

const HOURS = { range: "25h", step: "1h" };
const YESTERDAY = 0;
const HOUR_BEFORE = 23;
const NOW = 24;

/** Of all caches, or of one; errors are failed requests of all, or failed loads of one. */
export async function fetchRegression(signal: AbortSignal, cache?: string): Promise<Regression> {
  const tags = cache === undefined ? "" : `cache=${cache}`;
  const [gets, latency, errors] = await Promise.all([
    fetchHistory("larder_cache_gets", signal, tags, HOURS),
    cache === undefined ? fetchHistory("http_latency_seconds", signal, "", HOURS) : fetchHistory("larder_cache_latency_seconds", signal, `${tags},of=miss`, HOURS),
    fetchHistory(cache === undefined ? "http_answers" : "larder_cache_loads", signal, tags, HOURS),
  ]);

  const hits = sum(gets, "per_second", { result: "hit" });
  const failed = sum(errors, "per_second").map((all, i) => (all === null ? null : all - (sum(errors, "per_second", { result: "ok" })[i] ?? 0)));
  return {
    hitRatio: compare(parts(hits, sum(gets, "per_second"))),
    p99: compare(sum(latency, "p99")),
    errors: compare(parts(failed, sum(errors, "per_second"))),
  };
}

function parts(part: Values, whole: Values): Values {
  return whole.map((all, i) => (all === null || part[i] == null ? null : ratio(part[i], all)));
}

export function compare(hours: Values): Compared | undefined {
  const now = hours[NOW] ?? null;
  const yesterday = hours[YESTERDAY] ?? null;
  const before = yesterday ?? hours[HOUR_BEFORE] ?? null;
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

