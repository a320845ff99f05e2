import { useEffect, useState } from "react";
import { type Measured, measuredOn, onMeasured, removeMeasured } from "./engine/measures";
import { Icon } from "./Icon";
import { texts } from "./texts";

interface Props {
  seriesUid: string;
  /** A radiograph, where the widths of heart and chest make a ratio. */
  radiograph: boolean;
  /** What stands behind the numbers, where the pixel size is doubtful. */
  caution: string;
  onGo: (measured: Measured) => void;
}

/** What the reader measured in this series, in mm where the file gives a pixel its size. */
export function Measurements({ seriesUid, radiograph, caution, onGo }: Props) {
  const [measured, setMeasured] = useState<Measured[]>([]);
  useEffect(() => {
    // Numbers are worked out when the drawing is next rendered: read them after that.
    const read = () => requestAnimationFrame(() => setMeasured(measuredOn(seriesUid)));
    read();
    return onMeasured(read);
  }, [seriesUid]);
  const [heart, chest] = measured.filter(({ kind }) => kind === "length");
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
          {heart && chest && ratioOf(heart, chest) ? `${texts.ratio}: ${ratioOf(heart, chest)}` : texts.ratioHint}
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

/** The shorter of two lengths over the longer: a ratio needs no millimetres. */
export function ratioOf(one: Measured, other: Measured): string {
  const [a, b] = [one, other].map(({ lines }) => Number.parseFloat(lines[0] ?? "")) as [number, number];
  return a > 0 && b > 0 ? (Math.min(a, b) / Math.max(a, b)).toFixed(2) : "";
}
