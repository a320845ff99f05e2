/** Cornerstone3D, set up once: how it gets pictures and their geometry from stacks, and which tools it has. */

import * as core from "@cornerstonejs/core";
import * as tools from "@cornerstonejs/tools";
import type { Stack } from "./stack";

/** "webgl" draws with WebGL also where the processor plays it. */
const DRAW_KEY = "medimage.draw";
/** How pictures are drawn, once Cornerstone is started. */
export const drawing = { byProcessor: false };
const CACHE_BYTES = 256 << 20;
const stacks = new Map<string, Stack>();
let started: Promise<{ webgl: boolean }> | null = null;

export const TOOLS = {
  window: tools.WindowLevelTool,
  pan: tools.PanTool,
  zoom: tools.ZoomTool,
  length: tools.LengthTool,
  bidirectional: tools.BidirectionalTool,
  ellipse: tools.EllipticalROITool,
  rectangle: tools.RectangleROITool,
  angle: tools.AngleTool,
} as const;
export type ToolName = keyof typeof TOOLS;

/** Start Cornerstone if it does not run. Without WebGL it draws with the processor. */
export function start(): Promise<{ webgl: boolean }> {
  started ??= Promise.resolve().then(() => {
    const { webgl, softwareRasterizer } = core.getRenderingCapabilities();
    // WebGL that the processor plays is slower than drawing with the processor at once.
    drawing.byProcessor = localStorage.getItem(DRAW_KEY) === "webgl" ? !webgl : !webgl || softwareRasterizer;
    core.init({ rendering: { webGlContextCount: 4, useCPURendering: drawing.byProcessor } } as Parameters<typeof core.init>[0]);
    if (drawing.byProcessor) core.setCanvasCreator(nearCanvas);
    tools.init();
    core.cache.setMaxCacheSize(CACHE_BYTES);
    core.imageLoader.registerImageLoader("medimage", (imageId: string) => ({ promise: load(imageId) }) as never);
    core.metaData.addProvider(metadata, 10_000);
    for (const tool of Object.values(TOOLS)) tools.addTool(tool);
    // The box of text would need an inline style, which the page's policy forbids; the overlay writes the numbers.
    const styles = tools.annotation.config.style.getDefaultToolStyles() as Record<string, object>;
    const own = {
      textBoxVisibility: false,
      color: "rgb(255, 214, 92)",
      colorHighlighted: "rgb(255, 255, 255)",
      colorSelected: "rgb(255, 240, 170)",
      lineWidth: "1.5",
      shadow: false,
    };
    tools.annotation.config.style.setDefaultToolStyles({ ...styles, global: { ...styles.global, ...own } } as never);
    return { webgl };
  });
  started.catch(() => {
    started = null; // whoever tries again starts it anew
  });
  return started;
}

/** A canvas in the memory of the processor that draws on it. */
function nearCanvas(width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d", { willReadFrequently: true });
  return canvas;
}

/** Make a stack known by its key. */
export function register(stack: Stack): void {
  stacks.set(stack.key, stack);
}

/** Forget a stack and its pictures. */
export function forget(stack: Stack): void {
  if (stacks.get(stack.key) !== stack) return;
  stacks.delete(stack.key);
  for (let index = 0; index < stack.count; index += 1) {
    const imageId = stack.imageId(index);
    if (core.cache.getImageLoadObject(imageId)) core.cache.removeImageLoadObject(imageId, { force: true });
  }
}

function find(imageId: string): { stack: Stack; index: number } | null {
  const [, key, index] = /^medimage:(.*)\/(\d+)$/.exec(imageId) ?? [];
  const stack = stacks.get(key ?? "");
  return stack ? { stack, index: Number(index) } : null;
}

async function load(imageId: string): Promise<core.Types.IImage> {
  const found = find(imageId);
  if (!found) throw new Error("This series is no longer open.");
  const { stack, index } = found;
  const values = await stack.values(index);
  const { series, rows, columns } = stack;
  const [low, high] = series.display_window ?? [0, 255];
  const width = Math.max((high ?? 255) - (low ?? 0), 1e-6);
  const [between, beside] = stack.spacing ?? [1, 1];
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const image = {
    imageId,
    minPixelValue: least,
    maxPixelValue: most,
    slope: 1,
    intercept: 0,
    windowCenter: (low ?? 0) + width / 2,
    windowWidth: width,
    voiLUTFunction: core.Enums.VOILUTFunctionType.LINEAR_EXACT,
    getPixelData: () => values,
    getCanvas: () => document.createElement("canvas"),
    rows,
    columns,
    height: rows,
    width: columns,
    color: series.colour,
    rgba: false,
    numberOfComponents: series.colour ? 3 : 1,
    columnPixelSpacing: beside,
    rowPixelSpacing: between,
    invert: false,
    isPreScaled: true,
    preScale: { enabled: true, scaled: true, scalingParameters: { modality: series.modality, rescaleSlope: 1, rescaleIntercept: 0 } },
    photometricInterpretation: series.colour ? "RGB" : "MONOCHROME2",
    sizeInBytes: values.byteLength,
    dataType: values.constructor.name,
    imageFrame: { photometricInterpretation: series.colour ? "RGB" : "MONOCHROME2" },
  };
  return image as unknown as core.Types.IImage;
}

function metadata(type: string, imageId: unknown): unknown {
  if (typeof imageId !== "string" || !imageId.startsWith("medimage:")) return undefined;
  const found = find(imageId);
  if (!found) return undefined;
  const { stack, index } = found;
  const { series } = stack;
  switch (type) {
    case "imagePlaneModule":
      return plane(stack, index);
    case "imagePixelModule":
      return {
        bitsAllocated: series.colour ? 8 : 16,
        bitsStored: series.colour ? 8 : 16,
        highBit: series.colour ? 7 : 15,
        pixelRepresentation: series.colour ? 0 : 1,
        photometricInterpretation: series.colour ? "RGB" : "MONOCHROME2",
        samplesPerPixel: series.colour ? 3 : 1,
      };
    case "generalSeriesModule":
      return { modality: series.modality, seriesInstanceUID: series.series_uid };
    default:
      return undefined;
  }
}

function plane(stack: Stack, index: number): object {
  const { origin, across, down, known } = stack.frame(index);
  const [between, beside] = stack.spacing ?? [1, 1];
  return {
    frameOfReferenceUID: stack.key,
    rows: stack.rows,
    columns: stack.columns,
    imageOrientationPatient: [...across, ...down],
    rowCosines: [...across],
    columnCosines: [...down],
    imagePositionPatient: [...origin],
    pixelSpacing: [between, beside],
    rowPixelSpacing: between,
    columnPixelSpacing: beside,
    // Says to the measuring tools that a pixel has no size: they count pixels then.
    usingDefaultValues: stack.spacing === null,
    sliceThickness: known ? undefined : 1,
  };
}

export { core, tools };
