/** The totals of the chosen range: cost, messages, tokens by kind, what is unpriced and what is archived. */

import { part } from "./markup.ts";
import { el, fill, setText, setTitle } from "../../../parts/dom.ts";
import { fact } from "../../../parts/facts.ts";
import { compact, count, date, percent, plural, usd } from "../../../parts/format.ts";
import { TOKEN_KINDS } from "./tokens.ts";
import type { Stats } from "./wire.ts";

interface Fact {
  label: string;
  value: string;
  exact?: string;
  hint?: string;
  warn?: boolean;
}

const UNPRICED = "Their models have no known price: tokens counted, cost not.";
const AS_LOGGED = "Summed from the session logs: the cost that a line states, else its tokens at list prices. Not an invoice.";

export function showTotals(stats: Stats): void {
  const { totals } = stats;
  setText(part("total-cost"), usd(totals.cost_usd));
  const basis = part("basis");
  basis.hidden = false;
  setText(basis, totals.basis.replaceAll("_", " "));
  setTitle(basis, AS_LOGGED);
  fill(part("facts"), facts(stats), fact, updateFact);
  showMix(stats);
  showArchived(stats);
  setText(part("window"), windowText(stats));
}

function facts({ totals }: Stats): Fact[] {
  const unpriced: Fact = { label: "Unpriced messages", value: count(totals.unpriced_messages) };
  if (totals.unpriced_messages > 0) Object.assign(unpriced, { hint: UNPRICED, warn: true });
  return [
    { label: "Messages", value: count(totals.messages) },
    { label: "Total tokens", value: compact(totals.total_tokens), exact: count(totals.total_tokens) },
    unpriced,
  ];
}

function updateFact(node: HTMLElement, fact: Fact): void {
  const [label, value] = [node.children[0] as HTMLElement, node.children[1] as HTMLElement];
  setText(label, fact.label);
  setText(value, fact.value);
  setTitle(value, fact.exact === fact.value ? undefined : fact.exact);
  node.classList.toggle("warn", fact.warn ?? false);
  let hint = node.children[2] as HTMLElement | undefined;
  if (fact.hint && !hint) {
    hint = el("dd", { class: "hint" });
    node.append(hint);
  }
  if (hint && fact.hint) setText(hint, fact.hint);
  else hint?.remove();
}

function showMix({ totals }: Stats): void {
  const mix = part("mix");
  if (!mix.hasChildNodes()) mix.append(el("div", { class: "mix-strip", "aria-hidden": "true" }), el("dl", { class: "kinds" }));
  const [strip, kinds] = [mix.children[0] as HTMLElement, mix.children[1] as HTMLElement];
  const share = (n: number): number => (totals.total_tokens > 0 ? n / totals.total_tokens : 0);
  fill(strip, TOKEN_KINDS, () => el("i"), (node, kind) => {
    node.className = kind.colour;
    node.hidden = totals[kind.field] === 0;
    node.style.flexGrow = String(share(totals[kind.field]));
  });
  fill(kinds, TOKEN_KINDS, makeKind, (node, kind) => {
    const [label, value, part] = [...node.children] as HTMLElement[];
    if (!label || !value || !part) return;
    if (!label.hasChildNodes()) label.append(el("i", { class: `dot ${kind.colour}`, "aria-hidden": "true" }), kind.label);
    setText(value, compact(totals[kind.field]));
    setTitle(value, count(totals[kind.field]));
    setText(part, totals.total_tokens > 0 ? percent(share(totals[kind.field])) : "");
  });
}

function makeKind(): HTMLElement {
  return el("div", {}, el("dt"), el("dd"), el("dd", { class: "muted" }));
}

function showArchived({ archived }: Stats): void {
  const note = part("archived");
  note.hidden = archived.messages === 0;
  if (note.hidden) return;
  const figures = `${plural(archived.messages, "message")}, ${compact(archived.total_tokens)} tokens, ${usd(archived.cost_usd)}`;
  setText(note, `Archived: ${figures} from ${plural(archived.files, "log")} that no longer exist. What was once counted stays counted.`);
}

function windowText({ window: { from, to, zone } }: Stats): string {
  const days = [...new Set([from ?? to, to])].map(date);
  return `${days.join(" – ")} · ${zone}`;
}
