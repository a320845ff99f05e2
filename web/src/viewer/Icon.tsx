const PATHS = {
  window: "M12 3a9 9 0 1 0 0 18z M12 3a9 9 0 0 1 0 18",
  pan: "M12 3v18M3 12h18M12 3l-3 3M12 3l3 3M12 21l-3-3M12 21l3-3M3 12l3-3M3 12l3 3M21 12l-3-3M21 12l-3 3",
  zoom: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 21 21M7.5 10.5h6M10.5 7.5v6",
  length: "M4 20 20 4M3 17l4 4M17 3l4 4",
  bidirectional: "M4 18 18 4M8 8l8 8",
  ellipse: "M12 6c5 0 9 2.7 9 6s-4 6-9 6-9-2.7-9-6 4-6 9-6z",
  rectangle: "M4 6h16v12H4z",
  angle: "M20 20H4L16 5M9 20a6 6 0 0 0-1.6-4.4",
  brush: "M20 4 10 14M9 14c-3 0-4 2-4 4 0 1-1 2-2 2 4 2 9 0 9-3 0-1.600-1.300-3-3-3z",
  eraser: "M9 20h11M5 14l8-9 6 6-8 9H8l-3-3c-.8-.8-.8-2.200 0-3z",
  threshold: "M4 20V10M8 20V6M12 20v-4M16 20V4M20 20V12M3 13h18",
  invert: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 3v18M12 8h7M12 12h9M12 16h7",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  play: "M7 4l13 8-13 8z",
  pause: "M8 4v16M16 4v16",
  marks: "M12 3l9 5-9 5-9-5zM3 13l9 5 9-5",
  undo: "M8 5 3 10l5 5M3 10h11a6 6 0 0 1 0 12h-3",
  redo: "M16 5l5 5-5 5M21 10H10a6 6 0 0 0 0 12h3",
  keys: "M3 6h18v12H3zM6 10h.01M10 10h.01M14 10h.01M18 10h.01M7 14h10",
} as const;

export type IconName = keyof typeof PATHS;

/** A drawing beside or instead of words; the button that holds it has the name. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
