import { type FormEvent, useState } from "react";
import { Dialog } from "../parts/Dialog";
import { Field } from "../parts/Field";
import { Problem } from "../parts/Problem";
import { fill, t } from "../texts";
import { PRIORITIES, type Priority, type Row, title } from "./model";
import { orderAnalysis, useWorklistAct } from "./queries";
import { texts } from "#texts/worklist";

export type Orderable = Pick<Row, "study_uid" | "patient_id" | "modality" | "body_part" | "description"> & {
  indication?: string;
  priority?: Priority;
};

/** What is asked of a study, and how soon it is needed. */
export function OrderDialog({ study, onClose, onOrdered }: { study: Orderable; onClose: () => void; onOrdered: () => void }) {
  const [indication, setIndication] = useState(study.indication ?? "");
  const [priority, setPriority] = useState<Priority>(study.priority ?? "ROUTINE");
  const [targets, setTargets] = useState("");
  const ordering = useWorklistAct(orderAnalysis);
  const words = texts.ordering;

  function send(event: FormEvent) {
    event.preventDefault();
    const prompts = targets.split(",").map((each) => each.trim()).filter(Boolean);
    ordering.mutate({ studyUid: study.study_uid, indication: indication.trim(), priority, prompts }, { onSuccess: onOrdered });
  }

  return (
    <Dialog title={words.title} onClose={onClose}>
      <p className="quiet-text">{fill(words.of, { study: title(study), patient: study.patient_id || "–" })}</p>
      <form onSubmit={send}>
        <Field label={words.indication} hint={words.indicationHint}>
          {(props) => (
            <textarea
              {...props}
              rows={3}
              maxLength={4000}
              value={indication}
              placeholder={words.example}
              onChange={(event) => setIndication(event.target.value)}
            />
          )}
        </Field>
        <Field label={words.priority}>
          {(props) => (
            <select {...props} value={priority} onChange={(event) => setPriority(event.target.value as Priority)}>
              {PRIORITIES.map((each) => (
                <option key={each} value={each}>
                  {texts.priority[each]}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={words.targets} hint={words.targetsHint}>
          {(props) => <input {...props} value={targets} maxLength={2000} onChange={(event) => setTargets(event.target.value)} />}
        </Field>
        {ordering.error && <Problem error={ordering.error} />}
        <div className="window-foot">
          <button type="button" onClick={onClose}>
            {t.cancel}
          </button>
          <button type="submit" className="primary" disabled={ordering.isPending}>
            {words.send}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
