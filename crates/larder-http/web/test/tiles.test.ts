import assert from "node:assert/strict";
import { test } from "node:test";
import type { FakeElement } from "./page.ts";
import "./page.ts";
import { WindowFigures } from "../src/app/window.ts";
import type { CacheInfo, Tick, WindowAnswer } from "../src/app/wire.ts";
import type { Figures } from "../src/pages/overview/figures.ts";
import { type Answers, Tiles } from "../src/pages/overview/tiles.ts";

/** What a tile says: its figure, and what stands under it. */
function said(tiles: Tiles, label: string): [value: string, detail: string] {
  const element = tiles.element as unknown as FakeElement;
  const tile = element.children.find(({ attributes }) => attributes["aria-label"] === label);
  const [, value, detail] = tile?.children ?? assert.fail(label);
  return [value?.textContent ?? "", detail?.textContent ?? ""];
}

function cache(name: string, held: { weight: number; capacity: number; entries: number; weighed: boolean }, hits: number, savedMs: number): CacheInfo {
  return { name, ...held, stats: { hits, time_saved_ms: savedMs, latency: { miss: { mean_ns: 800_000_000 } } } } as unknown as CacheInfo;
}

const FIGURES: Figures = {
  times: [0, 60],
  seconds: 120,
  gets: [10, 30],
  hits: [5, 27],
  tiers: { memory: [4, 16], disk: [1, 3], remote: [0, 8] },
  hitRatio: [0.5, 0.9],
  tierRatio: { memory: [], disk: [], remote: [] },
  loads: [5, 3],
  loadErrors: [1, 0],
  coalesced: [2, 2],
  stale: [1, 1],
  evictions: { capacity: [3, 3], expired: [1, 1], replaced: [0, 0], removed: [0, 0], invalidated: [0, 0], too_heavy: [0, 0] },
  allEvictions: [4, 4],
  fill: [],
  saved: [100, 160],
};

test("time saved is that of all caches, by the hit and in this window", () => {
  const tiles = new Tiles();
  const held = { weight: 5, capacity: 10, entries: 5, weighed: false };
  const caches = [cache("a", held, 1_000, 90_000), cache("b", held, 3_000, 30_000)];
  const hits = (name: string, value: number): object => ({ [name]: { name: "larder_cache_gets", tags: { cache: name, result: "hit" }, value } });
  const took = (name: string, of: string, mean: number): object => ({ [name + of]: { name: "larder_cache_latency_seconds", tags: { cache: name, of }, count: 9, mean } });
  const metrics = { counters: { ...hits("a", 200), ...hits("b", 50) }, timings: { ...took("a", "hit", 0.01), ...took("a", "miss", 0.11) } };
  const window = new WindowFigures("5m", { timestamp: "2026-01-01T00:00:00Z", span_seconds: 100, metrics } as unknown as WindowAnswer);
  tiles.update(window, FIGURES, { p50: [], p95: [], p99: [], failed: [], mistaken: [] }, undefined);
  tiles.tick({ caches } as unknown as Tick, FIGURES);
  // Of the second no miss was timed in the window; since the start one took 0.8 s.
  assert.deepEqual(said(tiles, "Time saved"), ["2 min", "30 ms a hit over 4,000 hits · +1 min in this window"]);
  tiles.tick({ caches: [cache("a", held, 0, 0)] } as unknown as Tick, undefined);
  const none = "No hit yet: the first ones show here what they save.";
  assert.equal(said(tiles, "Time saved")[1], `${none} · +20 s in this window`, "a reset takes nothing from the window");
  const fresh = new Tiles();
  fresh.tick({ caches: [] } as unknown as Tick, undefined);
  assert.equal(said(fresh, "Time saved")[1], none);
});

test("memory is told in bytes of the caches that weigh their values, and the fullest is any", () => {
  const tiles = new Tiles();
  const weighed = cache("a", { weight: 3 * 1024 ** 2, capacity: 10 * 1024 ** 2, entries: 7, weighed: true }, 1, 1);
  const counted = cache("b", { weight: 90, capacity: 100, entries: 90, weighed: false }, 1, 1);
  tiles.tick({ caches: [weighed, counted] } as unknown as Tick, undefined);
  assert.deepEqual(said(tiles, "Memory"), ["3 MiB", "of 10 MiB · 97 entries · fullest 90 %"]);
  tiles.tick({ caches: [counted] } as unknown as Tick, undefined);
  assert.deepEqual(said(tiles, "Memory"), ["90", "90 entries · fullest 90 %"]);
});

test("the figures are those of the window, whatever its points are; a client's mistake is no error", () => {
  const tiles = new Tiles();
  const answers: Answers = { p50: [1, 1], p95: [1, 1], p99: [1, 1], failed: [9, 9], mistaken: [9, 9] };
  const counted = (name: string, tags: Record<string, string>, value: number): WindowAnswer["metrics"]["counters"] => ({ [name + JSON.stringify(tags)]: { name, tags, value } });
  const window = new WindowFigures(
    "5m",
    {
      timestamp: "2026-01-01T00:00:00Z",
      span_seconds: 100,
      metrics: {
        counters: {
          ...counted("larder_cache_gets", { result: "hit" }, 1_600),
          ...counted("larder_cache_gets", { result: "miss" }, 400),
          ...counted("larder_cache_tier_reads", { tier: "disk", result: "hit" }, 200),
          ...counted("larder_cache_tier_reads", { tier: "remote", result: "hit" }, 400),
          ...counted("larder_cache_loads", { result: "ok" }, 350),
          ...counted("larder_cache_loads", { result: "error" }, 50),
          ...counted("larder_cache_coalesced", {}, 200),
          ...counted("larder_cache_stale_served", {}, 100),
          ...counted("larder_cache_evictions", { cause: "capacity" }, 300),
          ...counted("larder_cache_evictions", { cause: "expired" }, 100),
          ...counted("http_answers", { result: "ok" }, 4_600),
          ...counted("http_answers", { result: "client_error" }, 200),
          ...counted("http_answers", { result: "server_error" }, 200),
        },
        timings: { http_latency_seconds: { count: 5_000, mean: 0.002, p50: 0.002, p95: 0.004, p99: 0.006 } },
      },
    },
    0,
  );
  tiles.update(window, FIGURES, answers, undefined);
  for (const [label, expected] of Object.entries({
    "Hit ratio": ["80 %", "memory 50 % · disk 10 % · shared 20 %"],
    Gets: ["20/s", "16/s hits · 4/s misses"],
    "Answers, p99": ["6 ms", "p50 2 ms · p95 4 ms · 50/s"],
    Loads: ["4/s", "0.5/s failed · one for each miss that did not wait"],
    Coalesced: ["2/s", "waited for another's load · 1/s served stale"],
    Evictions: ["4/s", "3/s for room · 1/s expired"],
    Errors: ["2.5/s", "4 % of requests · 0.5/s loads · besides 2/s mistakes of clients"],
  })) {
    assert.deepEqual(said(tiles, label), expected);
  }
  tiles.update(undefined, FIGURES, answers, undefined);
  assert.equal(said(tiles, "Gets")[0], "–", "what is not known yet is a dash");
});
