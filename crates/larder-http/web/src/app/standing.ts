/** How the daemon stands, as far as what was heard of it tells. Knows no elements and no clock. */

import { age } from "../parts/format.ts";
import type { StreamState } from "./stream.ts";
import type { ServerStatus } from "./wire.ts";

/** The stream ticks each second: after this nobody there answers. */
const SILENCE_MAX_MS = 4000;
const STATES: Record<string, { mark: string; text: string }> = {
  ready: { mark: "●", text: "Ready" },
  degraded: { mark: "▲", text: "Degraded" },
  stopping: { mark: "■", text: "Stopping" },
  not_ready: { mark: "■", text: "Not ready" },
};

export interface Known {
  status: ServerStatus | undefined;
  stream: StreamState["kind"];
  /** Whether the last request, if it failed, had an answer. */
  isReached: boolean;
  /** Since something was heard, or since the page began to listen. */
  silenceMs: number;
  hasHeard: boolean;
}

export interface Standing {
  /** `gone` where the status is not to be believed. */
  state: string;
  text: string;
  reasons: string;
}

export function standing({ status, stream, isReached, silenceMs, hasHeard }: Known): Standing {
  if (stream === "refused") return { state: "gone", text: "✕ Needs a token", reasons: "" };
  const isSilent = silenceMs >= SILENCE_MAX_MS;
  if (stream !== "paused" && (isSilent || !isReached)) {
    const what = isReached ? "Not answering" : "Not reached";
    const ago = silenceMs < 1000 ? "just now" : `${age(silenceMs)} ago`;
    const since = hasHeard ? `last heard ${ago}` : `nothing heard for ${age(silenceMs)}`;
    return { state: "gone", text: `✕ ${what}, ${since}`, reasons: "the figures are the last ones heard" };
  }
  const known = status && STATES[status.state];
  const { mark, text } = known ?? { mark: "○", text: status?.state ?? "Asking" };
  const reasons = (status?.reasons ?? []).join("; ");
  return { state: status?.state ?? "asking", text: `${mark} ${text}${reasons && `: ${reasons}`}`, reasons };
}
