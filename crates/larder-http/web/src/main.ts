/** The page's conductor: fetches, listens, retries, and hands what it hears to the parts that show it. */

import "uplot/dist/uPlot.min.css";
import "./style/page.css";
import "./style/panels.css";
import { clearCache, describe, fetchCaches, fetchStats, forgetStats, openEvents, ProblemError } from "./api.ts";
import { takeTokenFromUrl, token } from "./auth.ts";
import { showBars } from "./bars.ts";
import { Breakdown } from "./breakdown.ts";
import { Charts } from "./charts.ts";
import { askToken, confirmed, initTokenDialog, notify } from "./dialogs.ts";
import { CostHistory } from "./history.ts";
import { initRange } from "./range.ts";
import { Status } from "./status.ts";
import { showBusy, showFailure, showFigures } from "./states.ts";
import { LiveStream, type StreamEvent, type StreamState } from "./stream.ts";
import { applyTheme, initTheme } from "./theme.ts";
import { Tiles } from "./tiles.ts";
import { showTotals } from "./totals.ts";
import type { CacheInfo, SnapshotEvent, Stats, Tick, TimeRange } from "./wire.ts";

const SCAN_POLL_MS = 500;
const NO_LOGS_POLL_MS = 5000;
const RETRY_FIRST_MS = 1000;
const RETRY_MAX_MS = 15_000;
/** Without the live stream the figures are asked for at this pace. */
const FALLBACK_POLL_MS = 5000;
const HISTORY_POLL_MS = 2000;
const SERVICE = "claude_usage";

applyTheme();
takeTokenFromUrl();

const charts = new Charts();
const history = new CostHistory();
const breakdown = new Breakdown();
const status = new Status();
const tiles = new Tiles((name) => void clear(name));
const stream = new LiveStream({ open: openEvents, onEvent: hear, onState: hearState, onError: hearError });

let range: TimeRange = initRange((chosen) => {
  range = chosen;
  showBusy();
  refresh();
});
let shown: Stats | undefined;
let caches: readonly CacheInfo[] = [];
let streaming: StreamState["kind"] = "connecting";
let fetching: AbortController | undefined;
let again = false;
let retry: ReturnType<typeof setTimeout> | undefined;
let retryMs = RETRY_FIRST_MS;
let refused = false;

/** Fetches the figures of the chosen range; while a fetch of that range is under way, once more after it. */
let fetchingRange: TimeRange | undefined;
function refresh(): void {
  if (fetching && fetchingRange === range) {
    again = true;
    return;
  }
  fetching?.abort();
  clearTimeout(retry);
  void load(range, (fetching = new AbortController()));
}

async function load(of: TimeRange, control: AbortController): Promise<void> {
  fetchingRange = of;
  again = false;
  try {
    const stats = await fetchStats(of, control.signal);
    if (control.signal.aborted) return;
    show(stats);
    retryMs = RETRY_FIRST_MS;
  } catch (error) {
    if (control.signal.aborted) return;
    fail(error);
  }
  fetching = undefined;
  if (again) refresh();
}

function show(stats: Stats): void {
  const fresh = stats !== shown;
  showFigures();
  status.showStats(stats, fresh);
  refused = false;
  if (!fresh) return;
  showTotals(stats);
  showBars(stats);
  charts.update(stats);
  breakdown.update(stats);
  if (shown === undefined) void loadHistory();
  shown = stats;
}

function fail(error: unknown): void {
  if (isUnauthorized(error)) return refuse(error);
  showFailure(error, shown !== undefined);
  retry = setTimeout(refresh, retryAfter(error));
}

function retryAfter(error: unknown): number {
  const problem = error instanceof ProblemError ? error.problem : undefined;
  if (problem?.progress) return SCAN_POLL_MS;
  if (problem?.looked_in) return NO_LOGS_POLL_MS;
  const wait = retryMs;
  retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
  return wait;
}

function isUnauthorized(error: unknown): error is ProblemError {
  return error instanceof ProblemError && error.problem.status === 401;
}

/** Asks once for a token and stops asking the server until there is one. */
function refuse(error: ProblemError): void {
  showFailure(error, shown !== undefined);
  if (refused) return;
  refused = true;
  stream.pause("refused");
  askToken(token() === null ? "The server asks for a token." : `The server refused the token. ${describe(error).detail}`);
}

async function loadHistory(): Promise<void> {
  try {
    const { points, to } = await history.update(new AbortController().signal);
    charts.updateLive(points, to);
    const last = points.at(-1);
    if (last) status.confirm(last.at);
  } catch {
    // The chart keeps what it shows; that the server is away is said by the figures' own fetch.
  }
}

async function loadCaches(): Promise<void> {
  try {
    showCaches(await fetchCaches(new AbortController().signal), Date.now());
  } catch (error) {
    if (isUnauthorized(error)) refuse(error);
  }
}

function showCaches(list: readonly CacheInfo[], at: number): void {
  caches = list;
  tiles.update(list, at, token() !== null);
}

async function clear(name: string): Promise<void> {
  const entries = caches.find((cache) => cache.name === name)?.entries ?? 0;
  const text = `All ${entries.toLocaleString("en-US")} entries are removed; the next gets load anew.`;
  if (!(await confirmed({ title: `Clear ${name}?`, text, ok: "Clear" }))) return;
  try {
    await clearCache(name);
    notify(`${name} is cleared.`);
    void loadCaches();
  } catch (error) {
    const { title, detail } = describe(error);
    notify(`${name} was not cleared. ${title}: ${detail}`);
  }
}

function hear({ event, data }: StreamEvent): void {
  if (event === "tick") {
    const tick = JSON.parse(data) as Tick;
    status.showTick(Date.parse(tick.at), tick.requests);
    showCaches(tick.caches, Date.parse(tick.at));
  }
  // Events were lost on the way: one of them may have been a new snapshot.
  if (event === "lagged") refresh();
  if (event === "snapshot" && (JSON.parse(data) as SnapshotEvent).service === SERVICE) refresh();
}

function hearState(state: StreamState): void {
  streaming = state.kind;
  status.showStream(state);
  // What changed while nobody listened was not announced.
  if (state.kind === "open") refresh();
}

function hearError(error: unknown): void {
  if (isUnauthorized(error)) refuse(error);
}

/** (Re)starts everything that talks to the server. */
function start(): void {
  refused = false;
  refresh();
  void loadCaches();
  stream.start();
}

function whenVisible(run: () => void): () => void {
  return () => {
    if (!document.hidden && !refused) run();
  };
}

initTheme(() => charts.restyle());
initTokenDialog(() => {
  forgetStats();
  history.forget();
  start();
});
document.addEventListener("visibilitychange", () => (document.hidden ? stream.pause() : start()));
setInterval(() => status.show(), 1000);
setInterval(whenVisible(() => shown && void loadHistory()), HISTORY_POLL_MS);
setInterval(
  whenVisible(() => {
    if (streaming === "open") return;
    if (shown) refresh();
    void loadCaches();
  }),
  FALLBACK_POLL_MS,
);
start();
