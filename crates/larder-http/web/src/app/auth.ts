/** The access token: taken from the URL's fragment, kept for this tab, never left in the address bar. */

import { forTab } from "./storage.ts";

const KEY = "larder.token";

/** Moves `#token=…` from the address into the tab's storage. To be called before anything reads the URL. */
export function takeTokenFromUrl(): void {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get("token");
  if (token === null) return;
  fragment.delete("token");
  const rest = fragment.toString();
  history.replaceState(null, "", location.pathname + location.search + (rest ? `#${rest}` : ""));
  setToken(token.trim());
}

export function token(): string | null {
  return forTab.getItem(KEY);
}

/** Keeps `value` for this tab; null or an empty one forgets. */
export function setToken(value: string | null): void {
  if (value) forTab.setItem(KEY, value);
  else forTab.removeItem(KEY);
}
