/** One viewport: a stack in it, where it is scrolled to, its window, zoom and tools. Knows nothing of the page around it. */

import { core, register, start, type ToolName } from "./cornerstone";
import { bind, mount, resize, type ToolGroup, unmount } from "./mounting";
import type { Stack } from "./stack";
import type { Window } from "./windows";


type Point = [number, number];
type Range = { lower: number; upper: number };

export interface Watching {
  /** Another picture of a stack is shown. */
  onSlice?: (index: number, stack: Stack) => void;
  onWindow?: (window: Window) => void;
  /** Drawn anew: overlays must follow. */
  onDrawn?: () => void;
  onProblem?: (error: unknown) => void;
}

export class View {
  stack: Stack | null = null;
  /** The picture that is shown, from 0. */
  index = 0;
  /** Whether pictures of `stack` are on the screen; until then nothing may be read off it. */
  ready = false;
  /** While true nothing scrolls: a stroke belongs to one slice. */
  held = false;
  private wanted = -1;
  private working = false;
  private first: Window | null = null;
  private readonly id: string;
  private readonly viewport: core.Types.IStackViewport;
  private readonly group: ToolGroup;
  private readonly resizing: ResizeObserver;
  private primary: ToolName | null = null;
  private ended = false;
  /** Length of a pixel on the screen when the whole picture is shown. */
  private fitted = 0;

  private constructor(
    readonly element: HTMLDivElement,
    private readonly watching: Watching,
  ) {
    this.resizing = new ResizeObserver(() => this.fitSize());
    const seat = mount(element); // last of what may fail: nothing stays half open
    [this.id, this.viewport, this.group] = [seat.id, seat.viewport, seat.group];
    this.use("window");
    element.addEventListener(core.Enums.Events.STACK_NEW_IMAGE, this.newImage);
    element.addEventListener(core.Enums.Events.IMAGE_RENDERED, this.drawn);
    element.addEventListener(core.Enums.Events.VOI_MODIFIED, this.voi);
    element.addEventListener("contextmenu", refuse);
    this.resizing.observe(element);
  }

  /** A viewport in an element that has a size. */
  static async open(element: HTMLDivElement, watching: Watching): Promise<View> {
    await start();
    return new View(element, watching);
  }

  /** Show a stack. What was shown before is no longer `ready` at once; a wish to scroll that comes meanwhile is followed. */
  async show(stack: Stack, index: number, window: Window | null): Promise<void> {
    register(stack);
    this.stack = stack;
    this.ready = false;
    this.first = window;
    this.index = within(stack, index);
    this.wanted = -1;
    this.watching.onDrawn?.();
    const imageIds = Array.from({ length: stack.count }, (_, at) => stack.imageId(at));
    // Fetched here, so that a failure is told; Cornerstone would only log it.
    for (let next = this.index; next >= 0; next = this.wanted) {
      [this.index, this.wanted] = [next, -1];
      await stack.values(next);
      if (this.ended || this.stack !== stack) return;
    }
    await this.viewport.setStack(imageIds, this.index);
    if (this.ended || this.stack !== stack) return;
    this.ready = true;
    this.reset();
    if (this.first) this.window(this.first);
    else this.tell(this.viewport.getProperties().voiRange);
    this.viewport.render();
    this.watching.onSlice?.(this.index, stack);
    if (this.wanted >= 0 && !this.working) void this.follow();
  }

  /** Scroll; of wishes that come while a picture is fetched, the last one counts. */
  goTo(index: number): void {
    if (!this.stack || this.held) return;
    const next = within(this.stack, index);
    if (next === this.target) return;
    this.wanted = next;
    if (this.ready && !this.working) void this.follow();
  }

  /** Where the reader is, or is going to. */
  get target(): number {
    return this.wanted >= 0 ? this.wanted : this.index;
  }

  private async follow(): Promise<void> {
    this.working = true;
    try {
      while (this.wanted >= 0 && !this.ended && this.stack && this.ready) {
        const [stack, next] = [this.stack, this.wanted];
        stack.slices.prefetch(stack.plane.through.of === 0 ? next : 0);
        await stack.values(next);
        if (this.ended) return;
        if (this.stack !== stack || !this.ready) continue;
        if (this.wanted !== next && this.wanted >= 0 && stack.slices.now(this.wanted) === null) continue;
        await this.viewport.setImageIdIndex(next);
        if (this.wanted === next && this.stack === stack) this.wanted = -1;
      }
    } catch (error) {
      this.wanted = -1;
      this.watching.onProblem?.(error);
    } finally {
      this.working = false;
    }
  }

  window(window: Window): void {
    this.first = window;
    if (!this.ready) return;
    this.viewport.setProperties({ voiRange: { lower: window.low, upper: window.high } });
    this.viewport.render();
  }

  invert(on: boolean): void {
    if (!this.ready) return;
    this.viewport.setProperties({ invert: on });
    this.redraw();
  }

  /** The whole picture in the middle. */
  fit(): void {
    if (!this.ready) return;
    this.reset();
    this.viewport.render();
  }

  private reset(): void {
    this.viewport.resetCamera();
    const placed = this.pixelsToCanvas();
    this.fitted = placed ? Math.hypot(placed.a, placed.b) : 0;
  }

  zoom(factor: number): void {
    if (!this.ready) return;
    this.viewport.setZoom(this.viewport.getZoom() * factor);
    this.viewport.render();
  }

  pan(right: number, down: number): void {
    if (!this.ready) return;
    const [x, y] = this.viewport.getPan();
    this.viewport.setPan([x + right, y + down]);
    this.viewport.render();
  }

  /** Against the whole picture, which is 1. */
  get zoomed(): number {
    const placed = this.pixelsToCanvas();
    return placed && this.fitted > 0 ? Math.hypot(placed.a, placed.b) / this.fitted : 1;
  }

  /** What the left button does; null: nothing of Cornerstone's, as while painting. */
  use(tool: ToolName | null): void {
    bind(this.group, tool, this.primary);
    this.primary = tool;
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
    if (!this.stack || !this.ready || !this.viewport.getImageData()) return null;
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
    if (this.ready) this.viewport.render();
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
    unmount(this.id);
  }

  private fitSize(): void {
    if (this.ended || !this.element.clientWidth || !this.element.clientHeight) return;
    // Whoever had the whole picture before has it after; whoever had zoomed keeps it.
    const whole = this.ready && Math.abs(this.zoomed - 1) < 0.01;
    resize();
    if (!whole) return;
    this.reset();
    this.viewport.render();
  }

  private readonly newImage = (event: Event) => {
    const { imageIdIndex } = (event as CustomEvent<{ imageIdIndex: number }>).detail;
    // While another stack is loaded the old one may still finish a picture.
    if (!this.stack || !this.ready) return;
    this.index = imageIdIndex;
    this.watching.onSlice?.(imageIdIndex, this.stack);
  };

  private readonly drawn = () => this.watching.onDrawn?.();

  private readonly voi = (event: Event) => {
    // Cornerstone sets one of its own with each new stack: not the reader's.
    if (this.ready) this.tell((event as CustomEvent<{ range: Range }>).detail.range);
  };

  private tell(range: Range | undefined): void {
    if (range) this.watching.onWindow?.({ low: range.lower, high: range.upper });
  }
}

const within = (stack: Stack, index: number) => Math.max(0, Math.min(stack.count - 1, Math.round(index)));

const refuse = (event: Event) => event.preventDefault();
