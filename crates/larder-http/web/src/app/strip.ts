/** The status strip: how the daemon stands, and how the page hears of it. */

import { byId, el, setText, setTitle } from "../parts/dom.ts";
import { showFacts } from "../parts/facts.ts";
import { duration, timeOfDay } from "../parts/format.ts";
import { hub } from "./hub.ts";
import { GRAINS } from "./series.ts";
import { standing } from "./standing.ts";
import type { StreamState } from "./stream.ts";
import { SPANS, type Span } from "./wire.ts";

/** A window may be a twelfth longer than its name. */
const PART_MIN = 0.95;
const PART_MAX = 1.15;
/** Figures are recorded each second. */
const SILENT_MS = 5000;

export class Strip {
  readonly #state = byId("state");
  readonly #about = byId("about");
  readonly #live = byId("live");
  readonly #liveText = byId("live-text");
  readonly #pause = byId<HTMLButtonElement>("pause-button");
  #stream: StreamState = { kind: "connecting" };
  #polling: string | undefined;
  #isReached = true;

  constructor(on: { span: (span: Span) => void; pause: () => void }) {
    const box = byId("span");
    for (const span of SPANS) {
      const input = el("input", { type: "radio", name: "span", value: span });
      input.checked = span === hub.span;
      input.addEventListener("change", () => on.span(span));
      box.append(el("label", {}, input, el("span", {}, span)));
    }
    this.#pause.addEventListener("click", on.pause);
  }

  /** Something was heard. */
  heard(): void {
    this.#isReached = true;
  }

  /** A request failed; it had an answer or had none. */
  failed(isReached: boolean): void {
    this.#isReached = isReached;
    this.show();
  }

  /** Why the figures are asked for again and again in place of the stream; undefined where they are not. */
  polling(why: string | undefined): void {
    this.#polling = why;
  }

  stream(state: StreamState): void {
    this.#stream = state;
    this.show();
  }

  /** Draws; called each second. */
  show(): void {
    const { state, text } = this.#connection();
    this.#live.dataset["state"] = state;
    setText(this.#liveText, text);
    setText(this.#pause, hub.isPaused ? "Resume" : "Pause");
    this.#pause.setAttribute("aria-pressed", String(hub.isPaused));
    setTitle(this.#pause, hub.isPaused ? "Go on (p)" : "Hold the figures still (p)");
    this.#showState();
  }

  #showState(): void {
    const { status, silenceMs, hasHeard } = hub;
    const known = standing({ status, stream: this.#stream.kind, isReached: this.#isReached, silenceMs, hasHeard });
    this.#state.dataset["state"] = known.state;
    setText(this.#state, `${known.text}${known.state === "gone" && known.reasons ? `: ${known.reasons}` : ""}`);
    setTitle(this.#state, known.reasons || undefined);
    const items: readonly (readonly [string, string])[] = status
      ? [
          ["up", known.state === "gone" ? "–" : duration(Math.max(0, hub.now() - Date.parse(status.started_at)))],
          ["version", status.version],
          ["role", status.role ?? "none"],
          ...recorded(),
        ]
      : [];
    showFacts(this.#about, items);
  }

  #connection(): { state: string; text: string } {
    const { kind } = this.#stream;
    if (this.#polling !== undefined && (kind === "connecting" || kind === "waiting")) return { state: "connecting", text: `Polling: ${this.#polling}` };
    switch (this.#stream.kind) {
      case "open":
        return { state: "open", text: "Live" };
      case "connecting":
        return { state: "connecting", text: "Connecting" };
      case "paused":
        return { state: "paused", text: "Paused" };
      case "refused":
        return { state: "down", text: "Needs a token" };
      case "waiting": {
        const seconds = Math.max(0, Math.ceil((this.#stream.until - Date.now()) / 1000));
        return { state: "down", text: `Disconnected · retry in ${seconds} s` };
      }
    }
  }
}

/** What the window's figures are of, where that is not the window: after a start, or while nothing is recorded. */
function recorded(): (readonly [string, string])[] {
  const of = hub.recorded;
  if (!of || of.span !== hub.span) return [];
  if (of.heard - of.until > SILENT_MS) return [["recorded until", timeOfDay(of.until)]];
  const part = of.seconds / GRAINS[of.span].seconds;
  return part < PART_MIN || part > PART_MAX ? [["recorded", `${duration(of.seconds * 1000)} of ${of.span}`]] : [];
}
