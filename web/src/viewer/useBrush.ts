import { useEffect, useRef } from "react";
import type { BrushKind, Editing } from "./engine/brush";
import type { Values } from "./engine/blocks";
import type { Painter } from "./engine/painter";
import type { View } from "./engine/view";

export interface BrushSettings {
  kind: BrushKind;
  editing: Editing;
  /** In pixels of the picture. */
  radius: number;
  range: readonly [number, number];
  onStroke: () => void;
}

/** Paint with the pointer on a view. Cornerstone does not see the left button meanwhile. */
export function useBrush(view: View | null, painter: Painter | null, settings: BrushSettings | null): void {
  const latest = useRef(settings);
  useEffect(() => {
    latest.current = settings;
    if (painter && !settings) {
      painter.scene = { ...painter.scene, brush: null };
      painter.paint();
    }
  });
  const on = settings !== null;
  useEffect(() => {
    if (!on || !view || !painter) return;
    const element = view.element;
    let last: { down: number; across: number } | null = null;
    // The stroke that is drawn: its slice, values and kind stay what they were when it began.
    let running: { brush: BrushSettings; values: Values | null } | null = null;
    const place = (event: PointerEvent) => {
      const box = element.getBoundingClientRect();
      return view.pixelAt([event.clientX - box.left, event.clientY - box.top]);
    };
    const show = (at: { down: number; across: number } | null) => {
      painter.scene = { ...painter.scene, brush: at && latest.current ? { ...at, radius: latest.current.radius } : null };
      painter.paint();
    };
    const stroke = (to: { down: number; across: number }) => {
      if (!running || !last) return;
      const { brush, values } = running;
      brush.editing.draw(last, to, brush.radius, brush.kind, values, brush.range);
      last = to;
    };
    const down = (event: PointerEvent) => {
      const at = place(event);
      if (event.button !== 0 || event.shiftKey || !at || !latest.current || !view.stack || latest.current.editing.ground.key !== view.stack.key) return;
      if (view.target !== view.index) return; // still on the way to another slice
      event.stopPropagation();
      element.setPointerCapture(event.pointerId);
      running = { brush: latest.current, values: view.stack.slices.now(view.index) };
      view.held = true;
      running.brush.editing.begin(view.index);
      last = at;
      stroke(at);
      show(at);
    };
    const move = (event: PointerEvent) => {
      const at = place(event);
      if (at && last) stroke(at);
      show(at);
    };
    const up = () => {
      if (!running) return;
      const { brush } = running;
      [last, running] = [null, null];
      view.held = false;
      if (brush.editing.end()) brush.onStroke();
    };
    const leave = () => show(null);
    const hide = (event: MouseEvent) => {
      if (event.button === 0 && !event.shiftKey) event.stopPropagation();
    };
    element.addEventListener("pointerdown", down, true);
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", up);
    element.addEventListener("pointercancel", up);
    element.addEventListener("pointerleave", leave);
    element.addEventListener("mousedown", hide, true);
    return () => {
      up();
      element.removeEventListener("pointerdown", down, true);
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", up);
      element.removeEventListener("pointercancel", up);
      element.removeEventListener("pointerleave", leave);
      element.removeEventListener("mousedown", hide, true);
    };
  }, [on, view, painter]);
}
