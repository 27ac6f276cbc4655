/** The calls of this service. An unchanged answer (304) comes from memory: the very same object. */

import { call, get } from "../../../app/api.ts";
import type { History, Stats, TimeRange } from "./wire.ts";

interface Known {
  etag: string;
  stats: Stats;
}

const known = new Map<TimeRange, Known>();

export async function fetchStats(range: TimeRange, signal: AbortSignal): Promise<Stats> {
  const before = known.get(range);
  const headers: Record<string, string> = before ? { "If-None-Match": before.etag } : {};
  const response = await call(`api/stats?time_range=${range}`, { headers, signal });
  if (response.status === 304 && before) return before.stats;
  const stats = (await response.json()) as Stats;
  const etag = response.headers.get("ETag");
  if (etag) known.set(range, { etag, stats });
  return stats;
}

/** Forgets kept answers: another token may see another answer. */
export function forgetStats(): void {
  known.clear();
}

export async function fetchHistory(query: string, signal: AbortSignal): Promise<History> {
  return await get<History>(`api/metrics/history?${query}`, signal);
}
