/** Windows: which values are shown black and white. */

export interface Window {
  low: number;
  high: number;
}

/** Hounsfield units of reading rooms: centre and width as readers name them. */
const CT: readonly [name: CtPreset, centre: number, width: number][] = [
  ["softTissue", 40, 400],
  ["lung", -600, 1500],
  ["bone", 300, 1500],
  ["brain", 40, 80],
  ["liver", 60, 160],
];
export type CtPreset = "softTissue" | "lung" | "bone" | "brain" | "liver";
export type Preset = CtPreset | "default" | "auto";

export const HOUNSFIELD = "[hnsf'U]";

/** The unit of a series' values as readers write it, from UCUM; "" where values are bare numbers. A CT alone does not make HU. */
export const unitOf = ({ value_unit }: { value_unit: string }): string => (value_unit === HOUNSFIELD ? "HU" : value_unit === "1" ? "" : value_unit);

/** Names of the windows that suit a series. */
export function presets(series: { modality: string; value_unit: string; colour: boolean }): Preset[] {
  if (series.colour) return [];
  if (series.modality === "CT" && series.value_unit === HOUNSFIELD) return ["default", ...CT.map(([name]) => name), "auto"];
  return ["default", "auto"];
}

/** Limits of a CT window. */
export function ctWindow(name: CtPreset): Window {
  const found = CT.find(([preset]) => preset === name);
  const [, centre, width] = found ?? ["softTissue", 40, 400];
  return { low: centre - width / 2, high: centre + width / 2 };
}

const TAIL = 0.005;
const SAMPLES = 40_000;

/** From the values of one picture: all but half a percent at both ends. */
export function autoWindow(values: ArrayLike<number>): Window {
  const step = Math.max(1, Math.floor(values.length / SAMPLES));
  const sample = new Float64Array(Math.ceil(values.length / step));
  for (let i = 0, at = 0; at < values.length; i += 1, at += step) sample[i] = values[at] ?? 0;
  sample.sort();
  const low = sample[Math.floor(TAIL * (sample.length - 1))] ?? 0;
  const high = sample[Math.ceil((1 - TAIL) * (sample.length - 1))] ?? 1;
  return { low, high: Math.max(high, low + 1e-6) };
}

/** Centre and width, as readers say it. */
export const spoken = ({ low, high }: Window): { centre: number; width: number } => ({ centre: (low + high) / 2, width: high - low });

const WIDE = 1000;

/** How a series begins: as its file says, but a CT that is stored with nearly all of its values in the window as its region is read. */
export function firstPreset(series: { modality: string; value_unit: string; colour: boolean; body_part: string; display_window: readonly number[] | null }): Preset {
  const [low = 0, high = 0] = series.display_window ?? [];
  if (!presets(series).includes("softTissue") || high - low <= WIDE) return "default";
  if (/HEAD|BRAIN|SKULL/i.test(series.body_part)) return "brain";
  return (low + high) / 2 < -450 ? "lung" : "softTissue";
}
