import assert from "node:assert/strict";
import { test } from "node:test";
import "./page.ts";
import { combine, fetchHistory, GRAINS, newest, ratio, sum, times } from "../src/app/series.ts";
import type { MetricHistory } from "../src/app/wire.ts";

const users: MetricHistory = {
  name: "gets",
  kind: "counter",
  from: 1_000,
  step: 60,
  points: 3,
  series: [
    { tags: { cache: "users", result: "hit" }, per_second: [1, null, 3, 9] },
    { tags: { cache: "users", result: "miss" }, per_second: [10, null, null] },
    { tags: { cache: "prices", result: "hit" }, per_second: [100, null, 300] },
  ],
};

test("a sum is of the series with all these tags, and nothing is known where none was recorded", () => {
  assert.deepEqual(sum(users, "per_second"), [111, null, 303]);
  assert.deepEqual(sum(users, "per_second", { cache: "users" }), [11, null, 3]);
  assert.deepEqual(sum(users, "per_second", { cache: "users", result: "miss" }), [10, null, null]);
  assert.deepEqual(sum(undefined, "per_second"), []);
  assert.deepEqual(times(users), [1_000, 1_060, 1_120]);
});

test("a part of what is not known is not known, and one of nothing neither", () => {
  assert.deepEqual(combine([1, null, 3, 4], [2, 2, null], ratio), [0.5, null, null, null]);
  assert.deepEqual([ratio(1, 0), ratio(3, 2), ratio(-1, 2)], [null, 1, 0]);
});

test("what is newest is one of the last two points, and no older one", () => {
  assert.equal(newest([2, 4, null]), 4);
  assert.equal(newest([2, 4, 5]), 5);
  assert.equal(newest([2, null, null]), null);
  assert.equal(newest([]), null);
});

test("each window asks for as many points as it is long", () => {
  const seconds = (text: string): number => Number.parseInt(text) * ({ s: 1, m: 60, h: 3_600 }[text.at(-1) ?? ""] ?? Number.NaN);
  for (const [span, { range, step, seconds: long }] of Object.entries(GRAINS)) {
    assert.equal(seconds(range), long, span);
    assert.ok(long / seconds(step) <= 150 && long % seconds(step) === 0, span);
  }
});

test("a metric is asked for by name and tags; its unfinished point is left out where it tells little", async (context) => {
  const asked: string[] = [];
  const answer = (step: number): MetricHistory => ({ ...users, step });
  for (const [step, points] of [[10, 2], [30, 2], [600, 3]] as const) {
    context.mock.method(globalThis, "fetch", (path: string) => {
      asked.push(path);
      return Promise.resolve(Response.json(answer(step)));
    });
    const history = await fetchHistory("gets", new AbortController().signal, "cache=users,result=hit", { range: "1h", step: `${step}s` });
    assert.equal(history?.points, points);
  }
  assert.equal(asked[0], "v1/metrics/history?name=gets&range=1h&step=10s&tags=cache%3Dusers%2Cresult%3Dhit");
});

test("a metric that is not recorded is none, and any other refusal is one", async (context) => {
  let status = 404;
  context.mock.method(globalThis, "fetch", () => Promise.resolve(Response.json({ title: "no" }, { status })));
  const ask = (): Promise<MetricHistory | undefined> => fetchHistory("gets", new AbortController().signal);
  assert.equal(await ask(), undefined);
  status = 403;
  await assert.rejects(ask, /no/);
});
