import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Slices, Values } from "./blocks";
import type { Stack } from "./stack";
import { View } from "./view";

const shown: string[][] = [];
let element: HTMLDivElement;
let refusing = false;

vi.mock("./cornerstone", () => ({
  core: { Enums: { Events: { STACK_NEW_IMAGE: "new", IMAGE_RENDERED: "drawn", VOI_MODIFIED: "voi" } } },
  register: () => undefined,
  start: () => Promise.resolve({ webgl: true }),
}));
vi.mock("./mounting", () => {
  let ids: string[] = [];
  const tell = (at: number) => element.dispatchEvent(new CustomEvent("new", { detail: { imageIdIndex: at } }));
  const viewport = {
    setStack: async (next: string[], at: number) => {
      ids = next;
      shown.push([ids[at] ?? ""]);
      tell(at);
    },
    setImageIdIndex: async (at: number) => {
      shown.push([ids[at] ?? ""]);
      tell(at);
    },
    getProperties: () => ({}),
    getImageData: () => null,
    resetCamera: () => undefined,
    render: () => undefined,
    setProperties: vi.fn(),
  };
  return {
    bind: () => undefined,
    resize: () => undefined,
    unmount: () => undefined,
    mount: () => {
      if (refusing) throw new Error("no context");
      return { id: "view-1", viewport, group: {} };
    },
  };
});

/** A stack whose slices come when they are let go. */
function held(name: string): { stack: Stack; come: () => void } {
  let come = (_: Values) => {};
  const coming = new Promise<Values>((resolve) => {
    come = resolve;
  });
  const stack = {
    key: name,
    count: 10,
    plane: { through: { of: 0 } },
    imageId: (at: number) => `${name}/${at}`,
    values: () => coming,
    slices: { prefetch: () => undefined, now: () => null } as unknown as Slices,
  };
  return { stack: stack as unknown as Stack, come: () => come(Int16Array.of(1)) };
}

beforeEach(() => {
  shown.length = 0;
  refusing = false;
  element = Object.assign(new EventTarget(), { style: {}, clientWidth: 10, clientHeight: 10 }) as unknown as HTMLDivElement;
  vi.stubGlobal("ResizeObserver", class { observe() {} disconnect() {} });
});

describe("a view", () => {
  it("goes to the slice that was asked for while it was loading", async () => {
    const onSlice = vi.fn();
    const view = await View.open(element, { onSlice });
    const { stack, come } = held("a");
    const showing = view.show(stack, 2, null);
    view.goTo(7);
    expect([view.ready, view.target]).toEqual([false, 7]);
    come();
    await showing;
    expect([view.ready, view.index]).toEqual([true, 7]);
    expect(onSlice).toHaveBeenLastCalledWith(7, stack);
  });
  it("is not ready from the moment another stack is asked for, and tells nothing of the old one", async () => {
    const onSlice = vi.fn();
    const view = await View.open(element, { onSlice });
    const [old, next] = [held("a"), held("b")];
    old.come();
    await view.show(old.stack, 0, null);
    const showing = view.show(next.stack, 4, null);
    expect(view.ready).toBe(false);
    expect(view.pixelsToCanvas()).toBeNull();
    onSlice.mockClear();
    element.dispatchEvent(new CustomEvent("new", { detail: { imageIdIndex: 9 } })); // a late picture of the old one
    expect(onSlice).not.toHaveBeenCalled();
    next.come();
    await showing;
    expect(onSlice).toHaveBeenCalledExactlyOnceWith(4, next.stack);
  });
  it("does not scroll in the middle of a stroke", async () => {
    const view = await View.open(element, {});
    const { stack, come } = held("a");
    come();
    await view.show(stack, 3, null);
    view.held = true;
    view.goTo(5);
    expect(view.target).toBe(3);
    view.held = false;
    view.goTo(5);
    expect(view.target).toBe(5);
  });
  it("can be opened after it was refused", async () => {
    refusing = true;
    await expect(View.open(element, {})).rejects.toThrow("no context");
    refusing = false;
    expect(await View.open(element, {})).toBeInstanceOf(View);
  });
});
