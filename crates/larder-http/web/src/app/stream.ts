/**
 * The live stream: server-sent events read with `fetch`, so that the Authorization header can be sent.
 * Reconnects with backoff and gives up a connection that has gone silent. Knows nothing of what the events mean.
 */

export interface StreamEvent {
  event: string;
  data: string;
}

const BUFFER_MAX = 4 * 1024 * 1024;

/** An incremental parser of `text/event-stream`: takes text as it comes, gives whole events. */
export class EventParser {
  #rest = "";
  #event = "";
  #data: string[] = [];
  #size = 0;

  /** Throws when a line, or one event's data, is longer than 4 MiB. */
  push(text: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    const buffer = this.#rest + text;
    // A CR at the very end may be half of a CRLF: it waits for what comes next.
    const end = buffer.endsWith("\r") ? buffer.length - 1 : buffer.length;
    const lines = buffer.slice(0, end).split(/\r\n|\n|\r/);
    this.#rest = (lines.pop() ?? "") + buffer.slice(end);
    for (const line of lines) {
      const event = this.#line(line);
      if (event) events.push(event);
    }
    if (this.#rest.length + this.#size > BUFFER_MAX) throw new Error("an event of the live stream is too long");
    return events;
  }

  #line(line: string): StreamEvent | undefined {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#event = value;
    if (field === "data") {
      this.#data.push(value);
      this.#size += value.length;
    }
    return undefined;
  }

  #dispatch(): StreamEvent | undefined {
    const event = { event: this.#event || "message", data: this.#data.join("\n") };
    const empty = this.#data.length === 0;
    this.#event = "";
    this.#data = [];
    this.#size = 0;
    return empty ? undefined : event;
  }
}

export type StreamState =
  | { kind: "connecting" }
  | { kind: "open" }
  | { kind: "waiting"; until: number }
  | { kind: "paused" }
  | { kind: "refused" };

export interface StreamOptions {
  /** Opens the stream; rejects if the server refuses. */
  open: (signal: AbortSignal) => Promise<Response>;
  onEvent: (event: StreamEvent) => void;
  onState: (state: StreamState) => void;
  onError: (error: unknown) => void;
}

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 15_000;
/** Of a stream that ticks each second. */
const SILENCE_MAX_MS = 5000;

export class LiveStream {
  readonly #options: StreamOptions;
  #stop: AbortController | undefined;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /** Connects, and stays connected until `pause`. Started again, it drops the old connection first. */
  start(): void {
    this.#stop?.abort();
    this.#stop = new AbortController();
    void this.#run(this.#stop.signal);
  }

  /** Closes the connection until the next `start`, and says why. */
  pause(why: "paused" | "refused" = "paused"): void {
    this.#stop?.abort();
    this.#stop = undefined;
    this.#options.onState({ kind: why });
  }

  async #run(stop: AbortSignal): Promise<void> {
    let backoff = BACKOFF_FIRST_MS;
    while (!stop.aborted) {
      this.#options.onState({ kind: "connecting" });
      let heard = false;
      try {
        await this.#read(stop, () => {
          if (!heard) this.#options.onState({ kind: "open" });
          heard = true;
        });
      } catch (error) {
        if (!stop.aborted) this.#options.onError(error);
      }
      if (stop.aborted) return;
      if (heard) backoff = BACKOFF_FIRST_MS;
      const wait = backoff * (0.75 + Math.random() * 0.5);
      backoff = Math.min(backoff * 2, BACKOFF_MAX_MS);
      this.#options.onState({ kind: "waiting", until: Date.now() + wait });
      await pauseFor(wait, stop);
    }
  }

  async #read(stop: AbortSignal, onHeard: () => void): Promise<void> {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE_MAX_MS);
    try {
      const response = await this.#options.open(AbortSignal.any([stop, silence.signal]));
      if (!response.body) throw new Error("the live stream has no body");
      const parser = new EventParser();
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done || stop.aborted) return;
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MAX_MS);
        onHeard();
        for (const event of parser.push(decoder.decode(value, { stream: true }))) this.#options.onEvent(event);
      }
    } finally {
      clearTimeout(timer);
      // Whatever ended the reading, the connection does not outlive it.
      silence.abort();
    }
  }
}

function pauseFor(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stop.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
