/** The daemon's own record of its figures, read for the window that the reader chose. Knows no chart. */

import { get, statusOf } from "./api.ts";
import { hub } from "./hub.ts";
import type { Column, MetricHistory, Span } from "./wire.ts";

const SHORT_S = 30;

interface Grain {
  range: string;
  step: string;
  seconds: number;
  /** How often what is shown is asked for anew. */
  pollMs: number;
  text: string;
}

export const GRAINS: Record<Span, Grain> = {
  "1m": { range: "1m", step: "1s", seconds: 60, pollMs: 2_000, text: "the last minute" },
  "5m": { range: "5m", step: "5s", seconds: 300, pollMs: 5_000, text: "the last 5 minutes" },
  "60m": { range: "1h", step: "30s", seconds: 3_600, pollMs: 15_000, text: "the last hour" },
  "24h": { range: "24h", step: "10m", seconds: 86_400, pollMs: 60_000, text: "the last 24 hours" },
};

export function grain(): Grain {
  return GRAINS[hub.span];
}

export function historyPath(name: string, tags = "", of: { range: string; step: string } = grain()): string {
  const asked = new URLSearchParams({ name, range: of.range, step: of.step });
  if (tags) asked.set("tags", tags);
  return `v1/metrics/history?${asked}`;
}

/** A metric over the window; undefined if none of that name is recorded (there is no such tier, say). */
export async function fetchHistory(name: string, signal: AbortSignal, tags = "", of?: { range: string; step: string }): Promise<MetricHistory | undefined> {
  try {
    return whole(await get<MetricHistory>(historyPath(name, tags, of), signal));
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** The newest of short points has hardly begun, and tells little: it is left out. */
function whole(history: MetricHistory): MetricHistory {
  return history.step > SHORT_S ? history : { ...history, points: history.points - 1 };
}

/** The times of the points, in seconds. */
export function times(history: MetricHistory): number[] {
  return Array.from({ length: history.points }, (_, i) => history.from + i * history.step);
}

export type Values = (number | null)[];

/** The sum of the series whose tags are as given, point by point; null where none of them was recorded. */
export function sum(history: MetricHistory | undefined, column: Column, tags: Record<string, string> = {}): Values {
  if (!history) return [];
  const total: Values = new Array<number | null>(history.points).fill(null);
  for (const series of history.series) {
    if (!Object.entries(tags).every(([key, value]) => series.tags[key] === value)) continue;
    series[column]?.slice(0, history.points).forEach((value, i) => {
      if (value !== null) total[i] = (total[i] ?? 0) + value;
    });
  }
  return total;
}

/** Two columns, point by point; null where either is. */
export function combine(a: Values, b: Values, of: (a: number, b: number) => number | null): Values {
  return a.map((left, i) => {
    const right = b[i] ?? null;
    return left === null || right === null ? null : of(left, right);
  });
}

/** Part of a whole that may be nothing. */
export function ratio(part: number, whole: number): number | null {
  return whole > 0 ? Math.min(1, Math.max(0, part / whole)) : null;
}

/** What was recorded at the end: in one of the last two points, for the newest may not be complete. */
export function newest(values: Values): number | null {
  return values.at(-1) ?? values.at(-2) ?? null;
}
