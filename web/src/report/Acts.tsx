import { useState } from "react";
import { client, type Schemas } from "../api/client";
import { Problem } from "../parts/Problem";
import type { ReadAnalysis } from "../reading/queries";
import { fill } from "../texts";
import type { Draft } from "./draft";
import { EDITABLE } from "./own";
import { answered, useChanged } from "./queries";
import { texts } from "#texts/report";

type Ending = "sign" | "return" | "reject";

/** Start, sign, return, reject: what only a person decides, each with its words. */
export function Acts({ read, draft, open }: { read: ReadAnalysis; draft: Draft; open: number }) {
  const words = texts.acts;
  const { analysis_id: id, status } = read.document;
  const changed = useChanged(id);
  const [ending, setEnding] = useState<Ending | null>(null);
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  if (!EDITABLE.includes(status)) return null;

  async function act(action: Schemas["Action"]) {
    setBusy(true);
    setError(null);
    try {
      const body = { action, reason, edits: [] };
      const params = { path: { analysis_id: id }, header: { "if-match": draft.version } };
      const done = await answered(client.POST("/api/v1/analyses/{analysis_id}/review", { params, body }));
      if (action !== "start") {
        // Not after the rest was read again: by then the reviewer may write in another form.
        setEnding(null);
        setReason("");
      }
      await changed(done);
    } catch (refused) {
      setError(refused);
      await changed();
    } finally {
      setBusy(false);
    }
  }

  const told = { sign: [words.signHelp, words.signNow], return: [words.returnHelp, words.returnNow], reject: [words.rejectHelp, words.rejectNow] } as const;
  return (
    <section className="acts" aria-label={words.title}>
      <div className="row">
        {status !== "in_review" && (
          <button type="button" disabled={busy} onClick={() => void act("start")}>
            {words.start}
          </button>
        )}
        {(["sign", "return", "reject"] as const).map((name) =>
          name === "return" && status !== "in_review" ? null : (
            <button
              key={name}
              type="button"
              className={name === "sign" ? "primary" : name === "reject" ? "danger" : ""}
              aria-expanded={ending === name}
              onClick={() => {
                setEnding(ending === name ? null : name);
                setError(null);
              }}
            >
              {words[name]}
            </button>
          ),
        )}
      </div>
      {ending && (
        <form
          className="form"
          onSubmit={(event) => {
            event.preventDefault();
            void act(ending);
          }}
        >
          <p>{told[ending][0]}</p>
          {ending === "sign" && open > 0 && <p className="warn-text">{fill(words.open, { count: open })}</p>}
          <label>
            {ending === "sign" ? words.comment : words.reason}
            <input required={ending !== "sign"} maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />
          </label>
          {draft.saving !== "saved" && <p role="status">{words.unsaved}</p>}
          <p className="row">
            <button type="submit" className={ending === "reject" ? "danger" : "primary"} disabled={busy || draft.saving !== "saved"}>
              {told[ending][1]}
            </button>
            <button type="button" onClick={() => setEnding(null)}>
              {texts.cancel}
            </button>
          </p>
        </form>
      )}
      {error !== null && <Problem error={error} />}
    </section>
  );
}
