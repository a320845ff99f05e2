/** The scale bar: a round length that the eye can compare with. */

import { texts } from "#texts/viewer";
import type { View } from "./view";

const ROUND_MM = [1, 2, 5, 10, 20, 50, 100, 200];
const MOST = 0.3;

/** The longest round length that is no more than a part of `height_px`; null where nothing fits. */
export function roundLength(mmPerPx: number, height_px: number): { mm: number; px: number } | null {
  if (!(mmPerPx > 0)) return null;
  const mm = ROUND_MM.findLast((length) => length / mmPerPx <= MOST * height_px);
  return mm === undefined ? null : { mm, px: mm / mmPerPx };
}

/** Draw it at the right edge; nothing where pixels have no size. */
export function scaleBar(context: CanvasRenderingContext2D, view: View, placed: DOMMatrix, width: number, height: number): void {
  const spacing = view.stack?.spacing;
  const perPixel = Math.hypot(placed.c, placed.d);
  const bar = spacing && perPixel > 0 ? roundLength(spacing[0] / perPixel, height) : null;
  if (!bar) return;
  const [x, top] = [width - 14.5, (height - bar.px) / 2];
  const path = new Path2D();
  path.moveTo(x - 6, top);
  path.lineTo(x, top);
  path.lineTo(x, top + bar.px);
  path.lineTo(x - 6, top + bar.px);
  for (const [colour, line] of [["rgb(0 0 0 / 80%)", 3.5], ["rgb(220 228 236)", 1.5]] as const) {
    context.strokeStyle = colour;
    context.lineWidth = line;
    context.stroke(path);
  }
  const text = texts.scale(bar.mm);
  context.font = "12px system-ui, sans-serif";
  context.textAlign = "right";
  context.lineWidth = 3;
  context.strokeStyle = "rgb(0 0 0 / 85%)";
  context.strokeText(text, x + 4, top + bar.px + 16);
  context.fillStyle = "rgb(220 228 236)";
  context.fillText(text, x + 4, top + bar.px + 16);
  context.textAlign = "left";
}
