/** Who answered: each tier's share of the gets, what it took, what it holds. */

import { el, fill, setText } from "../../parts/dom.ts";
import { bytes, compact, micros, percent, perSecond, seconds } from "../../parts/format.ts";
import { empty } from "../../parts/panel.ts";
import { ratio } from "../../app/series.ts";
import { didOf, type WindowFigures } from "../../app/window.ts";
import type { CacheInfo } from "../../app/wire.ts";

interface Row {
  name: string;
  what: string;
  colour: string;
  share: number | null;
  rate: number | null;
  latency: string;
  holds: string;
}

export class Waterfall {
  readonly element = el("div", { class: "waterfall" });
  readonly #rows = el("ol");
  readonly #empty = empty("No get was recorded in this window", "Ask a service something, or choose a longer window.");

  constructor() {
    // Nothing is known before it was asked for.
    this.#empty.hidden = true;
    this.element.append(this.#rows, this.#empty);
  }

  update(window: WindowFigures | undefined, caches: readonly CacheInfo[]): void {
    const rows = window ? waterfall(window, caches) : [];
    const some = rows.some((row) => row.share !== null);
    this.#empty.hidden = some;
    this.#rows.hidden = !some;
    let before = 0;
    fill(this.#rows, rows, makeRow, (node, row) => {
      showRow(node, row, before);
      before += row.share ?? 0;
    });
  }
}

export function waterfall(window: WindowFigures, caches: readonly CacheInfo[]): Row[] {
  const did = didOf(window);
  const row = (name: string, what: string, colour: string, answered: number | null, latency: string, holds: string): Row => {
    return { name, what, colour, rate: window.each(answered), share: answered === null ? null : ratio(answered, did.gets ?? 0), latency, holds };
  };
  const mean = (of: string): string => {
    const took = window.mean("larder_cache_latency_seconds", { of });
    return took === null ? "–" : `mean ${seconds(took)}`;
  };
  const disks = caches.flatMap(({ stats }) => (stats.disk ? [stats.disk] : []));
  const remotes = caches.flatMap(({ stats }) => (stats.remote ? [stats.remote] : []));
  const trips = remotes.flatMap(({ round_trip_us }) => (round_trip_us === null ? [] : [round_trip_us]));
  return [
    row("Memory", "of this process", "memory", did.memory, mean("hit"), memoryHolds(caches)),
    ...(disks.length > 0 ? [row("Disk", "survives a restart", "disk", did.disk, "–", `${bytes(total(disks.map((d) => d.bytes)))} of ${bytes(total(disks.map((d) => d.max_bytes)))}`)] : []),
    ...(remotes.length > 0 ? [row("Shared store", "Redis or Valkey", "remote", did.remote, trips.length > 0 ? `round trip ${micros(Math.max(...trips))}` : "–", "–")] : []),
    row("Origin", "loads, and waits for them", "origin", did.misses, mean("load"), "–"),
  ];
}

function memoryHolds(caches: readonly CacheInfo[]): string {
  const weighed = caches.filter((cache) => cache.weighed);
  const entries = `${compact(total(caches.map((cache) => cache.entries)))} entries`;
  return weighed.length > 0 ? `${entries}, ${bytes(total(weighed.map((cache) => cache.weight)))} weighed` : entries;
}

function total(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

function makeRow(): HTMLElement {
  return el("li", {}, el("span", { class: "name" }, el("b"), el("span", { class: "muted" })), el("span", { class: "track", "aria-hidden": "true" }, el("i")), el("span", { class: "share" }), el("span", { class: "rest muted" }));
}

function showRow(node: HTMLElement, row: Row, before: number): void {
  const [name, track, share, rest] = [...node.children] as [HTMLElement, HTMLElement, HTMLElement, HTMLElement];
  setText(name.children[0] as HTMLElement, row.name);
  setText(name.children[1] as HTMLElement, row.what);
  const bar = track.children[0] as HTMLElement;
  bar.className = `b-${row.colour}`;
  bar.style.marginLeft = `${(Math.min(before, 1) * 100).toFixed(2)}%`;
  bar.style.width = `${((row.share ?? 0) * 100).toFixed(2)}%`;
  setText(share, percent(row.share));
  setText(rest, [perSecond(row.rate), row.latency, row.holds].filter((text) => text !== "–").join(" · "));
}
