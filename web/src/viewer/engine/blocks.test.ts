import { describe, expect, it } from "vitest";
import { blockOrder, blockSize, type Fetched, Slices } from "./blocks";

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
    await slices.all();
    await Promise.resolve();
    expect(asked.slice(0, 2)).toEqual([8, 4]);
    expect(slices.loaded).toBe(10);
  });
});
