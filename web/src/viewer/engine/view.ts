/** One viewport: a stack in it, where it is scrolled to, its window, zoom and tools. Knows nothing of the page around it. */

import { core, register, start, TOOLS, type ToolName, tools } from "./cornerstone";
import type { Stack } from "./stack";
import type { Window } from "./windows";

const ENGINE = "medimage";
let engine: core.RenderingEngine | null = null;
let views = 0;
let count = 0;

type Point = [number, number];

export interface Watching {
  /** Another picture is shown. */
  onSlice?: (index: number) => void;
  onWindow?: (window: Window) => void;
  /** Drawn anew: overlays must follow. */
  onDrawn?: () => void;
  onProblem?: (error: unknown) => void;
}

export class View {
  stack: Stack | null = null;
  /** The picture that is shown, from 0. */
  index = 0;
  private wanted = -1;
  private working = false;
  private readonly id: string;
  private readonly viewport: core.Types.IStackViewport;
  private readonly group: NonNullable<ReturnType<typeof tools.ToolGroupManager.createToolGroup>>;
  private readonly resizing: ResizeObserver;
  private primary: ToolName | null = null;
  private ended = false;
  /** Length of a pixel on the screen when the whole picture is shown. */
  private fitted = 0;

  private constructor(
    readonly element: HTMLDivElement,
    private readonly watching: Watching,
  ) {
    this.id = `view-${(count += 1)}`;
    engine ??= new core.RenderingEngine(ENGINE);
    views += 1;
    engine.enableElement({ viewportId: this.id, type: core.Enums.ViewportType.STACK, element, defaultOptions: { background: [0, 0, 0] } });
    this.viewport = engine.getViewport(this.id) as core.Types.IStackViewport;
    const group = tools.ToolGroupManager.createToolGroup(this.id);
    if (!group) throw new Error("A viewport of this name exists.");
    this.group = group;
    for (const tool of Object.values(TOOLS)) group.addTool(tool.toolName);
    group.addViewport(this.id, ENGINE);
    for (const name of ["length", "bidirectional", "ellipse", "rectangle", "angle"] as const) group.setToolPassive(TOOLS[name].toolName);
    this.use("window");
    element.addEventListener(core.Enums.Events.STACK_NEW_IMAGE, this.newImage);
    element.addEventListener(core.Enums.Events.IMAGE_RENDERED, this.drawn);
    element.addEventListener(core.Enums.Events.VOI_MODIFIED, this.voi);
    element.addEventListener("contextmenu", refuse);
    this.resizing = new ResizeObserver(() => this.fitSize());
    this.resizing.observe(element);
  }

  /** A viewport in an element that has a size. */
  static async open(element: HTMLDivElement, watching: Watching): Promise<View> {
    await start();
    return new View(element, watching);
  }

  /** Show a stack. */
  async show(stack: Stack, index: number, window: Window | null): Promise<void> {
    register(stack);
    this.stack = stack;
    this.index = Math.max(0, Math.min(stack.count - 1, index));
    this.wanted = -1;
    const imageIds = Array.from({ length: stack.count }, (_, at) => stack.imageId(at));
    await stack.values(this.index); // a failure is told here, where Cornerstone would only log it
    if (this.ended || this.stack !== stack) return;
    await this.viewport.setStack(imageIds, this.index);
    if (this.ended || this.stack !== stack) return;
    this.reset();
    if (window) this.window(window);
    this.viewport.render();
    this.watching.onSlice?.(this.index);
  }

  /** Scroll; of wishes that come while a picture is fetched, the last one counts. */
  goTo(index: number): void {
    if (!this.stack) return;
    const next = Math.max(0, Math.min(this.stack.count - 1, Math.round(index)));
    if (next === (this.wanted >= 0 ? this.wanted : this.index)) return;
    this.wanted = next;
    if (!this.working) void this.follow();
  }

  /** Where the reader is, or is going to. */
  get target(): number {
    return this.wanted >= 0 ? this.wanted : this.index;
  }

  private async follow(): Promise<void> {
    this.working = true;
    try {
      while (this.wanted >= 0 && !this.ended && this.stack) {
        const [stack, next] = [this.stack, this.wanted];
        stack.slices.prefetch(stack.plane.through.of === 0 ? next : 0);
        await stack.values(next);
        if (this.ended || this.stack !== stack) return;
        if (this.wanted !== next && stack.slices.now(this.wanted) === null) continue;
        await this.viewport.setImageIdIndex(next);
        if (this.wanted === next) this.wanted = -1;
      }
    } catch (error) {
      this.wanted = -1;
      this.watching.onProblem?.(error);
    } finally {
      this.working = false;
    }
  }

  window({ low, high }: Window): void {
    this.viewport.setProperties({ voiRange: { lower: low, upper: high } });
    this.viewport.render();
  }

  invert(on: boolean): void {
    this.viewport.setProperties({ invert: on });
    this.viewport.render();
  }

  smooth(on: boolean): void {
    const { LINEAR, NEAREST } = core.Enums.InterpolationType;
    this.viewport.setProperties({ interpolationType: on ? LINEAR : NEAREST });
    this.viewport.render();
  }

  /** The whole picture in the middle. */
  fit(): void {
    this.reset();
    this.viewport.render();
  }

  private reset(): void {
    this.viewport.resetCamera();
    const placed = this.pixelsToCanvas();
    this.fitted = placed ? Math.hypot(placed.a, placed.b) : 0;
  }

  zoom(factor: number): void {
    this.viewport.setZoom(this.viewport.getZoom() * factor);
    this.viewport.render();
  }

  pan(right: number, down: number): void {
    const [x, y] = this.viewport.getPan();
    this.viewport.setPan([x + right, y + down]);
    this.viewport.render();
  }

  /** Against the whole picture in the middle, which is 1. */
  get zoomed(): number {
    const placed = this.pixelsToCanvas();
    return placed && this.fitted > 0 ? Math.hypot(placed.a, placed.b) / this.fitted : 1;
  }

  /** What the left button does; null: nothing of Cornerstone's, as while painting. */
  use(tool: ToolName | null): void {
    const { Primary, Secondary, Auxiliary } = tools.Enums.MouseBindings;
    for (const name of ["window", "pan", "zoom"] as const) this.group.setToolPassive(TOOLS[name].toolName, { removeAllBindings: true });
    if (this.primary) this.group.setToolPassive(TOOLS[this.primary].toolName, { removeAllBindings: true });
    this.primary = tool;
    const bindings = new Map<ToolName, object[]>([
      ["pan", [{ mouseButton: Auxiliary }, { mouseButton: Primary, modifierKey: tools.Enums.KeyboardBindings.Shift }]],
      ["zoom", [{ mouseButton: Secondary }, { numTouchPoints: 2 }]],
    ]);
    if (tool) bindings.set(tool, [{ mouseButton: Primary }, ...(bindings.get(tool) ?? [])]);
    for (const [name, bound] of bindings) this.group.setToolActive(TOOLS[name].toolName, { bindings: bound as never });
    this.element.style.cursor = tool === null ? "none" : tool === "pan" ? "move" : tool === "zoom" ? "zoom-in" : "crosshair";
  }

  /** From a place of the element to a pixel of the picture, down and across; whole numbers are centres. */
  pixelAt([x, y]: Point): { down: number; across: number } | null {
    const placed = this.pixelsToCanvas();
    if (!placed) return null;
    const { a, b, c, d, e, f } = placed;
    const size = a * d - b * c;
    if (size === 0) return null;
    return { across: ((x - e) * d - (y - f) * c) / size, down: ((y - f) * a - (x - e) * b) / size };
  }

  /** How pixels (across, down) lie in the element, as a canvas takes it; null while nothing is shown. */
  pixelsToCanvas(): DOMMatrix | null {
    if (!this.stack || !this.viewport.getImageData()) return null;
    const { origin, across, down } = this.stack.frame(this.index);
    const [between, beside] = this.stack.spacing ?? [1, 1];
    const at = (right: number, below: number) =>
      this.viewport.worldToCanvas([0, 1, 2].map((i) => (origin[i] ?? 0) + (across[i] ?? 0) * beside * right + (down[i] ?? 0) * between * below) as never);
    const [zero, right, below] = [at(0, 0), at(1, 0), at(0, 1)];
    return new DOMMatrix([right[0] - zero[0], right[1] - zero[1], below[0] - zero[0], below[1] - zero[1], zero[0], zero[1]]);
  }

  /** From Cornerstone's places (of measurements) to the element. */
  toElement(place: readonly number[]): Point {
    return this.viewport.worldToCanvas(place as never) as Point;
  }

  redraw(): void {
    this.viewport.render();
  }

  get viewportId(): string {
    return this.id;
  }

  /** The way back: nothing of it stays. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.resizing.disconnect();
    this.element.removeEventListener(core.Enums.Events.STACK_NEW_IMAGE, this.newImage);
    this.element.removeEventListener(core.Enums.Events.IMAGE_RENDERED, this.drawn);
    this.element.removeEventListener(core.Enums.Events.VOI_MODIFIED, this.voi);
    this.element.removeEventListener("contextmenu", refuse);
    tools.ToolGroupManager.destroyToolGroup(this.id);
    engine?.disableElement(this.id);
    views -= 1;
    if (views === 0) {
      engine?.destroy();
      engine = null;
    }
  }

  private fitSize(): void {
    if (this.ended || !this.element.clientWidth || !this.element.clientHeight) return;
    // Whoever had the whole picture before has it after; whoever had zoomed keeps it.
    const whole = this.stack !== null && Math.abs(this.zoomed - 1) < 0.01;
    engine?.resize(true, true);
    if (!whole) return;
    this.reset();
    this.viewport.render();
  }

  private readonly newImage = (event: Event) => {
    const { imageIdIndex } = (event as CustomEvent<{ imageIdIndex: number }>).detail;
    this.index = imageIdIndex;
    this.watching.onSlice?.(imageIdIndex);
  };

  private readonly drawn = () => this.watching.onDrawn?.();

  private readonly voi = (event: Event) => {
    const { range } = (event as CustomEvent<{ range: { lower: number; upper: number } }>).detail;
    this.watching.onWindow?.({ low: range.lower, high: range.upper });
  };
}

const refuse = (event: Event) => event.preventDefault();
