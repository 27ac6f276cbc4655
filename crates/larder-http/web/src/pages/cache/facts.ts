/** A cache's counters and latencies, in words and numbers. */

import { el, fill, setText, setTitle } from "../../parts/dom.ts";
import { fact, showFacts } from "../../parts/facts.ts";
import { bytes, compact, count, duration, micros, percent, seconds } from "../../parts/format.ts";
import type { Timed } from "../../app/window.ts";
import type { CacheInfo, CacheStats } from "../../app/wire.ts";

interface Fact {
  label: string;
  hint: string;
  value: (stats: CacheStats) => number;
  bad?: boolean;
}

const COUNTERS: readonly Fact[] = [
  { label: "Hits", hint: "gets answered without waiting for a load", value: (s) => s.hits },
  { label: "Misses", hint: "gets that found nothing to answer with", value: (s) => s.misses },
  { label: "Coalesced", hint: "misses that waited for another get's load instead of loading themselves", value: (s) => s.coalesced },
  { label: "Stale served", hint: "gets answered with a value past its time, as the policy allows", value: (s) => s.stale_served },
  { label: "Known absent", hint: "hits whose answer was that there is no value", value: (s) => s.negative_hits },
  { label: "Loads", hint: "runs of the loader that ended", value: (s) => s.loads },
  { label: "Not modified", hint: "loads that kept the value they had", value: (s) => s.not_modified },
  { label: "Fenced", hint: "loaded values not stored because an invalidation overtook them", value: (s) => s.fenced },
  { label: "Inserts", hint: "values put in by hand or by warming", value: (s) => s.inserts },
  { label: "Invalidations", hint: "calls, whatever they found", value: (s) => s.invalidations },
  { label: "Failed loads", hint: "loads that returned an error or panicked", value: (s) => s.load_errors + s.load_panics, bad: true },
  { label: "Given up", hint: "waits that timed out, and gets refused for too many loads", value: (s) => s.timeouts + s.overloads, bad: true },
];

const KINDS = ["hit", "miss", "load"] as const;

export class Facts {
  readonly counters = el("dl", { class: "counters" });
  readonly latencies = el("table", { class: "latency" });
  readonly tiers = el("dl", { class: "facts" });
  readonly #rows = el("tbody");

  constructor() {
    const heads = ["", "mean", "p50", "p95", "p99", "timed"].map((text) => el("th", { scope: "col" }, text));
    this.latencies.append(el("caption", { class: "unseen" }, "Latency of hits, misses and loads"), el("thead", {}, el("tr", {}, ...heads)), this.#rows);
  }

  /** `took` tells how long calls took in the window. */
  show(info: CacheInfo, took: (of: (typeof KINDS)[number]) => Timed | undefined): void {
    fill(this.counters, COUNTERS, fact, (node, counter) => {
      const value = counter.value(info.stats);
      node.classList.toggle("bad", counter.bad === true && value > 0);
      node.title = counter.hint;
      setText(node.children[0] as HTMLElement, counter.label);
      setText(node.children[1] as HTMLElement, compact(value));
      setTitle(node.children[1] as HTMLElement, `${count(value)}: ${counter.hint}`);
    });
    fill(this.#rows, KINDS, () => el("tr", {}, el("th", { scope: "row" }), ...Array.from({ length: 5 }, () => el("td"))), (node, kind) => {
      const timed = took(kind);
      const times = [timed?.mean, timed?.p50, timed?.p95, timed?.p99].map((value) => (value == null ? "–" : seconds(value)));
      [kind, ...times, compact(timed?.count ?? 0)].forEach((text, i) => setText(node.children[i] as HTMLElement, text));
    });
    showFacts(this.tiers, tierFacts(info));
  }
}

function tierFacts(info: CacheInfo): (readonly [string, string])[] {
  const { disk, remote } = info.stats;
  const full = percent(info.capacity > 0 ? info.weight / info.capacity : null);
  const memory = info.weighed ? `${bytes(info.weight)} of ${bytes(info.capacity)}` : `${count(info.weight)} of ${count(info.capacity)} entries`;
  const facts: (readonly [string, string])[] = [
    ["Memory", `${memory} (${full}), ${count(info.entries)} entries`],
    ["Time to live", info.ttl_ms === null ? "none: entries stay until they are invalidated or have to make room" : duration(info.ttl_ms)],
  ];
  if (disk) {
    facts.push(["Disk", `${bytes(disk.bytes)} of ${bytes(disk.max_bytes)}, ${count(disk.entries)} entries, ${count(disk.hits)} hits, ${count(disk.waiting)} writes wait`]);
    if (disk.degraded) facts.push(["Disk is off", disk.degraded]);
  }
  if (remote) {
    const trip = remote.round_trip_us === null ? "" : `, round trip ${micros(remote.round_trip_us)}`;
    facts.push(["Shared store", `${remote.is_up ? "up" : "down"}${trip}, ${count(remote.hits)} hits, ${count(remote.fills)} written, ${count(remote.waiting)} invalidations wait`]);
    if (remote.reason) facts.push(["Shared store, why", remote.reason]);
  }
  return facts;
}
