/** Calls to the server: authorization, ETags, problems. Knows nothing of how answers are shown. */

import { token } from "./auth.ts";
import { sentence } from "./format.ts";
import type { CacheInfo, History, Problem, Stats, TimeRange } from "./wire.ts";

const TIMEOUT_MS = 10_000;
const DETAIL_MAX = 300;

/** An answer that is not a success, as the server's problem document describes it. */
export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail ?? problem.title);
    this.problem = problem;
  }
}

/** A title and a sentence for any failure of a call. */
export function describe(error: unknown): { title: string; detail: string } {
  if (error instanceof ProblemError) {
    const { title, detail, request_id } = error.problem;
    return { title, detail: [detail && sentence(detail), request_id && `Request ${request_id}.`].filter(Boolean).join(" ") };
  }
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return { title: "No answer", detail: `The server did not answer within ${TIMEOUT_MS / 1000} s.` };
  }
  if (error instanceof TypeError) {
    return { title: "Server not reached", detail: "Is larder still running? The page goes on trying." };
  }
  return { title: "Unexpected failure", detail: String(error) };
}

interface Known {
  etag: string;
  stats: Stats;
}

const known = new Map<TimeRange, Known>();

/** The figures of a range. An unchanged answer (304) comes from memory: the very same object. */
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
  return (await (await call(`api/metrics/history?${query}`, { signal })).json()) as History;
}

export async function fetchCaches(signal: AbortSignal): Promise<CacheInfo[]> {
  const body = (await (await call("v1/caches", { signal })).json()) as { caches: CacheInfo[] };
  return body.caches;
}

export async function clearCache(name: string): Promise<void> {
  await call(`v1/caches/${encodeURIComponent(name)}/clear`, { method: "POST" });
}

/** Opens the live stream: no time-out, the caller watches for silence. */
export function openEvents(signal: AbortSignal): Promise<Response> {
  return send("v1/events", { headers: { Accept: "text/event-stream" }, signal });
}

function call(path: string, init: RequestInit): Promise<Response> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  return send(path, { ...init, signal: init.signal ? AbortSignal.any([init.signal, timeout]) : timeout });
}

async function send(path: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers);
  if (!headers.has("Accept")) headers.set("Accept", "application/json");
  const bearer = token();
  if (bearer) headers.set("Authorization", `Bearer ${bearer}`);
  const response = await fetch(path, { ...init, headers, cache: "no-store", credentials: "omit" });
  if (response.ok || response.status === 304) return response;
  throw new ProblemError(await readProblem(response));
}

async function readProblem(response: Response): Promise<Problem> {
  const text = await response.text();
  const fallback: Problem = { title: `HTTP ${response.status} ${response.statusText}`.trim(), status: response.status };
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null) return { ...fallback, ...body, status: response.status };
  } catch {
    // Not JSON (a proxy's page, say): its beginning is the detail.
  }
  return text ? { ...fallback, detail: text.slice(0, DETAIL_MAX) } : fallback;
}
