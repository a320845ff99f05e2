import { Problem } from "../parts/Problem";
import { texts } from "#texts/viewer";
import type { usePriorBeside } from "./usePriorBeside";

interface Props {
  beside: ReturnType<typeof usePriorBeside>;
  onLinked: (linked: boolean) => void;
}

/** Which earlier study lies beside, and whether it scrolls along. */
export function PriorBar({ beside, onLinked }: Props) {
  const { list, prior, series } = beside;
  return (
    <div className="prior-bar">
      {list.priors.length > 0 && (
        <label>
          {texts.prior}{" "}
          <select value={beside.uid} onChange={(event) => beside.choose(event.target.value)}>
            {list.priors.map((one) => (
              <option key={one.study_uid} value={one.study_uid}>
                {[one.started ? new Date(one.started).toLocaleDateString() : texts.unknown, one.modality, one.description].filter(Boolean).join(" · ")}
              </option>
            ))}
          </select>
        </label>
      )}
      {prior.data && prior.data.series.length > 1 && (
        <label>
          <span className="unseen">{texts.priorSeries}</span>
          <select value={series?.series_uid ?? ""} onChange={(event) => beside.chooseSeries(event.target.value)}>
            {prior.data.series.map((one) => (
              <option key={one.series_uid} value={one.series_uid}>
                {one.description || one.modality} · {texts.slices(one.slices)}
              </option>
            ))}
          </select>
        </label>
      )}
      {series && (
        <label>
          <input type="checkbox" checked={beside.together} onChange={(event) => onLinked(event.target.checked)} /> {texts.linked}
        </label>
      )}
      <State beside={beside} />
    </div>
  );
}

/** Why nothing lies beside yet: it comes, it failed, or there is none. */
function State({ beside: { list, prior, series, uid } }: Pick<Props, "beside">) {
  if (list.error) return <Problem error={list.error} onRetry={list.retry} />;
  if (prior.error && !prior.data) return <Problem error={prior.error} onRetry={() => void prior.refetch()} />;
  if (list.pending || (uid && prior.isPending)) return <p role="status">{texts.priorLoading}</p>;
  if (list.priors.length === 0) return <p role="status">{texts.noPrior}</p>;
  return series ? null : <p role="status">{texts.priorEmpty}</p>;
}
