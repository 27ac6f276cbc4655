/** The short notice at the bottom, read out and gone after some seconds. */

import { byId, setText } from "./dom.ts";

const NOTICE_MS = 7000;
let timer: ReturnType<typeof setTimeout> | undefined;

export function notify(text: string): void {
  const box = byId("notice");
  setText(box, text);
  clearTimeout(timer);
  timer = setTimeout(() => setText(box, ""), NOTICE_MS);
}
