import { useQueryClient } from "@tanstack/react-query";
import { type DragEvent, useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { Dialog } from "../parts/Dialog";
import { Field } from "../parts/Field";
import { Problem } from "../parts/Problem";
import { fill } from "../texts";
import { size, title } from "./model";
import type { Orderable } from "./OrderDialog";
import { AllRefused, dropped, send, type UploadResult } from "./sending";
import { texts } from "#texts/worklist";

const words = texts.upload;

type State =
  | { name: "choosing" }
  | { name: "sending"; part: number }
  | { name: "done"; result: UploadResult }
  | { name: "failed"; error: unknown };

/** Files chosen or dropped, what they show, and what became of them. */
export function UploadDialog({
  given,
  onClose,
  onOrder,
}: {
  /** Files that were dropped on the page. */
  given: readonly File[];
  onClose: () => void;
  onOrder: (study: Orderable) => void;
}) {
  const [files, setFiles] = useState<readonly File[]>(given);
  const [described, setDescribed] = useState("");
  const [state, setState] = useState<State>({ name: "choosing" });
  const [over, setOver] = useState(false);
  const ending = useRef<AbortController>(undefined);
  const queries = useQueryClient();
  useEffect(() => () => ending.current?.abort(), []);

  async function start() {
    ending.current = new AbortController();
    setState({ name: "sending", part: 0 });
    try {
      const onProgress = (part: number) => setState({ name: "sending", part });
      const result = await send({ files, described: described.trim(), onProgress, signal: ending.current.signal });
      setState({ name: "done", result });
      void queries.invalidateQueries({ queryKey: ["worklist"] });
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") setState({ name: "choosing" });
      else setState({ name: "failed", error });
    }
  }

  async function drop(event: DragEvent) {
    event.preventDefault();
    event.stopPropagation();
    setOver(false);
    if (busy) return; // what is being sent goes on
    try {
      setFiles(await dropped(event.dataTransfer));
      setState({ name: "choosing" });
    } catch (error) {
      setState({ name: "failed", error });
    }
  }

  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  const busy = state.name === "sending";
  return (
    <Dialog title={words.title} onClose={onClose} wide>
      {state.name !== "done" && (
        <>
          <p className="quiet-text">{words.body}</p>
          <div
            className={over ? "drop over" : "drop"}
            onDragOver={(event) => {
              event.preventDefault();
              event.stopPropagation();
              setOver(true);
            }}
            onDragLeave={() => setOver(false)}
            onDrop={(event) => void drop(event)}
          >
            <p>{words.drop}</p>
            <p className="pick">
              <label className="button">
                {words.files}
                <input
                  type="file"
                  multiple
                  className="unseen"
                  disabled={busy}
                  onChange={(event) => setFiles([...(event.target.files ?? [])])}
                />
              </label>
              <label className="button">
                {words.folder}
                <input
                  type="file"
                  multiple
                  className="unseen"
                  disabled={busy}
                  // React knows no such property.
                  ref={(input) => input?.setAttribute("webkitdirectory", "")}
                  onChange={(event) => setFiles([...(event.target.files ?? [])])}
                />
              </label>
            </p>
            {files.length > 0 && (
              <p role="status">{fill(files.length === 1 ? words.chosenOne : words.chosen, { n: files.length, size: size(bytes) })}</p>
            )}
          </div>
          <Field label={words.described} hint={words.describedHint}>
            {(props) => (
              <input
                {...props}
                value={described}
                maxLength={500}
                disabled={busy}
                onChange={(event) => setDescribed(event.target.value)}
              />
            )}
          </Field>
        </>
      )}
      {state.name === "sending" && (
        <div role="status">
          <p>{state.part < 1 ? fill(words.sending, { percent: Math.floor(100 * state.part) }) : words.reading}</p>
          {state.part < 1 ? <progress value={state.part} max={1} aria-label={words.send} /> : <progress aria-label={words.reading} />}
        </div>
      )}
      {state.name === "failed" && (
        <>
          <Problem error={state.error} />
          {state.error instanceof AllRefused && <Refused files={state.error.refused} />}
        </>
      )}
      {state.name === "done" && <Received result={state.result} onOrder={onOrder} />}
      <div className="window-foot">
        {busy && (
          <button type="button" onClick={() => ending.current?.abort()}>
            {words.stop}
          </button>
        )}
        {state.name === "done" ? (
          <button
            type="button"
            onClick={() => {
              setFiles([]);
              setState({ name: "choosing" });
            }}
          >
            {words.again}
          </button>
        ) : (
          <button type="button" className="primary" disabled={busy || files.length === 0} onClick={() => void start()}>
            {words.send}
          </button>
        )}
      </div>
    </Dialog>
  );
}

function Received({ result, onOrder }: { result: UploadResult; onOrder: (study: Orderable) => void }) {
  const n = result.studies.length;
  return (
    <>
      <div role="status">
        <h3>{fill(n === 1 ? words.doneOne : words.done, { n })}</h3>
      </div>
      <ul className="received">
        {result.studies.map((study) => (
          <li key={study.study_uid}>
            <span>
              {title(study)}
              <span className="quiet-text"> · {study.patient_id || texts.unknownPatient}</span>
            </span>
            <Link className="button" href={`/studies/${study.study_uid}`}>
              {texts.open}
            </Link>
            <button type="button" className="primary" onClick={() => onOrder(study)}>
              {texts.order}
            </button>
          </li>
        ))}
      </ul>
      {result.refused.length > 0 && <Refused files={result.refused} />}
    </>
  );
}

function Refused({ files }: { files: UploadResult["refused"] }) {
  return (
    <>
      <h3>{fill(files.length === 1 ? words.refusedOne : words.refused, { n: files.length })}</h3>
      <table className="refused">
        <thead>
          <tr>
            <th scope="col">{words.file}</th>
            <th scope="col">{words.reason}</th>
            <th scope="col">{words.remedy}</th>
          </tr>
        </thead>
        <tbody>
          {files.map((file, place) => (
            <tr key={`${place} ${file.file}`}>
              <td>{file.file}</td>
              <td>{file.reason}</td>
              <td>{file.remedy}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
