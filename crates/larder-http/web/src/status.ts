/** The status line and the live mark: how old the data is, what was scanned, the requests, the connection. */

import { byId, el, fill, setText, setTitle } from "./dom.ts";
import { age, bytes, compact, count, duration, plural } from "./format.ts";
import type { StreamState } from "./stream.ts";
import type { Requests, Stats } from "./wire.ts";

const SILENCE_WORTH_SAYING_MS = 3000;

interface Item {
  text: string;
  title?: string;
}

/** What the page knows of freshness. Ages are told by the server's clock as last heard, so skew does no harm. */
export class Status {
  readonly #box = byId("status");
  readonly #live = byId("live");
  readonly #liveText = byId("live-text");
  #stream: StreamState = { kind: "connecting" };
  #stats: Stats | undefined;
  #requests: Requests | undefined;
  #snapshotAt = Number.NaN;
  /** Server time minus local time, in milliseconds. */
  #skew = 0;
  #heardAt = Number.NaN;

  /** A fresh or confirmed answer of `/api/stats`. */
  showStats(stats: Stats, fresh: boolean): void {
    const { timestamp, age_ms } = stats.snapshot;
    if (fresh && timestamp !== null) {
      this.#snapshotAt = Date.parse(timestamp);
      this.#skew = this.#snapshotAt + age_ms - Date.now();
    }
    this.#stats = stats;
    this.#heardAt = Date.now();
    this.show();
  }

  /** The server found at `at`, in milliseconds, that the figures still hold. */
  confirm(at: number): void {
    if (!(at < this.#snapshotAt)) this.#snapshotAt = at;
  }

  showTick(at: number, requests: Requests): void {
    if (Number.isFinite(at)) this.#skew = at - Date.now();
    this.#requests = requests;
    this.#heardAt = Date.now();
  }

  showStream(state: StreamState): void {
    this.#stream = state;
    this.show();
  }

  /** Draws; called each second. */
  show(): void {
    const { state, text } = this.#connection();
    this.#live.dataset["state"] = state;
    setText(this.#liveText, text);
    fill(this.#box, this.#items(), () => el("span"), (node, item) => {
      setText(node, item.text);
      setTitle(node, item.title);
    });
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

  #items(): Item[] {
    const items: Item[] = [];
    if (!Number.isNaN(this.#snapshotAt)) {
      const old = Date.now() + this.#skew - this.#snapshotAt;
      items.push({ text: `Refreshed ${old < 1000 ? "just now" : `${age(old)} ago`}`, title: `The logs were last looked at ${new Date(this.#snapshotAt).toLocaleString()}` });
    }
    if (this.#stats) items.push(...scanItems(this.#stats));
    const requests = this.#requests ?? (this.#stats && requestsOf(this.#stats));
    if (requests) items.push(...requestItems(requests));
    return items;
  }
}

function scanItems({ scan, uptime_seconds }: Stats): Item[] {
  const items: Item[] = [
    { text: `${plural(scan.files, "file")}, ${bytes(scan.bytes)}`, title: `${count(scan.lines)} lines, ${count(scan.bytes)} bytes` },
    { text: `${compact(scan.lines)} lines` },
    { text: `${count(scan.skipped_lines)} skipped`, title: "Lines that could not be counted" },
    ...(scan.unreadable > 0 ? [{ text: `${count(scan.unreadable)} unreadable`, title: "Directories and files that could not be read" }] : []),
    { text: `refresh took ${duration(scan.last_refresh_ms)}` },
  ];
  if (uptime_seconds > 0) items.push({ text: `up ${duration(uptime_seconds * 1000)}` });
  return items;
}

function requestItems(requests: Requests): Item[] {
  const failed = requests.failed > 0 ? `, ${count(requests.failed)} failed` : "";
  return [
    { text: `${plural(requests.total, "request")}${failed}`, title: `${count(requests.successful)} successful` },
    { text: `${duration(requests.avg_response_time_ms)} on average` },
  ];
}

function requestsOf(stats: Stats): Requests {
  return {
    total: stats.total_requests,
    successful: stats.successful_requests,
    failed: stats.failed_requests,
    avg_response_time_ms: stats.avg_response_time_ms,
  };
}
