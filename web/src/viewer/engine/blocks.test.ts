import { describe, expect, it, vi } from "vitest";
import { blockOrder, blockSize, type Fetched, Slices } from "./blocks";
import { cuts, type Plane } from "./plane";
import { Stack } from "./stack";

const PATIENCE = { timeout: 30_000 };

describe("the order of blocks", () => {
  it("begins with the wanted slice and goes outward, the nearer side first", () => {
    expect(blockOrder(100, 10, 52)).toEqual([5, 4, 6, 3, 7, 2, 8, 1, 9, 0]);
    expect(blockOrder(100, 10, 57)).toEqual([5, 6, 4, 7, 3, 8, 2, 9, 1, 0]);
  });
  it("has every block once at both ends", () => {
    expect(blockOrder(35, 10, 0)).toEqual([0, 1, 2, 3]);
    expect(blockOrder(35, 10, 34)).toEqual([3, 2, 1, 0]);
    expect(blockOrder(1, 8, 0)).toEqual([0]);
  });
  it("is of some megabytes, of at least one slice", () => {
    expect(blockSize(512 * 512 * 2)).toBe(8);
    expect(blockSize(3000 * 3000 * 2)).toBe(1);
    expect(blockSize(64 * 64)).toBe(64);
  });
});

describe("slices", () => {
  const served = () => {
    const asked: number[] = [];
    const fetch = (first: number, count: number): Promise<Fetched> => {
      asked.push(first);
      return Promise.resolve({ values: Int16Array.from({ length: 2 * count }, (_, at) => first + Math.floor(at / 2)), slices: count });
    };
    return { asked, slices: new Slices(10, 4, 4, fetch) };
  };

  it("are fetched once, with their block", async () => {
    const { asked, slices } = served();
    const [five, six] = await Promise.all([slices.get(5), slices.get(6)]);
    expect([...five, ...six]).toEqual([5, 5, 6, 6]);
    expect(asked).toEqual([4]);
    expect(slices.now(5)).toEqual(Int16Array.of(5, 5));
    expect(slices.now(9)).toBeNull();
  });
  it("tell of a failure, and try again", async () => {
    let broken = true;
    const slices = new Slices(1, 1, 2, () =>
      broken ? Promise.reject(new Error("gone")) : Promise.resolve({ values: Int16Array.of(7), slices: 1 }),
    );
    await expect(slices.get(0)).rejects.toThrow("gone");
    broken = false;
    expect([...(await slices.get(0))]).toEqual([7]);
  });
  it("come on their own from where the reader is", async () => {
    const { asked, slices } = served();
    slices.prefetch(9);
    await vi.waitFor(() => expect(slices.loaded).toBe(10), PATIENCE);
    expect(asked).toEqual([8, 4, 0]);
  });
  it("are let go when others want the room, the farthest first", async () => {
    const { slices } = served();
    slices.prefetch(0);
    await vi.waitFor(() => expect(slices.loaded).toBe(10), PATIENCE);
    slices.keepWithin(2 * 4 * 4);
    expect([slices.loaded, slices.now(0) === null, slices.now(9) === null]).toEqual([8, false, true]);
    expect([...(await slices.get(9))]).toEqual([9, 9]);
    slices.keepWithin(0);
    expect([slices.loaded, slices.held]).toEqual([0, 0]);
  });
  it("are not said to be together where they do not fit into memory", async () => {
    const large = (900 << 20) / 10;
    const slices = new Slices(10, 1, large, (first) => Promise.resolve({ values: Int16Array.of(first), slices: 1 }));
    expect(slices.fits).toBe(false);
    await expect(slices.all()).rejects.toThrow("too large");
  });
  it("are not taken where the server sent fewer than were asked for", async () => {
    const slices = new Slices(4, 4, 2, () => Promise.resolve({ values: Int16Array.of(1, 2), slices: 2 }));
    await expect(slices.get(3)).rejects.toThrow("Not all slices came");
    expect(slices.loaded).toBe(0);
  });
});

describe("a cut through slices", () => {
  const series = {
    series_uid: "1.2", modality: "CT", description: "", colour: false, value_unit: "1", spacing_source: "", display_window: null,
    slices: 4, rows: 2, columns: 2, pixel_spacing_mm: [1, 1], slice_spacing_mm: 1, uniform: true, columns_towards: "L", rows_towards: "P",
    orientation: [[1, 0, 0], [0, 1, 0]], positions_mm: [[0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 0, 3]],
  };
  const coronal = cuts(series)[1] as Plane;

  it("has the values of all of them", async () => {
    const slices = new Slices(4, 1, 8, (first) => Promise.resolve({ values: Int16Array.of(first, first, first, first), slices: 1 }));
    expect([...(await new Stack(series, coronal, slices).values(0))]).toEqual([3, 3, 2, 2, 1, 1, 0, 0]);
  });
  it("makes nothing up for a slice that is not there", async () => {
    const slices = new Slices(4, 1, 8, () => Promise.resolve({ values: Int16Array.of(7, 7, 7, 7), slices: 1 }));
    vi.spyOn(slices, "all").mockResolvedValue();
    await expect(new Stack(series, coronal, slices).values(0)).rejects.toThrow("Not all slices came");
  });
});
