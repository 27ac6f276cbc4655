/** What all pages share: the last figures heard, the server's clock, the reader's role, window and pause. */

import type { WindowFigures } from "./window.ts";
import type { Role, ServerStatus, Span, Tick } from "./wire.ts";
import { SPANS } from "./wire.ts";
import { forTab } from "./storage.ts";

const SPAN_KEY = "larder.span";
const RANKS: readonly (Role | null)[] = [null, "viewer", "operator", "admin"];

class Hub {
  tick: Tick | undefined;
  status: ServerStatus | undefined;
  span: Span = SPANS.find((span) => span === forTab.getItem(SPAN_KEY)) ?? "5m";
  isPaused = false;
  /** What was asked last of the chosen window. */
  recorded: WindowFigures | undefined;
  /** When the server was last heard, or listening began, by the browser's clock. */
  #heardAt = Date.now();
  #hasHeard = false;
  /** The server's time minus the browser's, in milliseconds. */
  #skew = 0;

  heard(tick: Tick): void {
    this.tick = tick;
    this.clock(tick.at);
  }

  /** The server said that it is `at` there. */
  clock(at: string): void {
    this.#heardAt = Date.now();
    this.#hasHeard = true;
    const ms = Date.parse(at);
    if (Number.isFinite(ms)) this.#skew = ms - Date.now();
  }

  /** Listening begins: silence counts from here on. */
  listen(): void {
    this.#heardAt = Date.now();
  }

  get silenceMs(): number {
    return Math.max(0, Date.now() - this.#heardAt);
  }

  get hasHeard(): boolean {
    return this.#hasHeard;
  }

  /** Milliseconds since the epoch by the server's clock, whatever the browser's says. */
  now(): number {
    return Date.now() + this.#skew;
  }

  /** Nobody looks, or wants to look in peace. */
  get isResting(): boolean {
    return this.isPaused || document.hidden;
  }

  choose(span: Span): void {
    this.span = span;
    forTab.setItem(SPAN_KEY, span);
  }

  get role(): Role | null {
    return this.status?.role ?? null;
  }

  may(needed: Role): boolean {
    return RANKS.indexOf(this.role) >= RANKS.indexOf(needed);
  }

  /** Why an action is not to be had, or undefined where it is. */
  refusal(needed: Role): string | undefined {
    if (this.may(needed)) return undefined;
    const has = this.role === null ? "you have no role" : `you are ${this.role === "viewer" ? "a" : "an"} ${this.role}`;
    return `Needs the role ${needed}; ${has}. Set a token with the Token button.`;
  }
}

export const hub = new Hub();
