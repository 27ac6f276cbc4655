import assert from "node:assert/strict";
import { test } from "node:test";
import "./page.ts";
import { setToken } from "../src/app/auth.ts";
import { call, ProblemError } from "../src/app/api.ts";

test("a call brings the token in its header alone, and no cookie", async (context) => {
  let sent: RequestInit | undefined;
  const fetched = context.mock.method(globalThis, "fetch", (_path: string, init: RequestInit) => {
    sent = init;
    return Promise.resolve(new Response("{}"));
  });
  setToken("a1b2");
  await call("v1/caches", {});
  assert.equal(fetched.mock.calls[0]?.arguments[0], "v1/caches");
  assert.equal(new Headers(sent?.headers).get("Authorization"), "Bearer a1b2");
  assert.equal(sent?.credentials, "omit");
  setToken(null);
  await call("v1/caches", {});
  assert.equal(new Headers(sent?.headers).get("Authorization"), null);
});

test("an answer that is unchanged is one, and a refusal is an error with its problem", async (context) => {
  let answer = new Response(null, { status: 304 });
  context.mock.method(globalThis, "fetch", () => Promise.resolve(answer));
  assert.equal((await call("stats", {})).status, 304);
  answer = Response.json({ title: "Forbidden", detail: "this needs the role admin" }, { status: 403 });
  await assert.rejects(call("stats", {}), (error) => error instanceof ProblemError && error.problem.status === 403 && error.message === "this needs the role admin");
  answer = new Response("<html>a proxy's page", { status: 502, statusText: "Bad Gateway" });
  await assert.rejects(call("stats", {}), (error) => error instanceof ProblemError && error.problem.title === "HTTP 502 Bad Gateway");
});
