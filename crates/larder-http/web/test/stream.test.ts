import assert from "node:assert/strict";
import { test } from "node:test";
import { EventParser, LiveStream, type StreamEvent, type StreamState } from "../src/app/stream.ts";

test("an event cut anywhere is read as if it came whole", () => {
  const text = 'event: tick\r\ndata: {"a":1}\r\n\r\n: comment\n\ndata: one\ndata: two\n\n';
  const whole = new EventParser().push(text);
  assert.deepEqual(whole, [
    { event: "tick", data: '{"a":1}' },
    { event: "message", data: "one\ntwo" },
  ]);
  for (let cut = 0; cut <= text.length; cut += 1) {
    const parser = new EventParser();
    assert.deepEqual([...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))], whole, `cut at ${cut}`);
  }
});

test("an event without data is not dispatched, nor does its name stay for the next", () => {
  const parser = new EventParser();
  assert.deepEqual(parser.push("event: tick\n\ndata: x\n\n"), [{ event: "message", data: "x" }]);
});

test("an endless line is refused", () => {
  const parser = new EventParser();
  assert.throws(() => parser.push("data: ".padEnd(5 * 1024 * 1024, "x")), /too long/);
});

test("a stream that ended is opened again, and one that was paused is not", async () => {
  const events: StreamEvent[] = [];
  const states: StreamState["kind"][] = [];
  let opened = 0;
  await new Promise<void>((resolve) => {
    const stream = new LiveStream({
      open: () => {
        opened += 1;
        return Promise.resolve(new Response(`data: ${opened}\n\n`));
      },
      onEvent: (event) => events.push(event),
      onState: ({ kind }) => {
        states.push(kind);
        if (kind === "waiting" && opened === 2) stream.pause();
        if (kind === "paused") resolve();
      },
      onError: (error) => assert.fail(String(error)),
    });
    stream.start();
  });
  assert.deepEqual(events.map(({ data }) => data), ["1", "2"]);
  assert.deepEqual(states, ["connecting", "open", "waiting", "connecting", "open", "waiting", "paused"]);
});
