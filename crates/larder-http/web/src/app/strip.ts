/** The status strip: how the daemon stands, and how the page hears of it. */

import { byId, el, setText, setTitle } from "../parts/dom.ts";
import { showFacts } from "../parts/facts.ts";
import { age, duration, timeOfDay } from "../parts/format.ts";
import { hub } from "./hub.ts";
import { GRAINS } from "./series.ts";
import type { StreamState } from "./stream.ts";
import { SPANS, type Span } from "./wire.ts";

const SILENCE_WORTH_SAYING_MS = 3000;
/** A window may be a twelfth longer than its name. */
const PART_MIN = 0.95;
const PART_MAX = 1.15;
/** Figures are recorded each second. */
const SILENT_MS = 5000;
const STATES: Record<string, { mark: string; text: string }> = {
  ready: { mark: "●", text: "Ready" },
  degraded: { mark: "▲", text: "Degraded" },
  stopping: { mark: "■", text: "Stopping" },
  not_ready: { mark: "■", text: "Not ready" },
};

export class Strip {
  readonly #state = byId("state");
  readonly #about = byId("about");
  readonly #live = byId("live");
  readonly #liveText = byId("live-text");
  readonly #pause = byId<HTMLButtonElement>("pause-button");
  #stream: StreamState = { kind: "connecting" };
  #heardAt = Number.NaN;

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

  heard(): void {
    this.#heardAt = Date.now();
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
    const { status } = hub;
    const gone = this.#stream.kind === "waiting";
    const known = status && STATES[status.state];
    const { mark, text } = gone ? { mark: "✕", text: "Not reached" } : (known ?? { mark: "○", text: status?.state ?? "Asking" });
    this.#state.dataset["state"] = gone ? "gone" : (status?.state ?? "asking");
    const reasons = gone ? "the figures are the last ones heard" : (status?.reasons ?? []).join("; ");
    setText(this.#state, `${mark} ${text}${reasons ? `: ${reasons}` : ""}`);
    setTitle(this.#state, reasons || undefined);
    const items: readonly (readonly [string, string])[] = status
      ? [
          ["up", gone ? "–" : duration(Math.max(0, hub.now() - Date.parse(status.started_at)))],
          ["version", status.version],
          ["role", status.role ?? "none"],
          ...recorded(),
        ]
      : [];
    showFacts(this.#about, items);
  }

  #connection(): { state: string; text: string } {
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
        const silence = Date.now() - this.#heardAt;
        const heard = silence >= SILENCE_WORTH_SAYING_MS ? ` · last heard ${age(silence)} ago` : "";
        return { state: "down", text: `Disconnected · retry in ${seconds} s${heard}` };
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
