/** What a page is, to those that show it. */

import type { Tick } from "./wire.ts";

export interface Page {
  readonly title: string;
  readonly element: HTMLElement;
  /**
   * On the screen from now on; `argument` is what follows the page's name in the address. Without this the page is
   * refreshed.
   */
  open?(argument: string): void;
  /** Off the screen: it asks for nothing more. */
  close(): void;
  /** The figures as they are now, each second. */
  tick?(tick: Tick): void;
  /** Another role, another window, or a daemon that is back: what is shown is asked for anew. */
  refresh(): void;
  /** The theme has changed: what no style sheet reaches is drawn again. */
  restyle?(): void;
}
