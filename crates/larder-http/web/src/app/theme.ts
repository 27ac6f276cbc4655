/** Dark or light: the system's wish unless the reader chose otherwise, which is remembered. */

import { byId, setTitle } from "../parts/dom.ts";
import { lasting } from "./storage.ts";

const KEY = "larder.theme";
const prefersDark = matchMedia("(prefers-color-scheme: dark)");

type Theme = "dark" | "light";

function systemTheme(): Theme {
  return prefersDark.matches ? "dark" : "light";
}

function chosen(): Theme | undefined {
  const value = lasting.getItem(KEY);
  return value === "dark" || value === "light" ? value : undefined;
}

/** Applies the remembered theme. Runs before the first paint. */
export function applyTheme(): void {
  document.documentElement.dataset["theme"] = chosen() ?? systemTheme();
}

/** Wires the button; `onChange` runs after each change, to redraw what is not styled by CSS. */
export function initTheme(onChange: () => void): void {
  const button = byId("theme-button");
  const show = (): void => {
    applyTheme();
    const label = `Switch to ${current() === "dark" ? "light" : "dark"} colours`;
    button.setAttribute("aria-label", label);
    setTitle(button, label);
  };
  button.addEventListener("click", () => {
    const next: Theme = current() === "dark" ? "light" : "dark";
    if (next === systemTheme()) lasting.removeItem(KEY);
    else lasting.setItem(KEY, next);
    show();
    onChange();
  });
  prefersDark.addEventListener("change", () => {
    show();
    onChange();
  });
  show();
}

function current(): Theme {
  return document.documentElement.dataset["theme"] === "dark" ? "dark" : "light";
}
