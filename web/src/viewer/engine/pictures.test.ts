import { describe, expect, it, vi } from "vitest";
import { Mask } from "./mask";
import { type Colour, MaskPictures, type Picture } from "./pictures";

const RED: Colour = [255, 0, 0];
const stack = { key: "1.2/acquired", rows: 2, columns: 2, mask: (mask: Mask, index: number) => (mask.has(index) ? mask.slice(index) : null) };
const drawing = (most?: number) => {
  const draw = vi.fn((bits: Uint8Array) => ({ of: [...bits] }) as unknown as Picture);
  return { draw, pictures: new MaskPictures(draw, most) };
};
const shown = (picture: Picture | null) => (picture as unknown as { of: number[] } | null)?.of;

describe("pictures of masks", () => {
  it("are not taken from another analysis, though its mask has the same id and place", () => {
    const { pictures } = drawing();
    const [one, other] = [new Mask([0, 1], [1, 2, 2]), new Mask([3, 1], [1, 2, 2])];
    expect(shown(pictures.of(one, stack, 0, RED))).toEqual([1, 0, 0, 0]);
    expect(shown(pictures.of(other, stack, 0, RED))).toEqual([0, 0, 0, 1]);
    expect(shown(pictures.of(one, stack, 0, RED))).toEqual([1, 0, 0, 0]);
  });
  it("are drawn once, and again when the brush changed the mask", () => {
    const { draw, pictures } = drawing();
    const mask = new Mask([0, 1], [1, 2, 2]);
    pictures.of(mask, stack, 0, RED);
    pictures.of(mask, stack, 0, RED);
    expect(draw).toHaveBeenCalledTimes(1);
    mask.replace(0, Uint8Array.of(1, 1, 0, 0));
    expect(shown(pictures.of(mask, stack, 0, RED))).toEqual([1, 1, 0, 0]);
    expect(pictures.size).toBe(1);
  });
  it("are kept within their room, the last used longest", () => {
    const { draw, pictures } = drawing(2 * 4 * 4);
    const mask = new Mask([0, 12], [3, 2, 2]);
    for (const index of [0, 1, 0, 2, 0]) pictures.of(mask, stack, index, RED);
    expect(pictures.size).toBe(2);
    expect(draw).toHaveBeenCalledTimes(3);
  });
});
