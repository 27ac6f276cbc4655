/** Calls to the server: authorization, time-outs, problems. Knows nothing of how answers are shown. */

import { token } from "./auth.ts";
import { sentence } from "../parts/format.ts";
import type { Problem } from "./wire.ts";

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

/** The status of a refusal; undefined if there was no answer at all. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof ProblemError ? error.problem.status : undefined;
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await call(path, signal ? { signal } : {})).json()) as T;
}

/** Sends a change, with a JSON body if there is one. */
export async function send<T>(method: "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<T> {
  const content = body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const text = await (await call(path, { method, ...content })).text();
  return (text ? JSON.parse(text) : undefined) as T;
}

/** Opens the live stream: no time-out, the caller watches for silence. */
export function openEvents(signal: AbortSignal): Promise<Response> {
  return request("v1/events", { headers: { Accept: "text/event-stream" }, signal });
}

/** A WebSocket of this server. A page can set no header there: the token goes along in the URL. */
export function openSocket(path: string): WebSocket {
  const bearer = token();
  const url = new URL(path + (bearer ? `?access_token=${encodeURIComponent(bearer)}` : ""), location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  return new WebSocket(url);
}

/** An answer's head and body, for those that need its headers; 304 is one too. */
export function call(path: string, init: RequestInit): Promise<Response> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  return request(path, { ...init, signal: init.signal ? AbortSignal.any([init.signal, timeout]) : timeout });
}

async function request(path: string, init: RequestInit): Promise<Response> {
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
