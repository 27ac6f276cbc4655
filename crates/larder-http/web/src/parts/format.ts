/** Numbers, durations and dates as a reader wants them. Pure; knows nothing of the page. */

const NONE = "–";
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });
const cents = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
const fine = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", minimumFractionDigits: 4, maximumFractionDigits: 4 });
const shortCost = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", notation: "compact", maximumSignificantDigits: 3 });

/** `12,345`. */
export function count(n: number): string {
  return Number.isFinite(n) ? whole.format(n) : NONE;
}

/** `12.3M`; below ten thousand in full. */
export function compact(n: number): string {
  if (!Number.isFinite(n)) return NONE;
  return Math.abs(n) < 10_000 ? whole.format(n) : short.format(n);
}

/** `$12,345.67`; an amount that cents would hide keeps four decimals. */
export function usd(n: number): string {
  if (!Number.isFinite(n)) return NONE;
  return n !== 0 && Math.abs(n) < 0.1 ? usdFine(n) : cents.format(n);
}

/** `$0.0123`: four decimals, for single calls. */
export function usdFine(n: number): string {
  if (!Number.isFinite(n)) return NONE;
  return n > 0 && n < 0.000_05 ? "<$0.0001" : fine.format(n);
}

/** `$1.2K`, for axes. */
export function usdShort(n: number): string {
  return Math.abs(n) < 1000 && !Number.isInteger(n) ? usd(n) : shortCost.format(n);
}

/** A ratio from 0 to 1 as `98.7 %`; it says 100 % only of all, and 0 % only of none. */
export function percent(ratio: number | null): string {
  if (ratio === null || !Number.isFinite(ratio)) return NONE;
  if (ratio > 0.999 && ratio < 1) return ">99.9 %";
  if (ratio > 0 && ratio < 0.001) return "<0.1 %";
  const text = (ratio * 100).toFixed(1);
  return `${text.endsWith(".0") ? text.slice(0, -2) : text} %`;
}

/** Bytes in powers of 1,024, as limits are configured and the command line tells them: `489 MiB`. */
export function bytes(n: number): string {
  return scaled(n, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]);
}

/** Nanoseconds: `45 ns`, `1.2 µs`, `3.4 ms`, `2 s`. */
export function nanos(n: number): string {
  return scaled(n, 1000, ["ns", "µs", "ms", "s"]);
}

function scaled(n: number, step: number, units: readonly string[]): string {
  if (!Number.isFinite(n)) return NONE;
  let unit = 0;
  let value = n;
  while (Math.round(Math.abs(value)) >= step && unit < units.length - 1) {
    value /= step;
    unit += 1;
  }
  const digits = Math.abs(value) < 10 && unit > 0 ? 1 : 0;
  return `${value.toFixed(digits).replace(/\.0$/, "")} ${units[unit] ?? ""}`;
}

/** A span in milliseconds, in its two largest units: `850 ms`, `12 s`, `3 h 12 min`. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return NONE;
  if (ms < 1000) return nanos(Math.max(0, ms) * 1e6);
  const s = Math.floor(ms / 1000);
  const parts: [number, string][] = [
    [Math.floor(s / 86_400), "d"],
    [Math.floor(s / 3600) % 24, "h"],
    [Math.floor(s / 60) % 60, "min"],
    [s % 60, "s"],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  return parts
    .slice(first, first + 2)
    .filter(([n]) => n > 0)
    .map(([n, unit]) => `${n} ${unit}`)
    .join(" ");
}

/** How long ago, in whole units of one kind: `now`, `12 s`, `4 min`, `3 h`, `2 d`. */
export function age(ms: number): string {
  if (!Number.isFinite(ms)) return NONE;
  const s = Math.floor(Math.max(0, ms) / 1000);
  if (s < 1) return "now";
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

const dayShort = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const dayWithYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const dayLong = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const stamp = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** A calendar day given as its midnight in UTC seconds: `3 Sep`. */
export function day(seconds: number): string {
  return dayShort.format(seconds * 1000);
}

/** `Thu, 3 Sep 2026`. */
export function dayFull(seconds: number): string {
  return dayLong.format(seconds * 1000);
}

/** Midnight, in UTC seconds, of `2026-09-01`; null for anything else (`undated`). */
export function dayStart(date: string): number | null {
  const ms = /^\d{4}-\d\d-\d\d$/.test(date) ? Date.parse(`${date}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(ms) ? null : ms / 1000;
}

/** The reader's local time of day: `14:03:09`. */
export function timeOfDay(ms: number): string {
  return clock.format(ms);
}

/** A timestamp in the reader's zone: `3 Sep, 14:03:09`, without the date if that is today. */
export function moment(iso: string | null, now: number = Date.now()): string {
  const at = iso === null ? Number.NaN : Date.parse(iso);
  if (Number.isNaN(at)) return NONE;
  return new Date(at).toDateString() === new Date(now).toDateString() ? clock.format(at) : stamp.format(at);
}

/** `2026-09-03` as `3 Sep 2026`; anything else as it is. */
export function date(day: string): string {
  const start = dayStart(day);
  return start === null ? day : dayWithYear.format(start * 1000);
}

/** `1 file`, `2 files`. */
export function plural(n: number, one: string, many: string = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** The server's lower-case text as a sentence. */
export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

/** Microseconds: `1.2 µs`, `40 ms`. */
export function micros(n: number): string {
  return nanos(n * 1000);
}

/** Seconds of any size: `1.2 µs`, `3 h 12 min`. */
export function seconds(n: number): string {
  return n < 1 ? nanos(n * 1e9) : duration(n * 1000);
}

/** A rate: `0`, `0.42/s`, `1,234/s`. */
export function perSecond(n: number | null): string {
  return n === null || !Number.isFinite(n) ? NONE : `${figure(n)}/s`;
}

/** A figure with as many digits as it needs: `0`, `0.042`, `4.2`, `42`, `12.3K`. */
export function figure(n: number): string {
  if (!Number.isFinite(n)) return NONE;
  const size = Math.abs(n);
  if (size === 0) return "0";
  if (size < 0.001) return "<0.001";
  if (size < 0.1) return n.toFixed(3).replace(/0+$/, "");
  if (size < 10) return n.toFixed(2).replace(/\.?0+$/, "");
  if (size < 100) return n.toFixed(1).replace(/\.0$/, "");
  return compact(n);
}

const clockShort = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** A time on an axis that is `span` seconds long: with seconds where it is short. */
export function clockTime(ms: number, span: number): string {
  return span <= 400 ? clock.format(ms) : clockShort.format(ms);
}
