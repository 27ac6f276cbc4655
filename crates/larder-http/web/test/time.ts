/** Time that goes by when a test says so. */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";

interface Waiting {
  ms: number;
  run: () => void;
}

/** Has what waits for time wait for `next` instead, which tells how long that would have been. */
export function heldTime(context: TestContext): { next: () => Promise<number>; waiting: () => number } {
  const queue: Waiting[] = [];
  const set = (run: () => void, ms: number): Waiting => {
    const one = { ms, run };
    queue.push(one);
    return one;
  };
  const clear = (one: Waiting | undefined): void => {
    const at = one ? queue.indexOf(one) : -1;
    if (at >= 0) queue.splice(at, 1);
  };
  context.mock.method(globalThis, "setTimeout", set as unknown as typeof setTimeout);
  context.mock.method(globalThis, "clearTimeout", clear as unknown as typeof clearTimeout);
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    next: async () => {
      await settled();
      const one = queue.shift();
      assert.ok(one, "nothing waits");
      one.run();
      await settled();
      return one.ms;
    },
    waiting: () => queue.length,
  };
}
