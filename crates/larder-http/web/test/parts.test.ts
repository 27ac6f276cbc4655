import assert from "node:assert/strict";
import { test } from "node:test";
import { address, parse } from "../src/app/router.ts";
import { labelled, places } from "../src/charts/curve.ts";
import { sparkPath } from "../src/charts/spark.ts";
import { command } from "../src/parts/curl.ts";
import { figure, perSecond } from "../src/parts/format.ts";
import { RateRing, Ring } from "../src/parts/ring.ts";

test("an address names its page and what it is of, whatever the name holds", () => {
  for (const name of ["users", "a/b", "50% <b>", "ä"]) {
    assert.deepEqual(parse(address("cache", name)), { page: "cache", argument: name });
  }
  assert.deepEqual(parse("#/keys"), { page: "keys", argument: "" });
  assert.deepEqual(parse("#/cache/50%"), { page: "cache", argument: "50%" });
  assert.deepEqual(parse("#main"), { page: "", argument: "" });
});

test("a copied command quotes its text, and names the token without showing it", () => {
  const text = command({ path: "v1/caches/a/invalidate", method: "POST", body: { key: "it's" } }, "http://h:1/", true);
  assert.equal(text, `curl -X POST -H "Authorization: Bearer $LARDER_TOKEN" -H 'Content-Type: application/json' -d '{"key":"it'\\''s"}' 'http://h:1/v1/caches/a/invalidate'`);
});

test("a gap in a sparkline stays one, and a lone point is seen", () => {
  const { line } = sparkPath([1, 2, null, 3], true, 30, 10);
  assert.equal(line.match(/M/g)?.length, 2);
  assert.match(line, /h1\.5$/);
  assert.deepEqual(sparkPath([null, null], true), { line: "", area: "" });
});

test("a curve's points stand in the order of their scales, within the picture", () => {
  const curve = { cache: "a", capacity: 10, samples: 1, points: [4, 1, 0.5].map((scale) => ({ scale, capacity: scale * 10, hit_rate: 2 })) };
  const at = places(curve);
  assert.deepEqual(at.map(({ scale }) => scale), [0.5, 1, 4]);
  assert.ok(at.every(({ y }) => y >= 0));
});

test("labels under a curve do not overlap, and now has one", () => {
  const points = [0.25, 0.9, 1, 1.1, 4].map((scale, i) => ({ scale, x: [10, 80, 100, 120, 200][i] ?? 0 }));
  assert.deepEqual(labelled(points).map(({ scale }) => scale).sort(), [0.25, 1, 4]);
});

test("a ring holds no more than its length, and a counter that began anew gives no rate", () => {
  const ring = new Ring(3);
  for (let i = 0; i < 10; i += 1) ring.add(i, i);
  assert.deepEqual([ring.times, ring.values], [[7, 8, 9], [7, 8, 9]]);
  const rates = new RateRing(5);
  for (const [at, count] of [[0, 10], [2, 30], [2.4, 31], [4, 5], [5, 5]] as const) rates.count(at, count);
  assert.deepEqual([rates.times, rates.values], [[0, 2, 4, 5], [null, 10, null, 0]]);
  rates.clear();
  rates.count(6, 100);
  assert.deepEqual([rates.times, rates.values], [[6], [null]], "of what was before nothing is told");
});

test("a rate has as many digits as it needs", () => {
  assert.equal(perSecond(0), "0/s");
  assert.equal(perSecond(0.0421), "0.042/s");
  assert.equal(perSecond(12_345), "12.3K/s");
  assert.equal(perSecond(null), "–");
  assert.equal(figure(0.00001), "<0.001");
});
