import assert from "node:assert/strict";
import { test } from "node:test";
import { didOf, WindowFigures } from "../src/app/window.ts";
import type { WindowAnswer } from "../src/app/wire.ts";
import { routesOf } from "../src/pages/metrics.ts";
import { rowsOf } from "../src/pages/overview/caches.ts";

function counter(name: string, tags: Record<string, string>, value: number): WindowAnswer["metrics"]["counters"] {
  return { [name + JSON.stringify(tags)]: { name, tags, value } };
}

function timing(name: string, tags: Record<string, string>, count: number, mean: number | null): WindowAnswer["metrics"]["timings"] {
  const long = mean === null ? null : mean * 4;
  return { [name + JSON.stringify(tags)]: { name, tags, count, mean, p50: mean, p95: long, p99: long } };
}

const ANSWER: WindowAnswer = {
  timestamp: "2026-01-01T00:05:00Z",
  span_seconds: 300,
  metrics: {
    counters: {
      ...counter("larder_cache_gets", { cache: "a", result: "hit" }, 270),
      ...counter("larder_cache_gets", { cache: "a", result: "miss" }, 30),
      ...counter("larder_cache_gets", { cache: "b", result: "miss" }, 300),
      ...counter("larder_cache_tier_reads", { cache: "a", tier: "disk", result: "hit" }, 70),
      ...counter("larder_cache_loads", { cache: "a", result: "error" }, 3),
      plain: { value: 6 },
    },
    timings: {
      ...timing("http_request_duration_seconds", { method: "DELETE", endpoint: "/v1/x" }, 20, 0.001),
      ...timing("http_request_duration_seconds", { method: "GET", endpoint: "/once" }, 0, null),
      ...timing("larder_cache_latency_seconds", { cache: "a", of: "load" }, 1, 0.1),
      ...timing("larder_cache_latency_seconds", { cache: "b", of: "load" }, 3, 0.5),
    },
  },
};
const figures = new WindowFigures("5m", ANSWER, 0);

test("a rate is of the whole window, whenever in it the events were", () => {
  const [deletes, ...others] = routesOf(figures);
  assert.equal(deletes?.rate, 20 / 300);
  assert.deepEqual([deletes?.mean, deletes?.p99], [0.001, 0.004]);
  assert.deepEqual(others, [], "a route that was not asked in the window has no row");
});

test("what nobody recorded is no zero", () => {
  assert.equal(figures.rate("plain"), 0.02);
  assert.equal(figures.count("missing"), null);
  assert.equal(didOf(figures).remote, null);
  assert.equal(new WindowFigures("5m", { ...ANSWER, span_seconds: 0 }, 0).rate("plain"), null);
});

test("hits of memory are those that no tier under it answered", () => {
  const did = didOf(figures, "a");
  assert.deepEqual([did.gets, did.hits, did.memory, did.disk, did.failedLoads], [300, 270, 200, 70, 3]);
  assert.equal(didOf(figures).gets, 600);
});

test("a mean over caches counts each call once", () => {
  assert.equal(figures.mean("larder_cache_latency_seconds", { of: "load" }), 0.4);
  assert.equal(figures.mean("larder_cache_latency_seconds", { of: "hit" }), null);
});

test("a cache's row is of the window, and not since the start", () => {
  const cache = { name: "a", stats: { hit_rate: 0.1 } } as Parameters<typeof rowsOf>[0][number];
  const [row] = rowsOf([cache], figures);
  assert.deepEqual([row?.rate, row?.hitRatio, row?.load?.mean, row?.hit, row?.failed], [1, 0.9, 0.1, undefined, 3]);
  assert.equal(rowsOf([cache], undefined)[0]?.hitRatio, null);
});
