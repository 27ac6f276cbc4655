/** The figures of caches over the window: asked for by name, added up. Knows nothing of how they are shown. */

import { combine, fetchHistory, ratio, sum, times, type Values } from "../../app/series.ts";
import { type CacheInfo, CAUSES, type Cause, type MetricHistory } from "../../app/wire.ts";

/** All columns are of one length, one value for each time; null where nothing was recorded. */
export interface Figures {
  times: number[];
  seconds: number;
  gets: Values;
  hits: Values;
  /** Gets answered by each tier, a second. */
  tiers: { memory: Values; disk: Values; remote: Values };
  hitRatio: Values;
  tierRatio: { memory: Values; disk: Values; remote: Values };
  loads: Values;
  loadErrors: Values;
  coalesced: Values;
  stale: Values;
  evictions: Record<Cause, Values>;
  allEvictions: Values;
  /** How full each cache is, from 0 to 1. */
  fill: { cache: string; values: Values }[];
  saved: Values;
}

const NAMES = ["gets", "tier_reads", "loads", "coalesced", "stale_served", "evictions", "weight", "capacity", "time_saved_seconds"] as const;

/** Of all caches, or of one. Undefined while the daemon has recorded nothing at all. */
export async function fetchFigures(signal: AbortSignal, caches: readonly CacheInfo[], cache?: string): Promise<Figures | undefined> {
  const tags = cache === undefined ? "" : `cache=${cache}`;
  // Of tiers that no cache has nothing is recorded.
  const isTiered = caches.some(({ stats }) => stats.disk !== null || stats.remote !== null);
  const asked = (name: string): Promise<MetricHistory | undefined> => (name === "tier_reads" && !isTiered ? Promise.resolve(undefined) : fetchHistory(`larder_cache_${name}`, signal, tags));
  const histories = await Promise.all(NAMES.map(asked));
  const of = (name: (typeof NAMES)[number]): MetricHistory | undefined => histories[NAMES.indexOf(name)];
  const gets = of("gets");
  return gets && computed(gets, of);
}

export function computed(gets: MetricHistory, of: (name: (typeof NAMES)[number]) => MetricHistory | undefined): Figures {
  const at = times(gets);
  const counted = (name: (typeof NAMES)[number], tags?: Record<string, string>): Values => level(sum(of(name), "per_second", tags), at.length);
  const all = sum(gets, "per_second");
  const hits = sum(gets, "per_second", { result: "hit" });
  const disk = counted("tier_reads", { tier: "disk", result: "hit" });
  const remote = counted("tier_reads", { tier: "remote", result: "hit" });
  const memory = hits.map((value, i) => (value === null ? null : Math.max(0, value - (disk[i] ?? 0) - (remote[i] ?? 0))));
  const share = (part: Values): Values => combine(part, all, ratio);
  const evictions = Object.fromEntries(CAUSES.map((cause) => [cause, counted("evictions", { cause })])) as Record<Cause, Values>;
  return {
    times: at,
    seconds: gets.points * gets.step,
    gets: all,
    hits,
    tiers: { memory, disk, remote },
    hitRatio: share(hits),
    tierRatio: { memory: share(memory), disk: share(disk), remote: share(remote) },
    loads: counted("loads"),
    loadErrors: add(counted("loads", { result: "error" }), counted("loads", { result: "panic" })),
    coalesced: counted("coalesced"),
    stale: counted("stale_served"),
    evictions,
    allEvictions: counted("evictions"),
    fill: fills(of("weight"), of("capacity"), at.length),
    saved: level(sum(of("time_saved_seconds"), "max"), at.length),
  };
}

function fills(weight: MetricHistory | undefined, capacity: MetricHistory | undefined, length: number): Figures["fill"] {
  const names = [...new Set((weight?.series ?? []).map(({ tags }) => tags["cache"] ?? ""))];
  return names.map((cache) => ({
    cache,
    values: combine(level(sum(weight, "mean", { cache }), length), level(sum(capacity, "mean", { cache }), length), ratio),
  }));
}

/** Answers that were made a moment apart may differ by a point: the newest ones are kept. */
function level(values: Values, length: number): Values {
  if (values.length >= length) return values.slice(values.length - length);
  return [...new Array<null>(length - values.length).fill(null), ...values];
}

function add(a: Values, b: Values): Values {
  return a.map((value, i) => (value === null ? (b[i] ?? null) : value + (b[i] ?? 0)));
}
