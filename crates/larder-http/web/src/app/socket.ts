/** A WebSocket that stays connected while a page is on the screen. Knows nothing of what the messages mean. */

import { openSocket } from "./api.ts";
import { hub } from "./hub.ts";

const BACKOFF_FIRST_MS = 1000;
const BACKOFF_MAX_MS = 30_000;

export class Socket {
  readonly #path: string;
  readonly #onText: (text: string) => void;
  readonly #onState: (isOpen: boolean) => void;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #backoff = BACKOFF_FIRST_MS;

  constructor(path: string, onText: (text: string) => void, onState: (isOpen: boolean) => void) {
    this.#path = path;
    this.#onText = onText;
    this.#onState = onState;
  }

  start(): void {
    this.stop();
    const socket = (this.#socket = openSocket(this.#path));
    socket.addEventListener("open", () => {
      if (this.#socket !== socket) return socket.close();
      this.#backoff = BACKOFF_FIRST_MS;
      this.#onState(true);
    });
    socket.addEventListener("message", ({ data }) => {
      if (this.#socket === socket && typeof data === "string" && !hub.isPaused) this.#onText(data);
    });
    socket.addEventListener("close", () => {
      if (this.#socket !== socket) return;
      this.#onState(false);
      this.#timer = setTimeout(() => this.start(), this.#backoff);
      this.#backoff = Math.min(this.#backoff * 2, BACKOFF_MAX_MS);
    });
  }

  stop(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    // One that is still being opened is closed as soon as it is: browsers warn of the other.
    if (socket?.readyState === WebSocket.OPEN) socket.close();
  }
}
