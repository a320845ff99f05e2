import type { StudyView } from "../reading/queries";
import { texts } from "#texts/viewer";
import { pictureOf } from "./pictures";

/** The series of a study, each with its middle picture as the server draws it. */
export function Thumbnails({ study, chosen, onChoose }: { study: StudyView; chosen: string; onChoose: (seriesUid: string) => void }) {
  return (
    <ul className="thumbnails" aria-label={texts.series}>
      {study.series.map((series) => (
        <li key={series.series_uid}>
          <button type="button" aria-pressed={series.series_uid === chosen} onClick={() => onChoose(series.series_uid)}>
            <img src={pictureOf(study.study_uid, series.series_uid, Math.floor((series.slices - 1) / 2))} alt="" loading="lazy" />
            <span>{series.description || series.view_position || texts.unnamed}</span>
            <span className="quiet-text">
              {series.modality} · {texts.slices(series.slices)}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}
