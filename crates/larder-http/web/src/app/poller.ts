/** Asking again and again, while somebody looks. Knows nothing of what is asked. */

import { hub } from "./hub.ts";

const BACKOFF_MAX_MS = 30_000;

export interface Asking {
  /** How long after an answer the next question is; asked each time, for it may depend on the window. */
  every: () => number;
  ask: (signal: AbortSignal) => Promise<void>;
  failed: (error: unknown) => void;
}

/** One question at a time. It rests while the page is hidden or paused, and backs off while there is no answer. */
export class Poller {
  readonly #asking: Asking;
  #control: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;

  constructor(asking: Asking) {
    this.#asking = asking;
  }

  /** Asks now, and goes on. A question under way is dropped. */
  start(): void {
    this.stop();
    this.#failures = 0;
    const control = (this.#control = new AbortController());
    void this.#run(control);
  }

  get isRunning(): boolean {
    return this.#control !== undefined;
  }

  stop(): void {
    this.#control?.abort();
    this.#control = undefined;
    clearTimeout(this.#timer);
  }

  async #run(control: AbortController): Promise<void> {
    if (!hub.isResting) {
      try {
        await this.#asking.ask(control.signal);
        this.#failures = 0;
      } catch (error) {
        if (control.signal.aborted) return;
        this.#failures += 1;
        this.#asking.failed(error);
      }
    }
    if (control.signal.aborted) return;
    const wait = Math.min(this.#asking.every() * 2 ** Math.min(this.#failures, 5), Math.max(BACKOFF_MAX_MS, this.#asking.every()));
    this.#timer = setTimeout(() => void this.#run(control), wait);
  }
}
