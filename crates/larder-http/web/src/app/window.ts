/**
 * The figures of the window that the reader chose, as the daemon counted them: rates, ratios and percentiles of that
 * time alone, exactly. What is shown as a figure comes from here; what is shown over time, from series.ts. Knows no page.
 */

import { get } from "./api.ts";
import { hub } from "./hub.ts";
import { type CacheInfo, type Cause, CAUSES, type Span, type WindowAnswer } from "./wire.ts";

type Tags = Record<string, string>;

/** How long calls of one kind took, in seconds; null where none was timed. */
export interface Timed {
  tags: Tags;
  count: number;
  mean: number | null;
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

interface Counted {
  tags: Tags;
  value: number;
}

/** What a window holds. A series that was not there is a null; one that was there and at rest is a zero. */
export class WindowFigures {
  readonly span: Span;
  /** The time that was recorded in it: less than the window's length after a start. */
  readonly seconds: number;
  /** When it ends, in milliseconds since 1970: now, unless nothing is recorded any more. */
  readonly until: number;
  /** When that was answered, by the daemon's clock. */
  readonly heard: number;
  readonly #counters: Map<string, Counted[]>;
  readonly #timings: Map<string, Timed[]>;

  constructor(span: Span, answer: WindowAnswer, heard: number = hub.now()) {
    this.span = span;
    this.seconds = answer.span_seconds;
    this.until = Date.parse(answer.timestamp);
    this.heard = heard;
    this.#counters = byName(answer.metrics.counters);
    this.#timings = byName(answer.metrics.timings);
  }

  /** How many there were, of all series whose tags are as given; null where there is no such series. */
  count(name: string, tags: Tags = {}): number | null {
    const found = (this.#counters.get(name) ?? []).filter((one) => has(one.tags, tags));
    return found.length > 0 ? found.reduce((all, one) => all + one.value, 0) : null;
  }

  /** As `count`, a second. */
  rate(name: string, tags: Tags = {}): number | null {
    return this.each(this.count(name, tags));
  }

  /** A count of this window, a second. */
  each(count: number | null): number | null {
    return count === null || this.seconds <= 0 ? null : count / this.seconds;
  }

  /** The one series with these tags: percentiles of several cannot be added up. */
  timed(name: string, tags: Tags = {}): Timed | undefined {
    return this.#timings.get(name)?.find((one) => has(one.tags, tags));
  }

  timings(name: string): readonly Timed[] {
    return this.#timings.get(name) ?? [];
  }

  /** The mean over all series whose tags are as given. */
  mean(name: string, tags: Tags = {}): number | null {
    const found = this.timings(name).filter((one) => has(one.tags, tags) && one.mean !== null);
    const count = found.reduce((all, one) => all + one.count, 0);
    return count > 0 ? found.reduce((all, one) => all + (one.mean ?? 0) * one.count, 0) / count : null;
  }
}

export function windowPath(span: Span = hub.span): string {
  return `v1/metrics?window=${span}`;
}

export async function fetchWindow(signal: AbortSignal, span: Span = hub.span): Promise<WindowFigures> {
  const figures = new WindowFigures(span, await get<WindowAnswer>(windowPath(span), signal));
  if (span === hub.span) hub.recorded = figures;
  return figures;
}

/** What caches did in a window; null where nothing tells. */
export interface Did {
  gets: number | null;
  hits: number | null;
  misses: number | null;
  /** Hits that no tier under memory answered, and those of each tier. */
  memory: number | null;
  disk: number | null;
  remote: number | null;
  loads: number | null;
  failedLoads: number | null;
  /** Waits for a load that were given up, and gets refused for too many loads. */
  givenUp: number | null;
  coalesced: number | null;
  stale: number | null;
  evictions: number | null;
  evictionsBy: Record<Cause, number | null>;
}

/** Of all caches, or of one. */
export function didOf(window: WindowFigures, cache?: string): Did {
  const own: Tags = cache === undefined ? {} : { cache };
  const count = (name: string, tags: Tags = {}): number | null => window.count(`larder_cache_${name}`, { ...own, ...tags });
  const [gets, hits] = [count("gets"), count("gets", { result: "hit" })];
  const [disk, remote] = [count("tier_reads", { tier: "disk", result: "hit" }), count("tier_reads", { tier: "remote", result: "hit" })];
  return {
    gets,
    hits,
    misses: count("gets", { result: "miss" }),
    memory: hits === null ? null : Math.max(0, hits - (disk ?? 0) - (remote ?? 0)),
    disk,
    remote,
    loads: count("loads"),
    failedLoads: added(count("loads", { result: "error" }), count("loads", { result: "panic" })),
    givenUp: added(count("timeouts"), count("overloads")),
    coalesced: count("coalesced"),
    stale: count("stale_served"),
    evictions: count("evictions"),
    evictionsBy: Object.fromEntries(CAUSES.map((cause) => [cause, count("evictions", { cause })])) as Did["evictionsBy"],
  };
}

/**
 * Seconds that callers would have waited in the window without the caches: hits × what a miss takes longer. Where the
 * window had no miss, one takes what it took since the start.
 */
export function savedIn(window: WindowFigures, caches: readonly CacheInfo[]): number {
  return caches.reduce((all, { name, stats }) => {
    const took = (of: string): number | null => window.timed("larder_cache_latency_seconds", { cache: name, of })?.mean ?? null;
    const miss = took("miss") ?? (stats.latency.miss.mean_ns ?? 0) / 1e9;
    return all + (didOf(window, name).hits ?? 0) * Math.max(0, miss - (took("hit") ?? 0));
  }, 0);
}

/** Null only where both are. */
export function added(a: number | null, b: number | null): number | null {
  return a === null ? b : a + (b ?? 0);
}

/** A series without tags bears its name as key alone. */
function byName<T extends object>(series: Record<string, T & { name?: string; tags?: Tags }>): Map<string, (T & { tags: Tags })[]> {
  const all = new Map<string, (T & { tags: Tags })[]>();
  for (const [key, { name = key, tags = {}, ...rest }] of Object.entries(series)) {
    const of = all.get(name) ?? [];
    all.set(name, of);
    of.push({ ...(rest as unknown as T), tags });
  }
  return all;
}

function has(tags: Tags, wanted: Tags): boolean {
  return Object.entries(wanted).every(([key, value]) => tags[key] === value);
}
