import assert from "node:assert/strict";
import { test } from "node:test";
import "./page.ts";
import type { CacheInfo, Column, MetricHistory } from "../src/app/wire.ts";
import { computed, fetchFigures, type Figures } from "../src/pages/overview/figures.ts";
import { compare, fetchRegression, mark, mostOf } from "../src/pages/overview/regression.ts";
import { healthOf } from "../src/pages/health.ts";

function history(series: MetricHistory["series"], points = 2): MetricHistory {
  return { name: "", kind: "counter", from: 1000, step: 60, points, series };
}

test("gets that no lower tier answered and that were hits came from memory", () => {
  const gets = history([
    { tags: { cache: "a", result: "hit" }, per_second: [8, null] },
    { tags: { cache: "a", result: "miss" }, per_second: [2, null] },
  ]);
  const reads = history([{ tags: { cache: "a", tier: "disk", result: "hit" }, per_second: [3, null] }]);
  const figures = computed(gets, (name) => (name === "tier_reads" ? reads : name === "gets" ? gets : undefined));
  assert.deepEqual(figures.tiers.memory, [5, null]);
  assert.deepEqual(figures.tierRatio.disk, [0.3, null]);
  assert.deepEqual(figures.hitRatio, [0.8, null]);
  assert.deepEqual(figures.loads, [null, null], "what was not recorded is no zero");
});

/** Series of one column: their tags and values. */
function of(column: Column, ...series: [tags: Record<string, string>, values: (number | null)[]][]): MetricHistory {
  return history(series.map(([tags, values]) => ({ tags, [column]: values })));
}

function figuresOf(recorded: Record<string, MetricHistory>): Figures {
  const gets = of("per_second", [{ cache: "a", result: "hit" }, [8, 8]], [{ cache: "a", result: "miss" }, [2, 2]]);
  return computed(gets, (name) => (name === "gets" ? gets : recorded[name]));
}

test("hits of the shared store are its own, and none of memory's; reads that missed are no hits", () => {
  const remote = { cache: "a", tier: "remote" };
  const figures = figuresOf({ tier_reads: of("per_second", [{ ...remote, result: "hit" }, [4, 20]], [{ ...remote, result: "miss" }, [3, 3]]) });
  assert.deepEqual(figures.tiers.remote, [4, 20]);
  assert.deepEqual(figures.tiers.memory, [4, 0], "never less than none");
  assert.equal(figures.seconds, 120);
});

test("loads that panicked failed as those that brought an error, and each is counted where the other is not known", () => {
  const loads = of("per_second", [{ result: "ok" }, [9, 9]], [{ result: "error" }, [1, null]], [{ result: "panic" }, [2, 3]]);
  const figures = figuresOf({ loads });
  assert.deepEqual([figures.loads, figures.loadErrors], [[12, 12], [3, 3]]);
});

test("evictions are told by cause and in all, and time saved by what it came to at the end of each point", () => {
  const evictions = of("per_second", [{ cause: "capacity" }, [5, 5]], [{ cause: "expired" }, [1, 2]]);
  const saved: MetricHistory = history([{ tags: { cache: "a" }, mean: [1, 2], max: [10, 20] }]);
  const figures = figuresOf({ evictions, time_saved_seconds: saved });
  assert.deepEqual([figures.evictions.capacity, figures.allEvictions], [[5, 5], [6, 7]]);
  assert.deepEqual(figures.saved, [10, 20]);
});

test("each cache is as full as its own weight and capacity say", () => {
  const weight = of("mean", [{ cache: "a" }, [50, 75]], [{ cache: "b" }, [10, null]]);
  const capacity = of("mean", [{ cache: "a" }, [100, 100]], [{ cache: "b" }, [1_000, 1_000]]);
  assert.deepEqual(figuresOf({ weight, capacity }).fill, [
    { cache: "a", values: [0.5, 0.75] },
    { cache: "b", values: [0.01, null] },
  ]);
});

test("answers of other lengths are set against each other by their newest points", () => {
  const longer = of("per_second", [{}, [1, 2, 3]]);
  const shorter = of("per_second", [{}, [7]]);
  const figures = figuresOf({ coalesced: { ...longer, points: 3 }, stale_served: { ...shorter, points: 1 } });
  assert.deepEqual([figures.coalesced, figures.stale], [[2, 3], [null, 7]]);
});

test("figures of one cache are asked for by its name, and those of tiers only where there is one", async (context) => {
  const asked: string[] = [];
  context.mock.method(globalThis, "fetch", (path: string) => {
    asked.push(path);
    return Promise.resolve(Response.json({ title: "not recorded" }, { status: 404 }));
  });
  const cache = { stats: { disk: null, remote: null } } as unknown as CacheInfo;
  assert.equal(await fetchFigures(new AbortController().signal, [cache], "users"), undefined);
  assert.ok(asked.length === 8 && asked.every((path) => path.includes("tags=cache%3Dusers")), asked.join("\n"));
  assert.ok(!asked.some((path) => path.includes("tier_reads")));
  asked.length = 0;
  const tiered = { stats: { disk: {}, remote: null } } as unknown as CacheInfo;
  await fetchFigures(new AbortController().signal, [cache, tiered]);
  assert.ok(asked.length === 9 && !asked.some((path) => path.includes("tags=")), asked.join("\n"));
});

test("a regression is of failed parts of all, the last hour against hours before", async (context) => {
  const hours = (yesterday: number): (number | null)[] => [yesterday, yesterday, ...new Array<null>(24).fill(null)];
  const recorded: Record<string, MetricHistory["series"]> = {
    larder_cache_gets: [{ tags: { result: "hit" }, per_second: hours(8) }, { tags: { result: "miss" }, per_second: hours(2) }],
    http_latency_seconds: [{ tags: {}, p99: hours(0.2) }],
    http_answers: [{ tags: { result: "ok" }, per_second: hours(95) }, { tags: { result: "client_error" }, per_second: hours(4) }, { tags: { result: "server_error" }, per_second: hours(1) }],
  };
  const counter = (name: string, result: string, value: number): object => ({ [name + result]: { name, tags: { result }, value } });
  const counters = { ...counter("larder_cache_gets", "hit", 600), ...counter("larder_cache_gets", "miss", 400), ...counter("http_answers", "ok", 75), ...counter("http_answers", "client_error", 20), ...counter("http_answers", "server_error", 5) };
  let seconds = 3_600;
  context.mock.method(globalThis, "fetch", (path: string) => {
    const asked = new URLSearchParams(path.split("?")[1]);
    if (asked.get("window") === "60m") {
      const metrics = { counters, timings: { http_latency_seconds: { count: 9, mean: 0.05, p50: 0.05, p95: 0.05, p99: 0.1 } } };
      return Promise.resolve(Response.json({ timestamp: new Date().toISOString(), span_seconds: seconds, metrics }));
    }
    assert.deepEqual([asked.get("range"), asked.get("step")], ["26h", "1h"]);
    const from = (Math.ceil(Date.now() / 3_600_000) - 26) * 3_600;
    return Promise.resolve(Response.json({ ...history([], 26), from, step: 3_600, series: recorded[asked.get("name") ?? ""] }));
  });
  const than = "this hour yesterday";
  assert.deepEqual(await fetchRegression(new AbortController().signal), {
    hitRatio: { now: 0.6, before: 0.8, than },
    p99: { now: 0.1, before: 0.2, than },
    errors: { now: 0.05, before: 0.01, than },
  });
  seconds = 60;
  const { p99 } = await fetchRegression(new AbortController().signal);
  assert.equal(p99, undefined, "a minute is no hour");
});

test("the last hour stands against yesterday's, or else against the one before", () => {
  const hours = new Array<number | null>(26).fill(null);
  assert.equal(compare(10, hours, 25), undefined);
  hours[24] = 20;
  assert.deepEqual(compare(10, hours, 25), { now: 10, before: 20, than: "the hour before" });
  assert.equal(compare(10, hours, 24), undefined, "an hour is not compared with itself");
  hours[1] = 5;
  assert.deepEqual(compare(10, hours, 25), { now: 10, before: 5, than: "this hour yesterday" });
  assert.equal(compare(null, hours, 25), undefined);
});

test("the hour of the last 60 minutes is the one that most of them lie in", () => {
  const minutes = (n: number): number => 3600 * 25 + n * 60;
  assert.equal(mostOf(minutes(5), 0), 24);
  assert.equal(mostOf(minutes(45), 0), 25);
});

test("a change is better or worse by what is wanted, and a small one is none", () => {
  const show = (n: number): string => String(n);
  assert.equal(mark({ now: 10, before: 20, than: "x" }, "less", show)?.verdict, "better");
  assert.equal(mark({ now: 10, before: 20, than: "x" }, "more", show)?.text, "▼ −10 · worse than x");
  assert.equal(mark({ now: 100, before: 101, than: "x" }, "more", show)?.verdict, "same");
  assert.equal(mark(undefined, "more", show), undefined);
});

test("the health of metrics counts series by name, whether they have tags or not", () => {
  const metrics = { counters: { "a{x=1}": { name: "a" }, "a{x=2}": { name: "a" }, b: {} }, timings: { larder_metrics_recording_seconds: { mean: 0.001 } }, gauges: { larder_metrics_unrecorded: { value: 4 } } };
  const health = healthOf({ metrics, limits: { families_refused: 2, series_overflowed: { a: 7 } } });
  assert.deepEqual(health, { series: 5, names: 4, largest: { name: "a", series: 2 }, overflowed: 7, refused: 2, unrecorded: 4, recording: 0.001 });
  assert.equal(healthOf(undefined).series, 0);
});
