import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "./page.ts";
import { heldTime } from "./time.ts";
import { hub } from "../src/app/hub.ts";
import { Poller } from "../src/app/poller.ts";

test("a question without an answer is asked again later and later, and at its pace once there is one", async (context) => {
  const time = heldTime(context);
  let isUp = false;
  let failures = 0;
  const ask = (): Promise<void> => (isUp ? Promise.resolve() : Promise.reject(new Error("nobody there")));
  const poller = new Poller({ every: () => 1_000, ask, failed: () => (failures += 1) });
  poller.start();
  const waits = [];
  for (let i = 0; i < 6; i += 1) waits.push(await time.next());
  assert.deepEqual(waits, [2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  assert.equal(failures, 7);
  isUp = true;
  await time.next();
  assert.equal(await time.next(), 1_000);
  poller.stop();
  assert.equal(time.waiting(), 0, "nothing is asked any more");
});

test("a slow pace is no quicker for a failure", async (context) => {
  const time = heldTime(context);
  const poller = new Poller({ every: () => 60_000, ask: () => Promise.reject(new Error("nobody there")), failed: () => {} });
  poller.start();
  assert.equal(await time.next(), 60_000);
  poller.stop();
});

test("nobody is asked while nobody looks", async (context) => {
  const time = heldTime(context);
  let asked = 0;
  const poller = new Poller({ every: () => 1_000, ask: async () => void (asked += 1), failed: (error) => assert.fail(String(error)) });
  page.hidden = true;
  poller.start();
  await time.next();
  assert.equal(asked, 0);
  page.hidden = false;
  hub.isPaused = true;
  await time.next();
  assert.equal(asked, 0);
  hub.isPaused = false;
  await time.next();
  assert.equal(asked, 1);
  poller.stop();
});

test("a question that is dropped is told to nobody, and no other follows it", async (context) => {
  const time = heldTime(context);
  const signals: AbortSignal[] = [];
  const ask = (signal: AbortSignal): Promise<void> => {
    signals.push(signal);
    return new Promise((resolve, reject) => signal.addEventListener("abort", () => (signals.length === 1 ? reject(new Error("dropped")) : resolve())));
  };
  const poller = new Poller({ every: () => 1_000, ask, failed: (error) => assert.fail(String(error)) });
  poller.start();
  poller.start();
  assert.deepEqual(signals.map(({ aborted }) => aborted), [true, false]);
  poller.stop();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(time.waiting(), 0);
});
