import type { Preset } from "./engine/windows";
import type { View } from "./engine/view";
import type { Tool } from "./state";
import { texts } from "#texts/viewer";
import type { Keys } from "./useKeys";

interface Doing {
  view: () => View | null;
  count: number;
  names: readonly Preset[];
  preset: (name: Preset) => void;
  choose: (tool: Tool) => void;
  back: (which: "undo" | "redo") => void;
  radius: (factor: number) => void;
  play: () => void;
  invert: () => void;
  marks: () => void;
  leave: () => void;
}

const PAN_PX = 40;

/** Keys of the viewer; `texts.shortcutList` tells them to the reader. */
export function viewingKeys({ view, count, names, preset, choose, back, radius, play, invert, marks, leave }: Doing): Keys {
  const by = (steps: number) => () => view()?.goTo((view()?.target ?? 0) + steps);
  const tools = Object.fromEntries(Object.entries(texts.keys).map(([tool, key]) => [key.toLowerCase(), () => choose(tool as Tool)]));
  return {
    ArrowUp: by(-1),
    ArrowDown: by(1),
    ArrowLeft: by(-1),
    ArrowRight: by(1),
    PageUp: by(-10),
    PageDown: by(10),
    Home: () => view()?.goTo(0),
    End: () => view()?.goTo(count - 1),
    "shift+ArrowUp": () => view()?.pan(0, -PAN_PX),
    "shift+ArrowDown": () => view()?.pan(0, PAN_PX),
    "shift+ArrowLeft": () => view()?.pan(-PAN_PX, 0),
    "shift+ArrowRight": () => view()?.pan(PAN_PX, 0),
    "+": () => view()?.zoom(1.2),
    "=": () => view()?.zoom(1.2),
    "-": () => view()?.zoom(1 / 1.2),
    "0": () => view()?.fit(),
    " ": play,
    i: invert,
    a: marks,
    Escape: leave,
    "[": () => radius(0.8),
    "]": () => radius(1.25),
    "ctrl+z": () => back("undo"),
    "ctrl+y": () => back("redo"),
    ...tools,
    ...Object.fromEntries(names.map((name, at) => [String(at + 1), () => preset(name)])),
  };
}
