import { lazy, Suspense, useEffect, useMemo } from "react";
import { Failing } from "../parts/Failing";
import { Problem } from "../parts/Problem";
import { useDesk } from "../reading/desk";
import type { StudyView } from "../reading/queries";
import { Asking } from "./asked";
import { FirstPicture } from "./FirstPicture";
import { texts } from "#texts/viewer";
import "./viewer.css";

// Asked for at once: the engine comes while the study is read.
const coming = import("./Workstation");
coming.catch(() => undefined);
const Workstation = lazy(() => coming);

/** The images of a study. The engine comes as a file of its own; until then the server's picture is shown. */
export function ViewerRoom({ study }: { study: StudyView }) {
  const desk = useDesk();
  const asking = useMemo(() => new Asking(desk), [desk]);
  useEffect(() => asking.listen(), [asking]);
  const first = study.series[0];
  if (!first) return <p className="waiting">{texts.noPictures}</p>;
  return (
    <Failing fallback={(error) => <Problem error={error} onRetry={() => location.reload()} />}>
      <Suspense fallback={<Preview study={study} />}>
        <Workstation key={study.study_uid} study={study} asking={asking} />
      </Suspense>
    </Failing>
  );
}

function Preview({ study }: { study: StudyView }) {
  const first = study.series[0];
  if (!first) return null;
  return (
    <div className="viewer-preview">
      <FirstPicture studyUid={study.study_uid} series={first} slice={Math.floor((first.slices - 1) / 2)} />
      <p role="status">{texts.opening}</p>
    </div>
  );
}
