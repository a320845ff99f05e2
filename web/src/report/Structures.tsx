import { useDesk } from "../reading/desk";
import { fill } from "../texts";
import type { Report } from "./document";
import type { Draft } from "./draft";
import { valueText } from "./numbers";
import { Sentence } from "./Sentence";
import { type Structure, structuresOf } from "./structures";
import { texts } from "#texts/report";

/** Findings, outlines and measurements, a structure at a time. */
export function Structures({ report, draft, editable }: { report: Report; draft: Draft; editable: boolean }) {
  const words = texts.findings;
  const structures = structuresOf(report);
  return (
    <section aria-label={words.title}>
      <h3>{words.title}</h3>
      {structures.length === 0 && <p className="quiet-text">{words.none}</p>}
      {structures.map((structure) => (
        <StructureView key={structure.target} structure={structure} report={report} draft={draft} editable={editable} />
      ))}
    </section>
  );
}

function StructureView({ structure, report, draft, editable }: { structure: Structure; report: Report; draft: Draft; editable: boolean }) {
  const desk = useDesk();
  const words = texts.findings;
  const name = structure.target || words.other;
  const said = structure.findings.map((finding) => finding.text).join(" ");
  const unsaid = [...new Set(structure.masks.flatMap((mask) => mask.reasons))].filter((reason) => !said.includes(reason));
  const shown = structure.masks.find((mask) => mask.outcome !== "reject");
  return (
    <section className="structure" aria-label={name}>
      <h4>
        <span className="structure-name">{name}</span>
        {structure.masks.map((mask) => (
          <span key={mask.id} className={`badge ${mask.outcome === "pass" ? "good" : mask.outcome === "reject" ? "bad" : "warn"}`}>
            {texts.qa[mask.outcome]}
          </span>
        ))}
        {structure.masks.length > 0 && (
          <span className="quiet-text">
            {structure.confidence === null ? texts.noConfidence : fill(texts.confidence, { value: structure.confidence.toFixed(2) })}
          </span>
        )}
        {shown && (
          <button type="button" className="quiet" aria-label={fill(texts.eye.show, { about: name })} onClick={() => desk.wish("showMask", shown.id)}>
            {words.showMask}
          </button>
        )}
      </h4>
      <ul className="sentences">
        {structure.findings.map((finding) => (
          <Sentence key={finding.id} finding={finding} report={report} draft={draft} editable={editable} />
        ))}
      </ul>
      {unsaid.length > 0 && <p className="quiet-text">{unsaid.join(". ")}</p>}
      {structure.measurements.length > 0 && <MeasurementTable structure={structure} report={report} />}
    </section>
  );
}

function MeasurementTable({ structure, report }: { structure: Structure; report: Report }) {
  const desk = useDesk();
  const words = texts.measurements;
  const hidden = new Set(report.masks.filter((mask) => mask.outcome === "reject").map((mask) => mask.id));
  return (
    <details className="measured" open={structure.measurements.length <= 4}>
      <summary>{fill(words.of, { target: structure.target })}</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">{words.name}</th>
            <th scope="col" className="number">
              {words.value}
            </th>
            <th scope="col">{words.how}</th>
          </tr>
        </thead>
        <tbody>
          {structure.measurements.map((one, k) => (
            <tr key={k}>
              <th scope="row">{one.name.replaceAll("_", " ")}</th>
              <td className="number">
                {one.maskId && !hidden.has(one.maskId) ? (
                  <button type="button" className="link" aria-label={fill(words.jump, { value: valueText(one) })} onClick={() => desk.wish("showMask", one.maskId)}>
                    {valueText(one)}
                  </button>
                ) : one.seriesUid ? (
                  <button type="button" className="link" aria-label={fill(words.jump, { value: valueText(one) })} onClick={() => desk.wish("goTo", { seriesUid: one.seriesUid, slice: 0 })}>
                    {valueText(one)}
                  </button>
                ) : (
                  valueText(one)
                )}
              </td>
              <td className="how">
                {one.method}
                <span className="quiet-text"> · {one.source}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
