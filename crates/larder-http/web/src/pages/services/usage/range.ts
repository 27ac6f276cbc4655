/** The choice of the time range, kept in the address (`?range=week`) so that a link shows what its sender saw. */


import { part } from "./markup.ts";
import { TIME_RANGES, type TimeRange } from "./wire.ts";

const DEFAULT: TimeRange = "all";

/** Wires the radio buttons; gives the range chosen at the start. */
export function initRange(onChange: (range: TimeRange) => void): TimeRange {
  const asked = new URLSearchParams(location.search).get("range");
  const start = TIME_RANGES.find((range) => range === asked) ?? DEFAULT;
  const box = part("range");
  const button = box.querySelector<HTMLInputElement>(`input[value="${start}"]`);
  if (button) button.checked = true;
  box.addEventListener("change", (event) => {
    const range = TIME_RANGES.find((each) => each === (event.target as HTMLInputElement).value);
    if (!range) return;
    remember(range);
    onChange(range);
  });
  return start;
}

function remember(range: TimeRange): void {
  const url = new URL(location.href);
  if (range === DEFAULT) url.searchParams.delete("range");
  else url.searchParams.set("range", range);
  history.replaceState(null, "", url);
}
