/** What the service answers: the JSON shapes as they are on the wire. Knows nothing of the page. */

export type TimeRange = "today" | "week" | "month" | "all";
export const TIME_RANGES: readonly TimeRange[] = ["today", "week", "month", "all"];

export interface Tokens {
  messages: number;
  input_tokens: number;
  output_tokens: number;
  cache_creation_tokens: number;
  cache_read_tokens: number;
  total_tokens: number;
  cost_usd: number;
}

export interface Totals extends Tokens {
  unpriced_messages: number;
  basis: string;
}

export interface ModelRow extends Tokens {
  model: string;
  priced: boolean;
}

export interface ProjectRow extends Tokens {
  project: string;
}

export interface DayRow extends Tokens {
  /** `2026-09-01`, or `undated`. */
  date: string;
}

export interface SessionRow extends Tokens {
  session: string;
  project: string;
  last_activity: string | null;
}

export interface Call {
  timestamp: string | null;
  model: string;
  project: string;
  session: string;
  input_tokens: number;
  output_tokens: number;
  cache_creation_tokens: number;
  cache_read_tokens: number;
  cost_usd: number;
  priced: boolean;
}

export interface Stats {
  totals: Totals;
  models: ModelRow[];
  projects: ProjectRow[];
  days: DayRow[];
  sessions: SessionRow[];
  chart_data: {
    cost_by_project: { project: string; cost: number }[];
    model_distribution: { model: string; percentage: number }[];
  };
  activity: Call[];
  archived: { files: number; messages: number; total_tokens: number; cost_usd: number };
  scan: { files: number; lines: number; bytes: number; skipped_lines: number; unreadable: number; last_refresh_ms: number };
  snapshot: { timestamp: string | null; age_ms: number };
  time_range: TimeRange;
  /** Days such as `2026-09-01`, both included, in this zone. */
  window: { from: string | null; to: string; zone: string };
  uptime_seconds: number;
  total_requests: number;
  successful_requests: number;
  failed_requests: number;
  avg_response_time_ms: number;
}

export interface HistoryPoint {
  timestamp: string | null;
  cost_usd: number;
}

export interface History {
  range: { from: string; to: string };
  points: HistoryPoint[];
}

export interface SnapshotEvent {
  service: string;
  version: number;
  timestamp: string;
}
