/** The value of a key, on demand: it may be long, and no figure needs it. */

import { get } from "../app/api.ts";
import { el } from "../parts/dom.ts";
import { bytes, count } from "../parts/format.ts";
import { failure } from "../parts/panel.ts";

/** What is shown of a value; all of it is a request away. */
const SHOWN_MAX = 20_000;

interface Shown {
  value: unknown;
  value_type: "json" | "text" | "bytes" | null;
  value_bytes: number | null;
}

/** A button that puts the value of `path`'s key in its own place. */
export function valueButton(path: string): HTMLElement {
  const button = el("button", { type: "button", class: "quiet" }, "Show its value");
  const place = el("div", { class: "answer" }, button);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      place.replaceChildren(...valueOf(await get<Shown>(`${path}&value=1`)));
    } catch (error) {
      place.replaceChildren(failure(error));
    }
  });
  return place;
}

function valueOf({ value, value_type: type, value_bytes: size }: Shown): HTMLElement[] {
  if (type === null) return [el("p", { class: "muted" }, "It is held no more.")];
  const about = `${type === "bytes" ? "Bytes that are no text" : type === "json" ? "JSON" : "Text"}, ${bytes(size ?? 0)}`;
  if (type === "bytes") return [el("p", { class: "muted" }, `${about}.`)];
  const text = type === "json" ? JSON.stringify(value, undefined, 2) : String(value);
  const cut = text.length > SHOWN_MAX ? `; the first ${count(SHOWN_MAX)} characters` : "";
  return [el("p", { class: "muted" }, `${about}${cut}.`), el("pre", { class: "value", tabindex: "0" }, text.slice(0, SHOWN_MAX))];
}
