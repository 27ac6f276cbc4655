import assert from "node:assert/strict";
import { test } from "node:test";
import { heldTime } from "./time.ts";
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

test("an event of endlessly many lines is refused", () => {
  const parser = new EventParser();
  const line = `data: ${"x".repeat(1024 * 1024)}\n`;
  assert.throws(() => [1, 2, 3, 4, 5].forEach(() => parser.push(line)), /too long/);
  const short = new EventParser();
  for (let i = 0; i < 5; i += 1) assert.equal(short.push(`${line}\n`).length, 1, "each event begins anew");
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

/** A stream that tells what was heard and seen of it. */
function listening(open: (signal: AbortSignal) => Promise<Response>): { stream: LiveStream; heard: string[]; states: StreamState["kind"][]; errors: unknown[] } {
  const [heard, states, errors]: [string[], StreamState["kind"][], unknown[]] = [[], [], []];
  const stream = new LiveStream({
    open,
    onEvent: ({ data }) => heard.push(data),
    onState: ({ kind }) => states.push(kind),
    onError: (error) => errors.push(error),
  });
  return { stream, heard, states, errors };
}

/** An answer that says this and then nothing, until it is given up. */
function saying(chunks: readonly Uint8Array[], signal: AbortSignal): Response {
  const start = (control: ReadableStreamDefaultController): void => {
    for (const chunk of chunks) control.enqueue(chunk);
    signal.addEventListener("abort", () => control.error(new Error("given up")));
  };
  return new Response(new ReadableStream({ start }));
}

test("whoever does not answer is asked again later and later, and soon once there was an answer", async (context) => {
  const time = heldTime(context);
  context.mock.method(Math, "random", () => 0.5);
  let isUp = false;
  const { stream, errors } = listening(() => (isUp ? Promise.resolve(new Response("data: 1\n\n")) : Promise.reject(new Error("nobody there"))));
  stream.start();
  const waits = [];
  for (let i = 0; i < 7; i += 1) waits.push(await time.next());
  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  assert.equal(errors.length, 8);
  isUp = true;
  await time.next();
  assert.deepEqual([await time.next(), await time.next()], [500, 500]);
  stream.pause();
});

test("a connection that has gone silent is given up, and opened again", async (context) => {
  const time = heldTime(context);
  const { stream, heard, states } = listening((signal) => Promise.resolve(saying([new TextEncoder().encode("data: 1\n\n")], signal)));
  stream.start();
  assert.equal(await time.next(), 5_000);
  assert.deepEqual([heard, states], [["1"], ["connecting", "open", "waiting"]]);
  stream.pause();
});

test("a letter that is cut in two is read whole", async (context) => {
  const time = heldTime(context);
  const bytes = new TextEncoder().encode("data: \u00e4\n\n");
  const { stream, heard } = listening((signal) => Promise.resolve(saying([bytes.slice(0, 7), bytes.slice(7)], signal)));
  stream.start();
  await time.next();
  assert.deepEqual(heard, ["\u00e4"]);
  stream.pause();
});

test("a stream that is started again drops the connection before, and tells nobody of its end", async () => {
  const signals: AbortSignal[] = [];
  const { stream, states, errors } = listening((signal) => {
    signals.push(signal);
    return Promise.resolve(saying([], signal));
  });
  stream.start();
  await new Promise((resolve) => setImmediate(resolve));
  stream.start();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(signals.map(({ aborted }) => aborted), [true, false]);
  stream.pause("refused");
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([states, errors], [["connecting", "connecting", "refused"], []]);
});
