import type { SeriesView } from "../reading/queries";
import { acquired, type Plane } from "./engine/plane";
import { pictureOf } from "./pictures";
import { texts } from "#texts/viewer";

/** The server's picture of a slice, hung as the viewer will hang it: seen while values are on their way. */
export function FirstPicture({ studyUid, series, slice }: { studyUid: string; series: SeriesView; slice: number }) {
  const plane = acquired(series, series.modality);
  if (!plain(plane, series)) return null;
  const turn = `scale(${plane.across.reversed ? -1 : 1}, ${plane.down.reversed ? -1 : 1})`;
  return <img className="first-picture" style={{ transform: turn }} src={pictureOf(studyUid, series.series_uid, slice)} alt={texts.preview} />;
}

/** Whether a browser shows it with the right sides and the right proportions. */
function plain(plane: Plane, series: SeriesView): boolean {
  const [between = 1, beside = 1] = series.pixel_spacing_mm ?? [];
  return plane.down.of === 1 && Math.abs(between / beside - 1) < 0.01;
}
