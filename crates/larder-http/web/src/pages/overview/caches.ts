/** The table of caches; each name leads to the cache's page. */

import { address } from "../../app/router.ts";
import { bytes, compact, count, duration, nanos, percent, perSecond } from "../../parts/format.ts";
import { type Column, Table } from "../../parts/table.ts";
import { mean } from "../../app/series.ts";
import type { CacheInfo, MetricHistory } from "../../app/wire.ts";

export interface CacheRow {
  cache: CacheInfo;
  /** In the window; null where nothing was recorded. */
  rate: number | null;
}

const errors = ({ cache: { stats } }: CacheRow): number => stats.load_errors + stats.load_panics + stats.timeouts + stats.overloads;
const filled = ({ cache }: CacheRow): number => (cache.capacity > 0 ? cache.weight / cache.capacity : 0);
const time = (ns: number | null): string => (ns === null ? "–" : nanos(ns));

const COLUMNS: readonly Column<CacheRow>[] = [
  { label: "Cache", text: true, by: (row) => row.cache.name, cell: ({ cache }) => ({ text: cache.name, href: address("cache", cache.name), mark: cache.tier === "memory" ? undefined : cache.tier }) },
  { label: "Gets", by: (row) => row.rate ?? -1, cell: (row) => ({ text: perSecond(row.rate), title: `${count(row.cache.stats.gets)} in all` }) },
  { label: "Hit ratio", by: (row) => row.cache.stats.hit_rate ?? -1, cell: (row) => percent(row.cache.stats.hit_rate) },
  { label: "Time saved", by: (row) => row.cache.stats.time_saved_ms, cell: (row) => duration(row.cache.stats.time_saved_ms) },
  { label: "Hit, mean", by: (row) => row.cache.stats.latency.hit.mean_ns ?? -1, cell: (row) => time(row.cache.stats.latency.hit.mean_ns) },
  { label: "Load, mean", by: (row) => row.cache.stats.latency.load.mean_ns ?? -1, cell: (row) => time(row.cache.stats.latency.load.mean_ns) },
  { label: "Load, p99", by: (row) => row.cache.stats.latency.load.p99_ns ?? -1, cell: (row) => time(row.cache.stats.latency.load.p99_ns) },
  { label: "Entries", by: (row) => row.cache.entries, cell: (row) => compact(row.cache.entries) },
  { label: "Full", by: filled, cell: (row) => ({ text: percent(filled(row)), title: row.cache.weighed ? `${bytes(row.cache.weight)} of ${bytes(row.cache.capacity)}` : `${count(row.cache.weight)} of ${count(row.cache.capacity)} entries` }) },
  { label: "TTL", by: (row) => row.cache.ttl_ms ?? Number.POSITIVE_INFINITY, cell: (row) => (row.cache.ttl_ms === null ? "none" : duration(row.cache.ttl_ms)) },
  { label: "Errors", by: errors, cell: (row) => ({ text: count(errors(row)), title: "loads that failed or panicked, gets that timed out or were refused" }) },
];

const BY_RATE = 1;

export function cachesTable(): Table<CacheRow> {
  return new Table<CacheRow>({ caption: "Caches", columns: COLUMNS, sort: BY_RATE, empty: "No cache is registered yet. One appears here as soon as a service builds it." }, 20);
}

export function rowsOf(caches: readonly CacheInfo[], gets: MetricHistory | undefined): CacheRow[] {
  return caches.map((cache) => {
    const series = gets?.series.filter(({ tags }) => tags["cache"] === cache.name) ?? [];
    const rates = series.map(({ per_second }) => mean(per_second ?? []));
    const known = rates.filter((rate): rate is number => rate !== null);
    return { cache, rate: known.length > 0 ? known.reduce((a, b) => a + b, 0) : null };
  });
}
