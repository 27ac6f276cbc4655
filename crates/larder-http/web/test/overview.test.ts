import assert from "node:assert/strict";
import { test } from "node:test";
import type { MetricHistory } from "../src/app/wire.ts";
import { computed } from "../src/pages/overview/figures.ts";
import { compare, mark } from "../src/pages/overview/regression.ts";
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

test("this hour stands against yesterday's, or else against the one before", () => {
  const hours = new Array<number | null>(25).fill(null);
  hours[24] = 10;
  assert.equal(compare(hours), undefined);
  hours[23] = 20;
  assert.deepEqual(compare(hours), { now: 10, before: 20, than: "the hour before" });
  hours[0] = 5;
  assert.deepEqual(compare(hours), { now: 10, before: 5, than: "this hour yesterday" });
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
