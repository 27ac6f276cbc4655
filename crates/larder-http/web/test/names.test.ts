import assert from "node:assert/strict";
import { test } from "node:test";
import { projectName, projectNames, sessionName } from "../src/pages/services/usage/names.ts";

test("the home and the usual shelves are left out of a project's name", () => {
  assert.equal(projectName("-home-dev-src-cache-metric-0001"), "cache-metric-0001");
  assert.equal(projectName("-Users-ana-Documents-code-shop"), "shop");
  assert.equal(projectName("C--Users-ana-shop"), "shop");
  assert.equal(projectName("-root-a-b-c-d-e-f"), "…b-c-d-e-f");
});

test("a name that is no encoded path stays whole", () => {
  assert.equal(projectName("project-alpha"), "project-alpha");
  assert.equal(projectName("-"), "-");
  assert.equal(projectName(""), "");
});

test("projects that would read alike keep their full names", () => {
  const names = projectNames(["-home-ana-shop", "-home-bo-shop", "-home-bo-till"]);
  assert.equal(names.get("-home-ana-shop"), "-home-ana-shop");
  assert.equal(names.get("-home-bo-till"), "till");
});

test("a project listed twice still reads short", () => {
  assert.equal(projectNames(["-home-ana-shop", "-home-ana-shop"]).get("-home-ana-shop"), "shop");
});

test("a UUID is shortened, another session's id is not", () => {
  assert.equal(sessionName("8e8572fe-1111-4222-8333-444455556666"), "8e8572fe");
  assert.equal(sessionName("session-alpha"), "session-alpha");
});
