/** What is drawn over a picture: structures, boxes, numbers of measurements, the brush and the scale bar. */

import { drawing } from "./cornerstone";
import type { Mask } from "./mask";
import type { Measured } from "./numbers";
import { type Colour, drawn, MaskPictures, stripes } from "./pictures";
import { scaleBar } from "./scale";
import type { View } from "./view";

/** A structure as the reader wants to see it. */
export interface Layer {
  mask: Mask;
  colour: Colour;
  opacity: number;
  fill: boolean;
  outline: boolean;
  /** Voxels of which the model was not sure: hatched. */
  uncertain?: Mask | null;
}

/** A box of a finding in pixels of a slice of the series: left, top, right, bottom. */
export interface Box {
  slice: number;
  edges: readonly [number, number, number, number];
  label: string;
}

/** Where another pane's picture cuts this one: a row or a column of pixels. */
export interface Line {
  down?: number;
  across?: number;
}

export interface Scene {
  layers: readonly Layer[];
  boxes: readonly Box[];
  lines: readonly Line[];
  measured: readonly Measured[];
  /** The brush under the pointer, in pixels of the picture. */
  brush: { down: number; across: number; radius: number } | null;
}

const LINE = 1.75;

export class Painter {
  scene: Scene = { layers: [], boxes: [], lines: [], measured: [], brush: null };
  private readonly pictures = new MaskPictures(drawn);
  private hatched: OffscreenCanvas | null = null;
  private readonly hatches = new Map<string, CanvasPattern | null>();

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly view: View,
  ) {}

  /** Draw all of it where the picture lies now. */
  paint(): void {
    const { canvas, view } = this;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [view.element.clientWidth, view.element.clientHeight];
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const context = canvas.getContext("2d", { willReadFrequently: drawing.byProcessor });
    const placed = view.pixelsToCanvas();
    if (!context) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!placed || !view.stack) return;
    const scaled = new DOMMatrix().scale(ratio).multiply(placed);
    for (const layer of this.scene.layers) this.layer(context, layer, scaled, placed, ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.boxes(context, placed);
    this.cuts(context, placed, width, height);
    this.brush(context, placed);
    this.numbers(context);
    scaleBar(context, view, placed, width, height);
  }

  private layer(context: CanvasRenderingContext2D, layer: Layer, scaled: DOMMatrix, placed: DOMMatrix, ratio: number): void {
    const { stack, index } = this.view;
    const picture = stack && this.pictures.of(layer.mask, stack, index, layer.colour);
    if (!picture) return;
    if (layer.fill) {
      context.setTransform(scaled);
      context.imageSmoothingEnabled = false;
      context.globalAlpha = layer.opacity;
      context.drawImage(picture.fill, -0.5, -0.5);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.globalAlpha = 1;
    const doubt = layer.uncertain ? this.pictures.of(layer.uncertain, stack, index, layer.colour) : null;
    if (doubt) this.hatch(context, doubt.fill, scaled, layer.colour);
    if (layer.outline) {
      context.strokeStyle = `rgb(${layer.colour.join(" ")})`;
      const [right, down] = [Math.hypot(placed.a, placed.b), Math.hypot(placed.c, placed.d)];
      if (right > 0 && Math.abs(right / down - 1) < 1e-3) {
        // Square pixels: drawn where it lies, without a copy of the path.
        context.setTransform(scaled);
        context.lineWidth = LINE / right;
        context.stroke(picture.outline);
      } else {
        context.setTransform(ratio, 0, 0, ratio, 0, 0);
        context.lineWidth = LINE;
        const path = new Path2D();
        path.addPath(picture.outline, placed);
        context.stroke(path);
      }
    }
  }

  private hatch(context: CanvasRenderingContext2D, fill: OffscreenCanvas, scaled: DOMMatrix, colour: Colour): void {
    const name = colour.join();
    if (!this.hatches.has(name)) this.hatches.set(name, context.createPattern(stripes(colour), "repeat"));
    const pattern = this.hatches.get(name);
    if (!pattern) return;
    const { width, height } = this.canvas;
    if (this.hatched?.width !== width || this.hatched.height !== height) this.hatched = new OffscreenCanvas(width, height);
    const part = this.hatched;
    const own = part.getContext("2d");
    if (!own) return;
    own.setTransform(1, 0, 0, 1, 0, 0);
    own.globalCompositeOperation = "copy";
    own.setTransform(scaled);
    own.imageSmoothingEnabled = false;
    own.drawImage(fill, -0.5, -0.5);
    own.setTransform(1, 0, 0, 1, 0, 0);
    own.globalCompositeOperation = "source-in";
    own.fillStyle = pattern;
    own.fillRect(0, 0, width, height);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(part, 0, 0);
  }

  private boxes(context: CanvasRenderingContext2D, placed: DOMMatrix): void {
    const { stack, index } = this.view;
    if (!stack || stack.plane.through.of !== 0) return;
    for (const { slice, edges, label } of this.scene.boxes) {
      if (slice !== index) continue;
      const [left, top, right, bottom] = edges;
      const a = placed.transformPoint({ x: left, y: top });
      const b = placed.transformPoint({ x: right, y: bottom });
      context.strokeStyle = "rgb(255 170 80)";
      context.lineWidth = 2;
      context.setLineDash([6, 3]);
      context.strokeRect(Math.min(a.x, b.x), Math.min(a.y, b.y), Math.abs(b.x - a.x), Math.abs(b.y - a.y));
      context.setLineDash([]);
      written(context, [label], Math.min(a.x, b.x), Math.min(a.y, b.y) - 6, "rgb(255 190 120)");
    }
  }

  private cuts(context: CanvasRenderingContext2D, placed: DOMMatrix, width: number, height: number): void {
    context.strokeStyle = "rgb(108 178 255 / 75%)";
    context.lineWidth = 1;
    for (const { down, across } of this.scene.lines) {
      const { x, y } = placed.transformPoint({ x: across ?? 0, y: down ?? 0 });
      context.beginPath();
      context.moveTo(across === undefined ? 0 : x, across === undefined ? y : 0);
      context.lineTo(across === undefined ? width : x, across === undefined ? y : height);
      context.stroke();
    }
  }

  private numbers(context: CanvasRenderingContext2D): void {
    for (const { lines, place, imageId } of this.scene.measured) {
      if (imageId !== this.view.stack?.imageId(this.view.index)) continue;
      const [x, y] = this.view.toElement(place);
      written(context, lines, x + 8, y + 12, "rgb(255 228 140)");
    }
  }

  private brush(context: CanvasRenderingContext2D, placed: DOMMatrix): void {
    const brush = this.scene.brush;
    if (!brush) return;
    const middle = placed.transformPoint({ x: brush.across, y: brush.down });
    const [x, y] = [Math.hypot(placed.a, placed.b) * brush.radius, Math.hypot(placed.c, placed.d) * brush.radius];
    for (const [colour, width] of [["rgb(0 0 0 / 70%)", 3], ["white", 1.25]] as const) {
      context.beginPath();
      context.ellipse(middle.x, middle.y, x, y, 0, 0, 2 * Math.PI);
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.stroke();
    }
  }
}

/** Text that is read on black and on white. */
export function written(context: CanvasRenderingContext2D, lines: readonly string[], x: number, y: number, colour: string): void {
  context.font = "600 13px system-ui, sans-serif";
  context.lineJoin = "round";
  lines.forEach((line, number) => {
    context.strokeStyle = "rgb(0 0 0 / 85%)";
    context.lineWidth = 3;
    context.strokeText(line, x, y + 16 * number);
    context.fillStyle = colour;
    context.fillText(line, x, y + 16 * number);
  });
}
