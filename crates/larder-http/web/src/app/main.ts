/** The page's conductor: follows the address, listens to the daemon, and hands what it hears to the page on the screen. */

import "uplot/dist/uPlot.min.css";
import "../style/base.css";
import "../style/frame.css";
import "../style/controls.css";
import "../style/panels.css";
import "../style/charts.css";
import "../style/tables.css";
import "../style/pages.css";
import "../style/usage.css";
import "../style/narrow.css";
import { describe, get, openEvents, statusOf } from "./api.ts";
import { takeTokenFromUrl, token } from "./auth.ts";
import { initKeys } from "./help.ts";
import { hub } from "./hub.ts";
import { initNav, markNav } from "./nav.ts";
import type { Page } from "./page.ts";
import { PAGES } from "./pages.ts";
import { Poller } from "./poller.ts";
import { follow, type Place } from "./router.ts";

import { LiveStream, type StreamEvent, type StreamState } from "./stream.ts";
import { Strip } from "./strip.ts";
import { applyTheme, initTheme } from "./theme.ts";
import { type CacheInfo, type ServerStatus, SPANS, type Span, type Tick } from "./wire.ts";
import { askToken, initTokenDialog } from "../parts/dialogs.ts";
import { byId, setText } from "../parts/dom.ts";
import { listeners } from "./listeners.ts";

const STATUS_MS = 5000;
const FIGURES_MS = 2000;

applyTheme();
takeTokenFromUrl();
initNav();

const view = byId("view");
const made = new Map<string, Page>();
const strip = new Strip({ span: chooseSpan, pause: togglePause });
const stream = new LiveStream({ open: openEvents, onEvent: hear, onState: hearState, onError: hearStreamError });
const status = new Poller({ every: () => STATUS_MS, ask: askStatus, failed: hearError });
/** In place of a stream that is not to be had. */
const figures = new Poller({ every: () => FIGURES_MS, ask: askFigures, failed: hearError });
let page: Page | undefined;
let refused = false;
let wasDown = false;

function go(place: Place): void {
  const name = place.page in PAGES ? place.page : "";
  let next = made.get(name);
  if (!next) {
    next = PAGES[name]!();
    made.set(name, next);
  }
  const moved = next !== page;
  if (moved) {
    page?.close();
    hub.recorded = undefined;
  }
  page = next;
  markNav(name);
  document.title = name === "" ? "Larder" : `${place.argument || next.title} · Larder`;
  if (moved) view.replaceChildren(next.element);
  if (next.open) next.open(place.argument);
  else next.refresh();
  if (hub.tick) next.tick?.(hub.tick);
  if (moved) scrollTo(0, 0);
}

async function askStatus(signal: AbortSignal): Promise<void> {
  const before = hub.role;
  hub.status = await get<ServerStatus>("v1/status", signal);
  hub.clock(hub.status.now);
  refused = false;
  strip.heard();
  strip.show();
  if (hub.role !== before) page?.refresh();
}

async function askFigures(signal: AbortSignal): Promise<void> {
  const { caches } = await get<{ caches: CacheInfo[] }>("v1/caches", signal);
  tick({ at: new Date(hub.now()).toISOString(), caches });
}

function tick(heard: Tick): void {
  hub.heard(heard);
  strip.heard();
  page?.tick?.(heard);
}

function hear({ event, data }: StreamEvent): void {
  if (hub.isPaused) return;
  const heard: unknown = JSON.parse(data);
  if (event === "tick") {
    tick(heard as Tick);
  } else {
    listeners.tell(event, heard);
  }
}

function hearState(state: StreamState): void {
  strip.stream(state);
  if (state.kind === "waiting") wasDown = true;
  else if (state.kind !== "connecting") poll(undefined);
  if (state.kind !== "open") return;
  // What changed while nobody listened was not announced.
  if (wasDown) {
    status.start();
    page?.refresh();
  }
  wasDown = false;
}

function hearError(error: unknown): void {
  if (statusOf(error) === 401) refuse(error);
  else strip.failed(!(error instanceof TypeError));
}

/** A server that answers, and has no stream for this page, is polled. */
function hearStreamError(error: unknown): void {
  hearError(error);
  const isServed = statusOf(error) !== undefined && !refused;
  poll(isServed ? describe(error).detail : undefined);
}

function poll(why: string | undefined): void {
  strip.polling(why);
  if (why === undefined) figures.stop();
  else if (!figures.isRunning) figures.start();
}

/** Asks once for a token and stops listening until there is one. */
function refuse(error: unknown): void {
  if (refused) return;
  refused = true;
  // What was known was known of another token, or of another daemon.
  hub.status = undefined;
  stream.pause("refused");
  const { title, detail } = describe(error);
  say(`${title}. ${detail}`);
  askToken(token() === null ? "The server asks for a token." : `The server refused the token. ${detail}`);
}

function say(text: string): void {
  const banner = byId("banner");
  setText(banner, text);
  banner.hidden = text === "";
}

/** (Re)starts everything that talks to the server. */
function start(): void {
  refused = false;
  say("");
  hub.listen();
  status.start();
  stream.start();
}

function chooseSpan(span: Span): void {
  hub.choose(span);
  const input = document.querySelector<HTMLInputElement>(`#span input[value="${span}"]`);
  if (input) input.checked = true;
  page?.refresh();
}

function togglePause(): void {
  hub.isPaused = !hub.isPaused;
  if (hub.isPaused) stream.pause();
  else resume();
  strip.show();
}

function resume(): void {
  start();
  page?.refresh();
}

initTheme(() => {
  for (const each of made.values()) each.restyle?.();
});
initTokenDialog(() => {
  hub.status = undefined;
  start();
  page?.refresh();
});
initKeys([
  { key: "w", text: "Next window", run: () => chooseSpan(SPANS[(SPANS.indexOf(hub.span) + 1) % SPANS.length]!) },
  { key: "p", text: "Pause and resume", run: togglePause },
  { key: "t", text: "Dark and light", run: () => byId("theme-button").click() },
]);
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("main").focus();
});
document.addEventListener("visibilitychange", () => {
  if (hub.isPaused || refused) return;
  if (document.hidden) stream.pause();
  else resume();
});
setInterval(() => strip.show(), 1000);
follow(go);
start();
