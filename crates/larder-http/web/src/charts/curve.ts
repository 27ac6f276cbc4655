/** The hit ratio that other capacities would have: a curve from a simulation, with the capacity of now marked. */

import { el, svg } from "../parts/dom.ts";
import { compact, percent } from "../parts/format.ts";
import type { Curve } from "../app/wire.ts";

const WIDTH = 320;
const HEIGHT = 150;
const LEFT = 44;
const RIGHT = 20;
const TOP = 12;
const BOTTOM = 26;
const LABEL_WIDTH = 36;

/** Where the points of a curve stand: scales are spread by their logarithm. */
export function places(curve: Curve): { x: number; y: number; scale: number; hitRate: number; capacity: number }[] {
  const points = [...curve.points].filter((point) => point.scale > 0).sort((a, b) => a.scale - b.scale);
  const logs = points.map((point) => Math.log2(point.scale));
  const [low, high] = [logs[0] ?? 0, logs.at(-1) ?? 1];
  const room = high - low || 1;
  return points.map((point, i) => ({
    x: LEFT + (((logs[i] ?? 0) - low) / room) * (WIDTH - LEFT - RIGHT),
    y: HEIGHT - BOTTOM - Math.min(1, Math.max(0, point.hit_rate)) * (HEIGHT - TOP - BOTTOM),
    scale: point.scale,
    hitRate: point.hit_rate,
    capacity: point.capacity,
  }));
}

export function curvePicture(curve: Curve): HTMLElement {
  const at = places(curve);
  const label = `Predicted hit ratio of ${curve.cache}: ${at.map((p) => `${percent(p.hitRate)} at ${compact(p.capacity)}`).join(", ")}`;
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
  for (const part of [0, 0.5, 1]) {
    const y = HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM);
    picture.append(svg("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y }), text(LEFT - 6, y + 3.5, percent(part), "end"));
  }
  picture.append(svg("polyline", { class: "curve", points: at.map((p) => `${p.x.toFixed(1)},${p.y.toFixed(1)}`).join(" ") }));
  for (const p of at) picture.append(svg("circle", { class: p.scale === 1 ? "now" : "point", cx: p.x, cy: p.y, r: p.scale === 1 ? 5 : 3 }));
  for (const p of labelled(at)) picture.append(text(p.x, HEIGHT - 8, p.scale === 1 ? "now" : `${p.scale}×`, "middle"));
  return el("div", { class: "curve-box" }, picture as unknown as Node);
}

/** The points that have room for a label: the capacity of now, and of the others those that no label stands beside. */
export function labelled<P extends { x: number; scale: number }>(points: readonly P[]): P[] {
  const kept: P[] = points.filter((p) => p.scale === 1);
  for (const p of points) if (kept.every((other) => Math.abs(other.x - p.x) >= LABEL_WIDTH)) kept.push(p);
  return kept;
}

function text(x: number, y: number, content: string, anchor: string): SVGTextElement {
  const node = svg("text", { x, y, "text-anchor": anchor });
  node.textContent = content;
  return node;
}
