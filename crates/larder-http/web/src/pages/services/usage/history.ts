/** The last hour of the cost, kept up by asking only for what is new. Knows nothing of charts. */

import { fetchHistory } from "./stats.ts";

const HOUR_MS = 3_600_000;
const POINTS_MAX = 3000;

export interface CostAt {
  /** Milliseconds since the epoch, by the server's clock. */
  at: number;
  cost: number;
}

export class CostHistory {
  #points: CostAt[] = [];
  #last: string | undefined;

  /** Fetches what is new; gives the points of the last hour, oldest first, and where the hour ends. */
  async update(signal: AbortSignal): Promise<{ points: readonly CostAt[]; to: number }> {
    const asked = this.#last;
    const history = await fetchHistory(asked === undefined ? "range=1h" : `from=${encodeURIComponent(asked)}`, signal);
    const to = Date.parse(history.range.to);
    const known = this.#points.at(-1)?.at ?? 0;
    for (const { timestamp, cost_usd } of history.points) {
      const at = Date.parse(timestamp ?? "");
      if (!(at > known)) continue;
      this.#points.push({ at, cost: cost_usd });
      this.#last = timestamp ?? undefined;
    }
    const begins = this.#points.findIndex(({ at }) => at >= to - HOUR_MS);
    this.#points = begins < 0 ? [] : this.#points.slice(Math.max(begins, this.#points.length - POINTS_MAX));
    // A point that left the hour is no start to ask from.
    if (begins < 0) this.#last = undefined;
    return { points: this.#points, to };
  }

  /** Starts anew with the next update. */
  forget(): void {
    this.#points = [];
    this.#last = undefined;
  }
}
