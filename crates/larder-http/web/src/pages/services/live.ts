/** The service `live`: events as they come, what UDP lost, how long telling takes, what the tree holds. */

import { get } from "../../app/api.ts";
import { hub } from "../../app/hub.ts";
import type { Page } from "../../app/page.ts";
import { Socket } from "../../app/socket.ts";
import { Lines } from "../../charts/lines.ts";
import { el } from "../../parts/dom.ts";
import { showFacts } from "../../parts/facts.ts";
import { bytes, compact, count, percent, perSecond, plural, seconds } from "../../parts/format.ts";
import { Log } from "../../parts/log.ts";
import { empty, panel } from "../../parts/panel.ts";
import { RateRing, Ring } from "../../parts/ring.ts";
import { Tile } from "../../parts/tile.ts";
import { Service } from "./service.ts";

const CACHE = "live_set.lookups";
const POINTS_MAX = 300;
/** Lines of the log for one message: a set that is opened anew is one of thousands. */
const CHANGES_MAX = 8;
const TEXT_MAX = 200;

interface Summary {
  event_processing: { total_events: number; processed_events: number; ignored_events: number; unhandled_events: number; avg_processing_time: number; p95_processing_time: number };
  errors: { total_errors: number; by_type: Record<string, number> };
  udp: { datagrams: number; malformed: number; dropped: number; lost_events: number; loss_rate: number; duplicates: number; late: number; sender_restarts: number };
  websocket: { clients: number; broadcasts: number; avg_broadcast_latency: number; p95_broadcast_latency: number; p99_broadcast_latency: number; messages_lost: number };
  set: { loads: number; load_errors: number; avg_load_time: number };
  cache: { hit_rate: number; evictions: number };
}

interface Project {
  attributes: Record<string, unknown>;
  counts: Record<string, number>;
  inflated_bytes: number;
  load_ms: number;
  load_error: string | null;
  nodes: number;
  project_path: string | null;
  version: string;
}

interface Change {
  kind: string;
  path: string;
  node_type: string;
  old_value: unknown;
  new_value: unknown;
}

export class LivePage implements Page {
  readonly title = "Live";
  readonly element: HTMLElement;
  readonly #service = new Service("Live", "an Ableton Live set as a versioned tree", [CACHE], (signal) => this.#ask(signal));
  readonly #events = new Tile("Events", { colour: "memory" });
  readonly #loss = new Tile("UDP loss", { colour: "error" });
  readonly #telling = new Tile("Broadcast, p99", { colour: "origin" });
  readonly #work = new Tile("Processing, p95", { colour: "disk" });
  readonly #hits = new Tile("Look-ups from the cache", { colour: "memory" });
  readonly #rate = new Lines({ label: "Events a second", empty: "The rate shows after a few seconds", format: (value) => perSecond(value), lines: [{ label: "received", colour: "memory", fill: true }, { label: "lost on the way", colour: "error", dash: [4, 3] }] });
  readonly #log = new Log(empty("No change yet", "Events come over UDP; each that changes the set shows here."));
  readonly #counts = el("dl", { class: "counters" });
  readonly #set = el("dl", { class: "facts" });
  readonly #udp = el("dl", { class: "counters" });
  readonly #received = new RateRing(POINTS_MAX);
  readonly #lost = new RateRing(POINTS_MAX);
  readonly #p99 = new Ring(POINTS_MAX);
  readonly #socket = new Socket("live/ws", (text) => this.#hear(text), () => {});

  constructor() {
    const tiles = [this.#events, this.#loss, this.#telling, this.#work, this.#hits];
    const summary = (): { path: string } => ({ path: "live/metrics/summary" });
    this.element = el(
      "div",
      { class: "stack" },
      this.#service.heading,
      el("div", { class: "tiles five" }, ...tiles.map((tile) => tile.element)),
      el(
        "div",
        { class: "grid two" },
        panel("Events", { curl: summary, note: "since this page is open" }, this.#rate.element).element,
        panel("Changes, as they happen", { note: "over /live/ws" }, this.#log.element).element,
        panel("Tree", { curl: () => ({ path: "live/project" }) }, this.#counts, this.#set).element,
        panel("UDP and WebSocket", { curl: summary }, this.#udp).element,
      ),
    );
  }

  close(): void {
    this.#service.poller.stop();
    this.#socket.stop();
  }

  refresh(): void {
    this.#service.poller.start();
    this.#socket.start();
  }

  restyle(): void {
    this.#rate.restyle();
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const [summary, project] = await Promise.all([get<Summary>("live/metrics/summary", signal), get<Project>("live/project", signal)]);
    const now = hub.now() / 1000;
    const gets = hub.tick?.caches.find(({ name }) => name === CACHE)?.stats.gets ?? 0;
    const { event_processing: events, udp, websocket, cache } = summary;
    this.#received.count(now, events.total_events);
    this.#lost.count(now, udp.lost_events);
    // Where nothing was told, lost or asked for yet, a zero would be a claim.
    const [some, told, asked] = [events.total_events + udp.lost_events > 0, websocket.broadcasts > 0, gets > 0];
    this.#p99.add(now, told ? websocket.p99_broadcast_latency : null);
    this.#events.show({ value: perSecond(this.#received.values.at(-1) ?? null), detail: `${compact(events.total_events)} received, ${compact(events.processed_events)} applied`, spark: this.#received.values });
    this.#loss.show({ value: some ? percent(udp.loss_rate) : "–", detail: `${count(udp.lost_events)} lost, ${count(udp.late)} late, ${count(udp.duplicates)} twice`, spark: this.#lost.values, alarm: udp.loss_rate > 0.05 ? "more than 5 % are lost" : undefined });
    this.#telling.show({ value: time(told, websocket.p99_broadcast_latency), detail: `p95 ${time(told, websocket.p95_broadcast_latency)}, to ${plural(websocket.clients, "client")}`, spark: this.#p99.values });
    this.#work.show({ value: time(some, events.p95_processing_time), detail: `mean ${time(some, events.avg_processing_time)}` });
    this.#hits.show({ value: asked ? percent(cache.hit_rate) : "–", detail: `${count(cache.evictions)} evictions` });
    this.#rate.update(this.#received.times, [this.#received.values, this.#lost.values]);
    this.#showTree(project, summary);
    showCounts(this.#udp, [
      ["Datagrams", udp.datagrams],
      ["Malformed", udp.malformed],
      ["Dropped", udp.dropped],
      ["Lost", udp.lost_events],
      ["Duplicates", udp.duplicates],
      ["Late", udp.late],
      ["Sender restarts", udp.sender_restarts],
      ["Unhandled", events.unhandled_events],
      ["Without a set", events.ignored_events],
      ["Errors", summary.errors.total_errors],
      ["Broadcasts", websocket.broadcasts],
      ["Messages lost", websocket.messages_lost],
    ]);
  }

  #showTree(project: Project, { set }: Summary): void {
    showCounts(this.#counts, Object.entries(project.counts).map(([kind, n]) => [kind.replaceAll("_", " "), n]));
    const facts: [string, string][] = [
      ["File", project.project_path ?? "the built-in set"],
      ["Nodes", `${count(project.nodes)}, of ${bytes(project.inflated_bytes)} of XML`],
      ["Tempo", `${String(project.attributes["tempo"] ?? "–")} bpm`],
      ["Version", project.version.slice(0, 12)],
      ["Loads", `${count(set.loads)}, ${time(set.loads > 0, set.avg_load_time)} each; ${count(set.load_errors)} failed`],
      ...(project.load_error ? [["Last error", project.load_error] as [string, string]] : []),
    ];
    showFacts(this.#set, facts);
  }

  #hear(text: string): void {
    // The tree itself, of megabytes, is nothing to show here.
    if (text.startsWith('{"type":"FULL_AST"') || text.length > 1_000_000) return this.#log.add(hub.now(), "set", "the whole set was sent");
    const { type, payload } = JSON.parse(text) as { type: string; payload: { diff?: { changes: Change[] }; error?: string } };
    if (type === "FULL_AST") return;
    const changes = payload.diff?.changes ?? [];
    for (const change of changes.slice(0, CHANGES_MAX)) this.#log.add(hub.now(), change.kind.replaceAll("_", " "), changeText(change));
    if (changes.length > CHANGES_MAX) this.#log.add(hub.now(), "more", `${count(changes.length - CHANGES_MAX)} further changes`);
    if (payload.error) this.#log.add(hub.now(), "error", payload.error);
  }
}

/** A time in seconds, where something was timed. */
function time(known: boolean, value: number): string {
  return known ? seconds(value) : "–";
}

function changeText({ path, old_value, new_value }: Change): string {
  const value = (of: unknown): string => (of === null || of === undefined ? "" : typeof of === "string" ? of : JSON.stringify(of));
  const [before, after] = [value(old_value), value(new_value)];
  return `${path} ${before && after ? `${before} → ${after}` : before || after}`.slice(0, TEXT_MAX);
}

function showCounts(list: HTMLElement, counts: readonly (readonly [string, number])[]): void {
  showFacts(list, counts.map(([name, n]) => [name, count(n)]));
}
