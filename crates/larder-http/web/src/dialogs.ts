/** Asking the reader: for a token, for a confirmation; and the short notice at the bottom. */

import { setToken, token } from "./auth.ts";
import { byId, setText } from "./dom.ts";

const tokenDialog = byId<HTMLDialogElement>("token-dialog");
const tokenInput = byId<HTMLInputElement>("token-input");
const NOTICE_MS = 6000;
let noticeTimer: ReturnType<typeof setTimeout> | undefined;

/** Wires the token button and dialog; `onChange` runs after a token was set or forgotten. */
export function initTokenDialog(onChange: () => void): void {
  const finish = (value: string | null): void => {
    setToken(value);
    tokenDialog.close();
    onChange();
  };
  byId("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    finish(tokenInput.value.trim());
  });
  byId("token-cancel").addEventListener("click", () => tokenDialog.close());
  byId("token-forget").addEventListener("click", () => finish(null));
  byId("token-button").addEventListener("click", () => askToken("Reading may need a token; clearing a cache needs an admin's."));
}

/** Opens the token dialog, saying why; an open one is left as it is. */
export function askToken(why: string): void {
  if (tokenDialog.open) return;
  setText(byId("token-why"), why);
  byId("token-forget").hidden = token() === null;
  tokenInput.value = "";
  tokenDialog.showModal();
}

export interface Question {
  title: string;
  text: string;
  ok: string;
}

/** Resolves to whether the reader agreed; closing the dialog is a no. */
export function confirmed(question: Question): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>("confirm-dialog");
  setText(byId("confirm-title"), question.title);
  setText(byId("confirm-text"), question.text);
  setText(byId("confirm-ok"), question.ok);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok"), { once: true });
  });
}

/** A short message, read out and gone after some seconds. */
export function notify(text: string): void {
  const box = byId("notice");
  setText(box, text);
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => setText(box, ""), NOTICE_MS);
}
