/** The button that copies a panel's request, to be asked again in a terminal. */

import { token } from "../app/auth.ts";
import { el } from "./dom.ts";
import { notify } from "./notice.ts";

export interface Call {
  /** As in the page's own calls: relative to the page. */
  path: string;
  method?: "GET" | "POST" | "PUT" | "DELETE";
  body?: unknown;
}

/** The command. The token is named, not shown: what is copied ends in histories and chats. */
export function command({ path, method = "GET", body }: Call, base: string, withToken: boolean): string {
  const parts = ["curl"];
  if (method !== "GET") parts.push("-X", method);
  if (withToken) parts.push("-H", '"Authorization: Bearer $LARDER_TOKEN"');
  if (body !== undefined) parts.push("-H", "'Content-Type: application/json'", "-d", quoted(JSON.stringify(body)));
  parts.push(quoted(new URL(path, base).href));
  return parts.join(" ");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** `call` is asked when the button is pressed: it may depend on what is shown by then. */
export function curlButton(call: () => Call): HTMLButtonElement {
  const label = "Copy this panel's request as a curl command";
  const button = el("button", { type: "button", class: "quiet tiny curl", "aria-label": label, title: label }, "curl");
  button.addEventListener("click", () => void copy(call()));
  return button;
}

async function copy(call: Call): Promise<void> {
  const base = location.origin + location.pathname;
  const text = command(call, base, token() !== null || (call.method ?? "GET") !== "GET");
  try {
    await navigator.clipboard.writeText(text);
    notify(`Copied: ${text}`);
  } catch {
    // Without leave to use the clipboard the command can still be marked and copied by hand.
    notify(text);
  }
}
