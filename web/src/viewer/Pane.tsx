import { useEffect, useEffectEvent, useRef, useState } from "react";
import { Problem } from "../parts/Problem";
import { measuredOn, onMeasured } from "./engine/measures";
import { type Box, type Layer, type Line, Painter } from "./engine/painter";
import type { Stack } from "./engine/stack";
import { View } from "./engine/view";
import type { Window } from "./engine/windows";
import { FirstPicture } from "./FirstPicture";
import { Hud, type Pointed, pointedAt } from "./Hud";
import { isBrush, type PaneHandle, type PaneSpec, type Tool } from "./state";
import { texts } from "#texts/viewer";
import { type BrushSettings, useBrush } from "./useBrush";

interface Props {
  spec: PaneSpec;
  stack: Stack;
  /** Where the stack begins when it is shown. */
  start: () => number;
  window: Window | null;
  inverted: boolean;
  tool: Tool;
  layers: Layer[];
  boxes: readonly Box[];
  lines: readonly Line[];
  brush: Omit<BrushSettings, "kind"> | null;
  active: boolean;
  link: string;
  onActive: () => void;
  onHandle: (handle: PaneHandle | null) => void;
  onSlice: (index: number) => void;
  onWindow: (window: Window) => void;
  onPick: (pixel: { down: number; across: number }) => void;
}

/** One viewport with all that lies over it. */
export function Pane(props: Props) {
  const { spec, stack, tool, layers, boxes, lines, brush, inverted } = props;
  const place = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [opened, setOpened] = useState<{ view: View; painter: Painter } | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [tries, setTries] = useState(0);
  const [attempt, setAttempt] = useState(0);
  const [index, setIndex] = useState(() => props.start());
  /** The stack whose pictures are on the screen. Until it is this one, nothing of another may stand under its letters. */
  const [shown, setShown] = useState<Stack | null>(null);
  const covered = shown !== stack;
  const [window, setWindow] = useState<Window | null>(props.window);
  const [zoom, setZoom] = useState(1);
  const [pointed, setPointed] = useState<Pointed | null>(null);
  const [loaded, setLoaded] = useState(stack.slices.loaded);
  const pointer = useRef<[number, number] | null>(null);

  const look = useEffectEvent(() => {
    const at = pointer.current && opened?.view.pixelAt(pointer.current);
    setPointed(opened ? pointedAt(stack, opened.view.index, at ?? null) : null);
  });
  const sliced = useEffectEvent((at: number, of: Stack) => {
    if (of !== stack) return;
    setIndex(at);
    props.onSlice(at);
    look();
  });
  const windowed = useEffectEvent((next: Window) => {
    setWindow(next);
    props.onWindow(next);
  });
  const handed = useEffectEvent((view: View | null) => props.onHandle(view && { spec, view }));

  useEffect(() => {
    let ended = false;
    let view: View | null = null;
    let painter: Painter | null = null;
    const watching = {
      onSlice: sliced,
      onWindow: windowed,
      onDrawn: () => {
        painter?.paint();
        if (view) setZoom(view.zoomed);
      },
      onProblem: setProblem,
    };
    if (!place.current || !canvas.current) return;
    setProblem(null);
    const over = canvas.current;
    View.open(place.current, watching).then((made) => {
      if (ended) return made.end();
      view = made;
      painter = new Painter(over, made);
      setOpened({ view: made, painter });
    }, (error: unknown) => ended || setProblem(error));
    return () => {
      ended = true;
      handed(null);
      view?.end();
      setOpened(null);
      setShown(null);
    };
  }, [attempt]);

  const startAt = useEffectEvent(() => ({ start: props.start(), window: props.window }));
  useEffect(() => {
    if (!opened) return;
    let ended = false;
    const from = startAt();
    setProblem(null);
    setShown(null);
    setIndex(from.start);
    setWindow(from.window);
    const showing = opened.view.show(stack, from.start, from.window);
    handed(opened.view); // from now on it may be sent elsewhere
    showing.then(
      () => {
        if (ended) return;
        setShown(stack);
        stack.slices.prefetch(stack.plane.through.of === 0 ? opened.view.index : 0);
      },
      (error: unknown) => ended || setProblem(error),
    );
    setLoaded(stack.slices.loaded);
    const stop = stack.slices.onLoaded(setLoaded);
    return () => {
      ended = true;
      stop();
    };
  }, [opened, stack, tries]);

  useEffect(() => opened?.view.use(isBrush(tool) ? null : tool), [opened, tool]);
  useEffect(() => {
    if (shown) opened?.view.invert(inverted);
  }, [opened, inverted, shown]);

  useEffect(() => {
    if (!opened) return;
    const { painter } = opened;
    painter.scene = { ...painter.scene, layers, boxes, lines };
    painter.paint();
  }, [opened, layers, boxes, lines]);
  useEffect(() => {
    if (!opened) return;
    const { painter } = opened;
    const read = () => {
      painter.scene = { ...painter.scene, measured: measuredOn(stack.series) };
      painter.paint();
    };
    read();
    return onMeasured(read);
  }, [opened, stack]);

  useBrush(opened?.view ?? null, opened?.painter ?? null, brush && isBrush(tool) ? { ...brush, kind: tool } : null);
  useWheel(place, opened?.view ?? null);

  return (
    <div
      className={props.active ? "pane active" : "pane"}
      tabIndex={0}
      role="application"
      aria-label={texts.picture(spec.title || spec.series.description || texts.unnamed)}
      data-pane={spec.id}
      onPointerDownCapture={props.onActive}
      onFocus={props.onActive}
      onKeyDownCapture={(event) => event.stopPropagation()}
      onDoubleClick={(event) => {
        const box = place.current?.getBoundingClientRect();
        const pixel = box && opened?.view.pixelAt([event.clientX - box.left, event.clientY - box.top]);
        if (pixel) props.onPick(pixel);
      }}
      onPointerMove={(event) => {
        const box = place.current?.getBoundingClientRect();
        pointer.current = box ? [event.clientX - box.left, event.clientY - box.top] : null;
        const at = pointer.current && opened?.view.pixelAt(pointer.current);
        setPointed(pointedAt(stack, index, at ?? null));
      }}
      onPointerLeave={() => {
        pointer.current = null;
        setPointed(null);
      }}
    >
      {covered && spec.plane === "acquired" && <FirstPicture studyUid={spec.study.study_uid} series={spec.series} slice={props.start()} />}
      <div className={covered ? "pane-picture covered" : "pane-picture"} ref={place} />
      <canvas className={covered ? "pane-overlay covered" : "pane-overlay"} ref={canvas} aria-hidden="true" />
      <Hud {...{ spec, stack, index, window, zoom, loaded, pointed }} link={props.link} />
      {problem !== null && (
        <div className="pane-problem">
          <Problem error={problem} onRetry={() => (opened ? setTries : setAttempt)((count) => count + 1)} />
        </div>
      )}
    </div>
  );
}

const STEP_PX = 40;

/** A notch of the wheel is a slice; a touchpad's small steps add up. With Ctrl it zooms. */
function useWheel(place: React.RefObject<HTMLDivElement | null>, view: View | null): void {
  useEffect(() => {
    const element = place.current;
    if (!element || !view) return;
    let rest = 0;
    const turn = (event: WheelEvent) => {
      event.preventDefault();
      event.stopPropagation();
      if (event.ctrlKey) return view.zoom(event.deltaY < 0 ? 1.1 : 1 / 1.1);
      const size = event.deltaMode === 0 ? event.deltaY : event.deltaY * STEP_PX;
      rest = Math.sign(rest) === Math.sign(size) ? rest + size : size;
      const steps = Math.abs(size) >= STEP_PX ? Math.sign(size) : Math.trunc(rest / STEP_PX);
      if (steps === 0) return;
      rest = 0;
      view.goTo(view.target + steps);
    };
    element.addEventListener("wheel", turn, { capture: true, passive: false });
    return () => element.removeEventListener("wheel", turn, { capture: true });
  }, [place, view]);
}
