/** The four kinds of tokens: their fields, names and colours, in the order in which the page stacks them. */

import type { Tokens } from "./wire.ts";

export interface TokenKind {
  readonly field: "input_tokens" | "output_tokens" | "cache_creation_tokens" | "cache_read_tokens";
  readonly label: string;
  /** A custom property and a class of the style sheet. */
  readonly colour: string;
}

export const TOKEN_KINDS: readonly TokenKind[] = [
  { field: "input_tokens", label: "Input", colour: "input" },
  { field: "output_tokens", label: "Output", colour: "output" },
  { field: "cache_creation_tokens", label: "Cache creation", colour: "creation" },
  { field: "cache_read_tokens", label: "Cache read", colour: "read" },
];

export function tokenTotal(row: Omit<Tokens, "messages" | "total_tokens" | "cost_usd">): number {
  return TOKEN_KINDS.reduce((sum, kind) => sum + row[kind.field], 0);
}
