import assert from "node:assert/strict";
import { test } from "node:test";
import { type Known, standing } from "../src/app/standing.ts";
import type { ServerStatus } from "../src/app/wire.ts";

const ready = { state: "ready", reasons: [] as string[] } as ServerStatus;

function shown(known: Partial<Known>): string {
  const { state, text } = standing({ status: ready, stream: "open", isReached: true, silenceMs: 500, hasHeard: true, ...known });
  return `${state}: ${text}`;
}

test("a daemon that says nothing for a few seconds is not answering, however the stream stands", () => {
  assert.equal(shown({}), "ready: ● Ready");
  for (const stream of ["open", "connecting", "waiting"] as const) {
    assert.equal(shown({ stream, silenceMs: 3_900 }), "ready: ● Ready");
    assert.match(shown({ stream, silenceMs: 5_000 }), /^gone: ✕ Not answering, last heard 5.*ago$/);
  }
  assert.match(shown({ status: undefined, silenceMs: 5_000, hasHeard: false }), /Not answering, nothing heard for 5/);
});

test("a daemon that is gone is told so at once, and one that is not listened to stays as it was", () => {
  assert.match(shown({ stream: "waiting", isReached: false }), /^gone: ✕ Not reached/);
  assert.equal(shown({ stream: "paused", silenceMs: 900_000 }), "ready: ● Ready");
});

test("a token that is refused leaves nothing of what was known", () => {
  assert.equal(shown({ stream: "refused" }), "gone: ✕ Needs a token");
});

test("a status has its reasons", () => {
  const status = { ...ready, state: "degraded", reasons: ["a disk is full", "b"] };
  assert.equal(shown({ status }), "degraded: ▲ Degraded: a disk is full; b");
});
