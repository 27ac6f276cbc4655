/** Fields and buttons of small forms, by role: what one may not do is shown, disabled, with the reason. */

import { hub } from "../app/hub.ts";
import type { Role } from "../app/wire.ts";
import { el, setTitle } from "./dom.ts";

let made = 0;

/** A labelled field. */
export function field<T extends HTMLElement>(label: string, control: T, hint?: string): HTMLElement {
  made += 1;
  control.id ||= `field-${made}`;
  return el("div", { class: "field" }, el("label", { for: control.id }, label), control, ...(hint ? [el("p", { class: "muted small" }, hint)] : []));
}

export function textInput(attributes: { placeholder?: string; class?: string } = {}): HTMLInputElement {
  return el("input", { type: "text", autocomplete: "off", spellcheck: "false", ...attributes });
}

export function select(options: readonly (readonly [value: string, text: string])[]): HTMLSelectElement {
  return el("select", {}, ...options.map(([value, text]) => el("option", { value }, text)));
}

/** Replaces the options, and keeps what is chosen if it is still there. */
export function setOptions(box: HTMLSelectElement, values: readonly string[]): void {
  if ([...box.options].map((option) => option.value).join("\0") === values.join("\0")) return;
  const chosen = box.value;
  box.replaceChildren(...values.map((value) => el("option", { value }, value)));
  if (values.includes(chosen)) box.value = chosen;
}

/** A button that needs a role. `guard` is to be called whenever the role may have changed. */
export class RoleButton {
  readonly element: HTMLButtonElement;
  readonly #needed: Role;
  #wanted = true;

  constructor(label: string, needed: Role, run: () => void, kind: "quiet" | "danger" | "primary" = "quiet") {
    this.#needed = needed;
    this.element = el("button", { type: "button", class: kind }, label);
    this.element.addEventListener("click", run);
    this.guard();
  }

  /** Whether there is something to do at all. */
  want(wanted: boolean): void {
    this.#wanted = wanted;
    this.guard();
  }

  guard(): void {
    const refusal = hub.refusal(this.#needed);
    this.element.disabled = refusal !== undefined || !this.#wanted;
    setTitle(this.element, refusal);
  }
}
