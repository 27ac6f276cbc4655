/** Asking the reader: for a token, for a confirmation, perhaps with a name typed. */

import { setToken, token } from "../app/auth.ts";
import { byId, setText } from "./dom.ts";

const DEFAULT_WHY = "Reading may need a token; changing anything needs an operator's or an admin's.";

/** Wires the token button and dialog; `onChange` runs after a token was set or forgotten. */
export function initTokenDialog(onChange: () => void): void {
  const dialog = byId<HTMLDialogElement>("token-dialog");
  const input = byId<HTMLInputElement>("token-input");
  const finish = (value: string | null): void => {
    setToken(value);
    dialog.close();
    onChange();
  };
  byId("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    finish(input.value.trim());
  });
  byId("token-cancel").addEventListener("click", () => dialog.close());
  byId("token-forget").addEventListener("click", () => finish(null));
  byId("token-button").addEventListener("click", () => askToken(DEFAULT_WHY));
}

/** Opens the token dialog, saying why; an open one is left as it is. */
export function askToken(why: string): void {
  const dialog = byId<HTMLDialogElement>("token-dialog");
  if (dialog.open) return;
  setText(byId("token-why"), why);
  byId("token-forget").hidden = token() === null;
  byId<HTMLInputElement>("token-input").value = "";
  dialog.showModal();
}

export interface Question {
  title: string;
  text: string;
  ok: string;
  /** What the reader must type before it can be done. */
  typed?: string;
}

/** Resolves to whether the reader agreed; closing the dialog is a no. */
export function confirmed(question: Question): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>("confirm-dialog");
  const ok = byId<HTMLButtonElement>("confirm-ok");
  const input = byId<HTMLInputElement>("confirm-input");
  const label = byId("confirm-label");
  const { typed } = question;
  setText(byId("confirm-title"), question.title);
  setText(byId("confirm-text"), question.text);
  setText(ok, question.ok);
  setText(label, typed === undefined ? "" : `Type ${typed} to confirm`);
  label.hidden = input.hidden = typed === undefined;
  input.value = "";
  ok.disabled = typed !== undefined;
  input.oninput = () => (ok.disabled = input.value !== typed);
  dialog.returnValue = "";
  dialog.showModal();
  (typed === undefined ? byId("confirm-cancel") : input).focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok"), { once: true });
  });
}
