import { useRef, useState } from "react";
import type { SeriesView, StudyView } from "../reading/queries";
import { linked, offsetsOf, TOGETHER } from "./linking";
import { likest, usePrior, usePriors } from "./priors";
import type { PaneHandle, PriorChoice } from "./state";

/** The other study that lies beside, and how it scrolls along. `wanted`: the layout shows it. */
export function usePriorBeside(study: StudyView, series: SeriesView, wanted: boolean) {
  const list = usePriors(study);
  const [chosenUid, setChosenUid] = useState("");
  const [seriesUid, setSeriesUid] = useState("");
  const [together, setTogether] = useState(true);
  const [said, setSaid] = useState("");
  const offsets = useRef(TOGETHER);
  const uid = chosenUid || (wanted ? (list.priors[0]?.study_uid ?? "") : "");
  const prior = usePrior(uid);
  const shown = prior.data?.series.find((one) => one.series_uid === seriesUid) ?? (prior.data && likest(series, prior.data.series));

  /** Another pair: nothing of how the last one stood. */
  const reset = () => {
    offsets.current = TOGETHER;
    setSaid("");
  };
  return {
    list,
    uid,
    prior,
    series: shown ?? null,
    choice: prior.data && shown ? ({ study: prior.data, series: shown } satisfies PriorChoice) : null,
    together,
    said: together ? said : "",
    reset,
    choose: (study_uid: string) => {
      reset();
      setChosenUid(study_uid);
      setSeriesUid("");
    },
    chooseSeries: (series_uid: string) => {
      reset();
      setSeriesUid(series_uid);
    },
    /** Linked again, they stay as the reader has laid them. */
    link: (on: boolean, main: PaneHandle | undefined, beside: PaneHandle | undefined) => {
      setTogether(on);
      if (!on || !main || !beside) return;
      offsets.current = offsetsOf(main.spec.series, main.view.target, beside.spec.series, beside.view.target);
      setSaid(linked(main.spec.series, main.view.target, beside.spec.series, offsets.current.there).said);
    },
    follow: (from: PaneHandle["spec"], at: number, other: PaneHandle) => {
      if (!together) return;
      const { there, back } = offsets.current;
      const told = linked(from.series, at, other.spec.series, from.id === "prior" ? back : there);
      other.view.goTo(told.slice);
      setSaid(told.said);
    },
  };
}
