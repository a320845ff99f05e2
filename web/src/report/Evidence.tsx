import { useDesk } from "../reading/desk";
import { fill } from "../texts";
import { type Finding, promptsOf, type Report } from "./document";
import { valueText } from "./numbers";
import { texts } from "#texts/report";

/** The steps that support a sentence: who did what with which model, what it outlined and measured. */
export function Evidence({ finding, report }: { finding: Finding; report: Report }) {
  const desk = useDesk();
  const words = texts.findings;
  return (
    <details className="evidence">
      <summary aria-label={fill(words.evidenceOf, { text: finding.text })}>
        {words.evidence} ({finding.evidence.length})
      </summary>
      <ul>
        {finding.evidence.map((id) => {
          const step = report.steps.find((one) => one.id === id);
          const masks = report.masks.filter((mask) => mask.stepId === id);
          const asked = promptsOf(report, id);
          const measured = report.measurements.filter((one) => one.stepId === id && one.maskId).slice(0, 40);
          return (
            <li key={id}>
              {step ? fill(words.step, { id, agent: step.agent, tool: step.tool }) : id}
              {step?.model && <code>{step.model}</code>}
              {step && step.seconds !== null && <span className="quiet-text"> {fill(words.seconds, { seconds: step.seconds.toFixed(2) })}</span>}
              {step && !step.ok && <span className="badge bad">{fill(words.failed, { error: step.error })}</span>}
              {masks.map((mask) => (
                <button key={mask.id} type="button" className="link" disabled={mask.outcome === "reject"} onClick={() => desk.wish("showMask", mask.id)}>
                  {mask.target} ({mask.id})
                </button>
              ))}
              {asked.map((prompt, at) => (
                <span key={at} className="quiet-text">
                  {" "}
                  {fill(prompt.window ? words.askedIn : words.asked, { text: prompt.text, window: prompt.window })} {prompt.reason}
                </span>
              ))}
              {measured.length > 0 && <span className="quiet-text"> {measured.map((one) => `${one.target} ${valueText(one)}`).slice(0, 3).join(", ")}</span>}
            </li>
          );
        })}
      </ul>
    </details>
  );
}
