/** The table of caches; each name leads to the cache's page. */

import { address } from "../../app/router.ts";
import { bytes, compact, count, duration, percent, perSecond, seconds } from "../../parts/format.ts";
import { type Column, Table } from "../../parts/table.ts";
import { ratio } from "../../app/series.ts";
import { added, didOf, type Timed, type WindowFigures } from "../../app/window.ts";
import type { CacheInfo } from "../../app/wire.ts";

/** A cache with what it did in the window; null and undefined where nothing was recorded. */
export interface CacheRow {
  cache: CacheInfo;
  rate: number | null;
  hitRatio: number | null;
  hit: Timed | undefined;
  load: Timed | undefined;
  failed: number | null;
}

const failedEver = ({ cache: { stats } }: CacheRow): number => stats.load_errors + stats.load_panics + stats.timeouts + stats.overloads;
const filled = ({ cache }: CacheRow): number => (cache.capacity > 0 ? cache.weight / cache.capacity : 0);
const time = (value: number | null | undefined): string => (value == null ? "–" : seconds(value));

const COLUMNS: readonly Column<CacheRow>[] = [
  { label: "Cache", text: true, by: (row) => row.cache.name, cell: ({ cache }) => ({ text: cache.name, href: address("cache", cache.name), mark: cache.tier === "memory" ? undefined : cache.tier }) },
  { label: "Gets", by: (row) => row.rate ?? -1, cell: (row) => ({ text: perSecond(row.rate), title: `${count(row.cache.stats.gets)} since the start` }) },
  { label: "Hit ratio", by: (row) => row.hitRatio ?? -1, cell: (row) => ({ text: percent(row.hitRatio), title: `${percent(row.cache.stats.hit_rate)} since the start` }) },
  { label: "Hit, mean", by: (row) => row.hit?.mean ?? -1, cell: (row) => time(row.hit?.mean) },
  { label: "Load, mean", by: (row) => row.load?.mean ?? -1, cell: (row) => time(row.load?.mean) },
  { label: "Load, p99", by: (row) => row.load?.p99 ?? -1, cell: (row) => time(row.load?.p99) },
  { label: "Failed", by: (row) => row.failed ?? -1, cell: (row) => ({ text: row.failed === null ? "–" : count(row.failed), tone: row.failed ? "bad" : undefined, title: `loads that failed or panicked, gets that timed out or were refused; ${count(failedEver(row))} since the start` }) },
  { label: "Saved since the start", by: (row) => row.cache.stats.time_saved_ms, cell: (row) => duration(row.cache.stats.time_saved_ms) },
  { label: "Entries", by: (row) => row.cache.entries, cell: (row) => compact(row.cache.entries) },
  { label: "Full", by: filled, cell: (row) => ({ text: percent(filled(row)), title: row.cache.weighed ? `${bytes(row.cache.weight)} of ${bytes(row.cache.capacity)}` : `${count(row.cache.weight)} of ${count(row.cache.capacity)} entries` }) },
  { label: "TTL", by: (row) => row.cache.ttl_ms ?? Number.POSITIVE_INFINITY, cell: (row) => (row.cache.ttl_ms === null ? "none" : duration(row.cache.ttl_ms)) },
];

const BY_RATE = 1;

export function cachesTable(): Table<CacheRow> {
  return new Table<CacheRow>({ caption: "Caches", columns: COLUMNS, sort: BY_RATE, empty: "No cache is registered yet. One appears here as soon as a service builds it." }, 20);
}

export function rowsOf(caches: readonly CacheInfo[], window: WindowFigures | undefined): CacheRow[] {
  return caches.map((cache) => {
    const did = window && didOf(window, cache.name);
    const timed = (of: string): Timed | undefined => window?.timed("larder_cache_latency_seconds", { cache: cache.name, of });
    return {
      cache,
      rate: window?.each(did?.gets ?? null) ?? null,
      hitRatio: ratio(did?.hits ?? 0, did?.gets ?? 0),
      hit: timed("hit"),
      load: timed("load"),
      failed: did ? added(did.failedLoads, did.givenUp) : null,
    };
  });
}
