import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import { client, dataOf, type Schemas } from "../api/client";
import { Problem } from "../parts/Problem";
import { studyQuery } from "../reading/queries";
import { fill } from "../texts";
import type { View } from "./session";
import { texts } from "#texts/boards";

interface Shown {
  studyUid: string;
  series: string;
  slice: number;
}

/** The picture that the meeting looks at together; who shows moves it for all who follow. */
export function SharedView({ boardId, studyUids, view, closed }: { boardId: string; studyUids: string[]; view: View | null; closed: boolean }) {
  const seat = useMemo(() => crypto.randomUUID(), []);
  const [own, setOwn] = useState<Shown>({ studyUid: studyUids[0] ?? "", series: "", slice: 0 });
  const [following, setFollowing] = useState(true);
  const [error, setError] = useState<unknown>(null);
  const newest = useRef<Schemas["Position"] | null>(null);
  const sharing = useRef(false);
  const study = useQuery(studyQuery(own.studyUid));
  const series = study.data?.series.find((one) => one.series_uid === own.series) ?? study.data?.series[0];
  const slice = Math.min(own.slice, (series?.slices ?? 1) - 1);

  useEffect(() => {
    if (following && view && view.seat !== seat && studyUids.includes(view.studyUid)) {
      setOwn({ studyUid: view.studyUid, series: view.series, slice: view.slice });
    }
  }, [following, seat, studyUids, view]);

  function move(change: Partial<Shown>) {
    const next = { ...own, series: series?.series_uid ?? "", slice, ...change };
    setOwn(next);
    if (closed || !next.series) return;
    void share({ study_uid: next.studyUid, series: next.series, slice: next.slice, seat });
  }

  function waiting() {
    const body = newest.current;
    newest.current = null;
    return body;
  }

  /** One position at a time, and the newest last: others must not stay on an older slice. */
  async function share(position: Schemas["Position"]) {
    newest.current = position;
    if (sharing.current) return;
    sharing.current = true;
    try {
      for (let body = waiting(); body; body = waiting()) {
        await dataOf(client.POST("/api/v1/boards/{board_id}/view", { params: { path: { board_id: boardId } }, body }));
      }
      setError(null);
    } catch (refused) {
      setError(refused);
    } finally {
      sharing.current = false;
    }
  }

  return (
    <section className="panel shared" aria-labelledby="shared">
      <h2 id="shared">{texts.view}</h2>
      <div className="shared-acts">
        <select
          aria-label={texts.open.study}
          value={own.studyUid}
          onChange={(event) => setOwn({ studyUid: event.target.value, series: "", slice: 0 })}
        >
          {studyUids.map((uid, number) => (
            <option key={uid} value={uid}>
              {uid === own.studyUid && study.data ? `${study.data.modality} ${study.data.description || study.data.body_part}` : `${number + 1}`}
            </option>
          ))}
        </select>
        <select aria-label={texts.series} value={series?.series_uid ?? ""} onChange={(event) => move({ series: event.target.value, slice: 0 })}>
          {(study.data?.series ?? []).map((one) => (
            <option key={one.series_uid} value={one.series_uid}>
              {one.modality} {one.description} ({one.slices})
            </option>
          ))}
        </select>
        <label>
          <input type="checkbox" checked={following} onChange={(event) => setFollowing(event.target.checked)} /> {texts.follow}
        </label>
        <Link href={`/studies/${own.studyUid}`}>{texts.read}</Link>
      </div>
      {series && (
        <>
          <img
            className="shared-picture"
            src={`/api/v1/studies/${own.studyUid}/series/${series.series_uid}/slices/${slice}.png`}
            alt={`${series.modality} ${series.description}, ${texts.slice} ${slice + 1} / ${series.slices}`}
          />
          <label className="shared-slice">
            {texts.slice} {slice + 1} / {series.slices}
            <input
              type="range"
              min={0}
              max={series.slices - 1}
              value={slice}
              disabled={series.slices < 2}
              onChange={(event) => move({ slice: Number(event.target.value) })}
            />
          </label>
          {!closed && (
            <button type="button" onClick={() => move({})}>
              {texts.show}
            </button>
          )}
        </>
      )}
      {error !== null && <Problem error={error} />}
      <p role="status" className="quiet-text">
        {view ? fill(texts.shownBy, { who: view.user, n: view.slice + 1 }) : texts.viewNone}
      </p>
    </section>
  );
}
