import assert from "node:assert/strict";
import { test } from "node:test";
import { age, bytes, clockTime, compact, date, dayStart, duration, figure, micros, moment, nanos, percent, plural, seconds, sentence, usd, usdFine, usdShort } from "../src/parts/format.ts";

test("a hit rate says 100 % only of all, and 0 % only of none", () => {
  assert.equal(percent(1), "100 %");
  assert.equal(percent(0.99999), ">99.9 %");
  assert.equal(percent(0.9994), ">99.9 %");
  assert.equal(percent(0.987), "98.7 %");
  assert.equal(percent(0.0001), "<0.1 %");
  assert.equal(percent(0), "0 %");
  assert.equal(percent(null), "–");
});

test("a cost below ten cents keeps four decimals", () => {
  assert.equal(usd(12345.678), "$12,345.68");
  assert.equal(usd(0.0123), "$0.0123");
  assert.equal(usd(0), "$0.00");
  assert.equal(usdFine(0.00001), "<$0.0001");
});

test("a figure that is no number is a dash", () => {
  for (const format of [compact, usd, bytes, nanos, duration, age]) assert.equal(format(Number.NaN), "–");
});

test("units change where the figure would need four digits", () => {
  assert.equal(nanos(999), "999 ns");
  assert.equal(nanos(1200), "1.2 µs");
  assert.equal(nanos(999_600), "1 ms");
  assert.equal(bytes(513_000_000), "489 MiB");
  assert.equal(bytes(1_048_575), "1 MiB");
  assert.equal(bytes(64 * 1024 * 1024), "64 MiB");
  assert.equal(compact(9_999), "9,999");
  assert.equal(compact(12_345_678), "12.3M");
});

test("a duration has at most two units and no empty one", () => {
  assert.equal(duration(0.42), "420 µs");
  assert.equal(duration(12_000), "12 s");
  assert.equal(duration(3_600_000), "1 h");
  assert.equal(duration(11_520_000), "3 h 12 min");
  assert.equal(duration(90_061_000), "1 d 1 h");
});

test("microseconds and seconds are told in the units of nanoseconds", () => {
  assert.equal(micros(1.2), "1.2 µs");
  assert.equal(micros(40_000), "40 ms");
  assert.equal(seconds(0.0012), "1.2 ms");
  assert.equal(seconds(90), "1 min 30 s");
});

test("a figure has about three digits", () => {
  assert.deepEqual([0.0421, 4.256, 42.55, 99.96, 420].map(figure), ["0.042", "4.26", "42.5", "100", "420"]);
});

test("an axis of dollars is short, and one of minutes has seconds", () => {
  assert.deepEqual([1_200, 12, 12.5].map(usdShort), ["$1.2K", "$12", "$12.50"]);
  assert.match(clockTime(0, 60), /^\d\d:\d\d:\d\d$/);
  assert.match(clockTime(0, 3_600), /^\d\d:\d\d$/);
});

test("today's times have no date, and those of other days have one", () => {
  const at = new Date(2026, 8, 3, 14, 3, 9);
  assert.equal(moment(at.toISOString(), at.getTime() + 60_000), "14:03:09");
  assert.equal(moment(at.toISOString(), at.getTime() + 86_400_000), "3 Sept, 14:03:09");
});

test("an age is in one unit, and never negative", () => {
  assert.equal(age(-5000), "now");
  assert.equal(age(12_900), "12 s");
  assert.equal(age(3_000_000), "50 min");
  assert.equal(age(7_200_000), "2 h");
});

test("only a calendar day has a start", () => {
  assert.equal(dayStart("1970-01-02"), 86_400);
  assert.equal(dayStart("undated"), null);
  assert.equal(date("2026-09-03"), "3 Sept 2026");
  assert.equal(date("undated"), "undated");
});

test("a missing timestamp is a dash", () => {
  assert.equal(moment(null), "–");
  assert.equal(moment("yesterday"), "–");
});

test("one is singular, and a server's text becomes a sentence", () => {
  assert.equal(plural(1, "file"), "1 file");
  assert.equal(plural(2000, "file"), "2,000 files");
  assert.equal(sentence("no session logs were found"), "No session logs were found.");
  assert.equal(sentence("Ready?"), "Ready?");
});
