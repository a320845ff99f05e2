import type { SeriesView, StudyView } from "../reading/queries";
import type { StudySummary } from "./priors";
import { texts } from "./texts";

interface Props {
  priors: StudySummary[];
  prior: StudyView | null;
  series: SeriesView | null;
  linked: boolean;
  onPrior: (studyUid: string) => void;
  onSeries: (seriesUid: string) => void;
  onLinked: (linked: boolean) => void;
}

/** Which earlier study lies beside, and whether it scrolls along. */
export function PriorBar({ priors, prior, series, linked, onPrior, onSeries, onLinked }: Props) {
  return (
    <div className="prior-bar">
      <label>
        {texts.prior}{" "}
        <select value={prior?.study_uid ?? ""} onChange={(event) => onPrior(event.target.value)}>
          {priors.map((one) => (
            <option key={one.study_uid} value={one.study_uid}>
              {[one.started ? new Date(one.started).toLocaleDateString() : texts.unknown, one.modality, one.description].filter(Boolean).join(" · ")}
            </option>
          ))}
        </select>
      </label>
      {prior && prior.series.length > 1 && (
        <label>
          <span className="unseen">{texts.priorSeries}</span>
          <select value={series?.series_uid ?? ""} onChange={(event) => onSeries(event.target.value)}>
            {prior.series.map((one) => (
              <option key={one.series_uid} value={one.series_uid}>
                {one.description || one.modality} · {texts.slices(one.slices)}
              </option>
            ))}
          </select>
        </label>
      )}
      <label>
        <input type="checkbox" checked={linked} onChange={(event) => onLinked(event.target.checked)} /> {texts.linked}
      </label>
    </div>
  );
}
