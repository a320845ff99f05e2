import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { useLocation } from "wouter";
import { client, dataOf } from "../api/client";
import { fill } from "../texts";
import { placed, STEPS } from "./steps";
import { texts } from "#texts/tour";
import { useAnchor } from "./useAnchor";
import "./tour.css";

const MARGIN = 6;

/** The study that the tour walks through: the one that is open, else the newest here; "" where there is none. */
async function someStudy(location: string): Promise<string> {
  const open = /^\/studies\/([^/]+)/.exec(location)?.[1];
  if (open) return decodeURIComponent(open);
  const list = await dataOf(client.GET("/api/v1/studies", { params: { query: { limit: 10 } } })).catch(() => null);
  const studies = list?.studies ?? [];
  return (studies.find((study) => study.modality === "CT") ?? studies[0])?.study_uid ?? "";
}

/** One card after the other, each beside what it tells of. The page behind follows; focus stays in the card. */
export default function Guide({ onEnd }: { onEnd: () => void }) {
  const [at, setAt] = useState(0);
  const [location, go] = useLocation();
  const [study, setStudy] = useState<string | null>(null);
  const dialog = useRef<HTMLDialogElement>(null);
  const card = useRef<HTMLDivElement>(null);
  const [cardSize, setCardSize] = useState({ width: 360, height: 230 });
  const step = STEPS[at]!;
  const anchor = useAnchor(step);
  const last = at === STEPS.length - 1;
  const words = texts.steps[step.name];

  useEffect(() => {
    const opened = dialog.current;
    if (opened && !opened.open) opened.showModal();
  }, []);
  useEffect(() => {
    void someStudy(location).then(setStudy);
    // Which study it is, is settled once.
  }, []);
  useEffect(() => {
    const wanted = step.page === "worklist" ? "/" : study ? `/studies/${study}` : null;
    if (wanted !== null && location !== wanted) go(wanted);
  }, [step, study, location, go]);
  useLayoutEffect(() => {
    const box = card.current?.getBoundingClientRect();
    if (box) setCardSize({ width: box.width, height: box.height });
  }, [at, anchor]);
  useEffect(() => card.current?.querySelector<HTMLElement>("button.primary")?.focus(), [at]);

  const move = (by: 1 | -1) => setAt((now) => Math.min(STEPS.length - 1, Math.max(0, now + by)));
  const place = placed(anchor, cardSize, { width: window.innerWidth, height: window.innerHeight });
  return (
    <dialog
      ref={dialog}
      className="tour"
      aria-labelledby="tour-title"
      aria-describedby="tour-body"
      onCancel={(event) => {
        event.preventDefault();
        onEnd();
      }}
      onKeyDown={(event) => {
        if (event.key === "ArrowRight") move(1);
        else if (event.key === "ArrowLeft") move(-1);
        else if (event.key === "Tab") keepInside(event, card.current);
      }}
    >
      {anchor ? (
        <div
          className="tour-light"
          style={{
            left: anchor.left - MARGIN,
            top: anchor.top - MARGIN,
            width: anchor.width + 2 * MARGIN,
            height: anchor.height + 2 * MARGIN,
          }}
        />
      ) : (
        <div className="tour-dark" />
      )}
      <div ref={card} className="tour-card panel" style={place} data-step={step.name}>
        <p className="quiet-text place">{fill(texts.place, { n: at + 1, all: STEPS.length })}</p>
        <h2 id="tour-title">{words.title}</h2>
        <div id="tour-body" aria-live="polite">
          <p>{words.body}</p>
          {!anchor && <p className="quiet-text">{texts.missing}</p>}
        </div>
        <p className="quiet-text hint">{texts.keys}</p>
        <div className="tour-foot">
          <button type="button" className="quiet" onClick={onEnd}>
            {texts.end}
          </button>
          <button type="button" disabled={at === 0} onClick={() => move(-1)}>
            {texts.back}
          </button>
          <button type="button" className="primary" onClick={() => (last ? onEnd() : move(1))}>
            {last ? texts.finish : texts.next}
          </button>
        </div>
      </div>
    </dialog>
  );
}

/** From the last button to the first, and back: a browser would let the focus go to its own bars in between. */
function keepInside(event: { shiftKey: boolean; preventDefault: () => void }, card: HTMLElement | null): void {
  const stops = [...(card?.querySelectorAll<HTMLElement>("button:not(:disabled)") ?? [])];
  const here = stops.indexOf(document.activeElement as HTMLElement);
  const next = (here + (event.shiftKey ? -1 : 1) + stops.length) % stops.length;
  event.preventDefault();
  stops[next]?.focus();
}
