/** What stands behind the caches, and how it is: the state in words and marks, the breaker, the last error, the lag. */

import { duration } from "../../parts/format.ts";
import { type Column, Table } from "../../parts/table.ts";
import type { Backend } from "../../app/wire.ts";

const MARKS: Record<string, string> = { up: "●", ready: "●", ok: "●", closed: "●", degraded: "▲", half_open: "▲", down: "✕", open: "✕", failed: "✕" };
const WORST = ["down", "failed", "degraded"];

function marked(state: string): string {
  return `${MARKS[state] ?? "○"} ${state.replaceAll("_", " ")}`;
}

const COLUMNS: readonly Column<Backend>[] = [
  { label: "Backend", text: true, by: (row) => row.name, cell: (row) => ({ text: row.name, mark: row.kind }) },
  { label: "State", text: true, by: (row) => WORST.indexOf(row.state), cell: (row) => ({ text: marked(row.state), tone: WORST.includes(row.state) ? "bad" : "good" }) },
  { label: "Breaker", text: true, cell: (row) => (row.breaker === null ? "–" : marked(row.breaker)) },
  { label: "Lag", by: (row) => row.lag_ms ?? -1, cell: (row) => (row.lag_ms === null ? "–" : duration(row.lag_ms)) },
  { label: "Reason, last error", text: true, cell: (row) => ({ text: row.reason ?? row.last_error ?? "–", title: row.last_error ?? undefined }) },
  { label: "Caches", text: true, cell: (row) => ({ text: row.caches.length > 3 ? `${row.caches.slice(0, 3).join(", ")} and ${row.caches.length - 3} more` : row.caches.join(", ") || "–", title: row.caches.join(", ") || undefined }) },
];

export function backendsTable(): Table<Backend> {
  return new Table<Backend>({ caption: "Backends", columns: COLUMNS, empty: "No backend is reported." }, 20);
}

