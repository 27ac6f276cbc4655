/** How many series the registry holds, and what did not fit. Pure. */

interface Held {
  metrics?: Record<string, Record<string, { name?: string; mean?: number | null; value?: number }>>;
  limits?: { families_refused?: number; series_overflowed?: Record<string, number> };
}

export interface Health {
  series: number;
  names: number;
  largest: { name: string; series: number };
  overflowed: number;
  refused: number;
  /** Series of which no history is kept. */
  unrecorded: number;
  /** Seconds that keeping a second's figures takes, in the mean. */
  recording: number | null;
}

/** Of an answer of `/v1/metrics`. */
export function healthOf(answer: unknown): Health {
  const { metrics = {}, limits = {} } = (answer ?? {}) as Held;
  const byName = new Map<string, number>();
  for (const kind of Object.values(metrics)) {
    for (const [key, { name = key }] of Object.entries(kind)) byName.set(name, (byName.get(name) ?? 0) + 1);
  }
  let largest = { name: "", series: 0 };
  for (const [name, series] of byName) if (series > largest.series) largest = { name, series };
  return {
    series: [...byName.values()].reduce((a, b) => a + b, 0),
    names: byName.size,
    largest,
    overflowed: Object.values(limits.series_overflowed ?? {}).reduce((a, b) => a + b, 0),
    refused: limits.families_refused ?? 0,
    unrecorded: metrics["gauges"]?.["larder_metrics_unrecorded"]?.value ?? 0,
    recording: metrics["timings"]?.["larder_metrics_recording_seconds"]?.mean ?? null,
  };
}
