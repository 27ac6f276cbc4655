import assert from "node:assert/strict";
import { test } from "node:test";
import { element } from "./page.ts";
import { confirmed } from "../src/parts/dialogs.ts";

const dialog = element("confirm-dialog");
const input = element("confirm-input");
const ok = element("confirm-ok");
const clear = { title: "Clear users?", text: "All entries are removed.", ok: "Clear", typed: "users" };

test("what cannot be undone is done only once its name is typed whole", async () => {
  const agreed = confirmed(clear);
  assert.equal(element("confirm-label").textContent, "Type users to confirm");
  assert.ok(!input.hidden && ok.disabled);
  for (const other of ["user", "users ", "Users", ""]) {
    input.type(other);
    assert.ok(ok.disabled, `${JSON.stringify(other)} is not the name`);
  }
  input.type("users");
  assert.ok(!ok.disabled);
  dialog.close("ok");
  assert.equal(await agreed, true);
});

test("a question that is asked again knows nothing of the answer before", async () => {
  const before = confirmed(clear);
  input.type("users");
  dialog.close("ok");
  assert.equal(await before, true);
  const again = confirmed(clear);
  assert.deepEqual([input.value, ok.disabled], ["", true]);
  dialog.close(); // by Escape
  assert.equal(await again, false);
});

test("a question without a name to type can be answered at once, and cancelled", async () => {
  const { typed: _, ...reset } = clear;
  const agreed = confirmed(reset);
  assert.deepEqual([input.hidden, ok.disabled], [true, false]);
  dialog.close("cancel");
  assert.equal(await agreed, false);
});
