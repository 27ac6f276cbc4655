/** A titled box, and what it shows while there is nothing to show. */

import { describe } from "../app/api.ts";
import { type Call, curlButton } from "./curl.ts";
import { el, setText } from "./dom.ts";

export interface Panel {
  readonly element: HTMLElement;
  readonly body: HTMLElement;
  /** A word beside the title. */
  note(text: string): void;
}

export interface PanelOptions {
  note?: string;
  /** The request that the panel shows the answer of. */
  curl?: () => Call;
  /** Controls at the right of the title. */
  tools?: readonly Node[];
  class?: string;
}

let made = 0;

export function panel(title: string, options: PanelOptions = {}, ...content: Node[]): Panel {
  made += 1;
  const id = `panel-${made}`;
  const note = el("p", { class: "muted note" }, options.note ?? "");
  const tools = el("div", { class: "panel-tools" }, ...(options.tools ?? []), ...(options.curl ? [curlButton(options.curl)] : []));
  const body = el("div", { class: "body" }, ...content);
  const head = el("header", {}, el("h3", { id }, title), note, tools);
  const element = el("section", { class: `panel ${options.class ?? ""}`.trim(), "aria-labelledby": id }, head, body);
  return { element, body, note: (text) => setText(note, text) };
}

/** What stands where figures would: what is missing, and what to do. */
export function empty(title: string, ...hint: (Node | string)[]): HTMLElement {
  return el("div", { class: "empty" }, el("p", { class: "empty-title" }, title), ...(hint.length > 0 ? [el("p", { class: "muted" }, ...hint)] : []));
}

/** A failed call, in words. */
export function failure(error: unknown): HTMLElement {
  const { title, detail } = describe(error);
  const box = empty(title, detail);
  box.classList.add("bad");
  return box;
}

/** A command for a terminal, marked as such. */
export function code(text: string): HTMLElement {
  return el("code", {}, text);
}
