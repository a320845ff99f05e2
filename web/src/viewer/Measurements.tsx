import { useEffect, useState } from "react";
import type { SeriesView } from "../reading/queries";
import { measuredOn, onMeasured, removeMeasured } from "./engine/measures";
import { type Measured, pairOf, ratioOf } from "./engine/numbers";
import { Icon } from "./Icon";
import { texts } from "#texts/viewer";

interface Props {
  series: SeriesView;
  /** A radiograph, where the widths of heart and chest make a ratio. */
  radiograph: boolean;
  /** What stands behind the numbers, where the pixel size is doubtful. */
  caution: string;
  onGo: (measured: Measured) => void;
}

/** What the reader measured in this series, in mm where the file gives a pixel its size. */
export function Measurements({ series, radiograph, caution, onGo }: Props) {
  const [measured, setMeasured] = useState<Measured[]>([]);
  useEffect(() => {
    // Numbers are worked out when the drawing is next rendered: read them after that.
    let frame = 0;
    const read = () => {
      cancelAnimationFrame(frame); // many events of one drag are one reading
      frame = requestAnimationFrame(() => setMeasured(measuredOn(series)));
    };
    read();
    const stop = onMeasured(read);
    return () => {
      cancelAnimationFrame(frame);
      stop();
    };
  }, [series]);
  const pair = pairOf(measured);
  const ratio = pair && ratioOf(...pair);
  return (
    <section className="measurements" aria-label={texts.measurements}>
      <h2>{texts.measurements}</h2>
      {measured.length === 0 && <p className="quiet-text">{texts.noMeasurements}</p>}
      {measured.length > 0 && caution && <p className="quiet-text">{caution}</p>}
      <ul>
        {measured.map((one) => (
          <li key={one.id}>
            <button type="button" className="name" title={texts.toSlice(one.index + 1)} onClick={() => onGo(one)}>
              <Icon name={one.kind} />
              <span>{one.lines.join(" · ")}</span>
              <span className="quiet-text">{texts.toSlice(one.index + 1)}</span>
            </button>
            <button type="button" className="small" aria-label={texts.removeOne(one.lines[0] ?? one.kind)} onClick={() => removeMeasured(one.id)}>
              {texts.remove}
            </button>
          </li>
        ))}
      </ul>
      {radiograph && (
        <p className="quiet-text">
          {ratio ? `${texts.ratio}: ${ratio}` : texts.ratioHint}
        </p>
      )}
      {measured.length > 1 && (
        <button type="button" className="small" onClick={() => measured.forEach(({ id }) => removeMeasured(id))}>
          {texts.removeAll}
        </button>
      )}
    </section>
  );
}
