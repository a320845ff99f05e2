import { useState } from "react";
import { client } from "../api/client";
import { Problem } from "../parts/Problem";
import { useAct } from "../parts/useAct";
import type { ReadAnalysis } from "../reading/queries";
import { fill } from "../texts";
import { answered, type History, useChanged } from "./queries";
import { texts } from "#texts/report";
import { when } from "./when";

interface Props {
  read: ReadAnalysis;
  addenda: History["addenda"];
  /** Text that is not signed yet; kept by the room, so that a copied answer finds its way here. */
  text: string;
  onText: (text: string) => void;
}

/** What was added to a signed report, and the form that adds to it. */
export function Addenda({ read, addenda, text, onText }: Props) {
  const words = texts.addenda;
  const { analysis_id: id, status } = read.document;
  const changed = useChanged(id);
  const [author, setAuthor] = useState("");
  const { busy, error, act } = useAct();
  if (status !== "signed" && status !== "delivered") return null;
  const delivered = Number((read.document as Record<string, unknown>).delivered_addenda ?? 0);

  async function sign() {
    const params = { path: { analysis_id: id }, header: { "if-match": read.version } };
    const sending = answered(client.POST("/api/v1/analyses/{analysis_id}/addenda", { params, body: { text, author } }));
    const done = await sending.catch(async (refused: unknown) => {
      await changed();
      throw refused;
    });
    onText("");
    await changed(done);
  }

  return (
    <section aria-label={words.title}>
      <h3>{words.title}</h3>
      {addenda.length === 0 && <p className="quiet-text">{words.none}</p>}
      {addenda.map((one) => (
        <article key={one.number} className="addendum">
          <p className="quiet-text">{fill(words.head, { number: one.number, author: one.author, at: when(one.signed_at) })}</p>
          <p>{one.text}</p>
        </article>
      ))}
      {status === "delivered" && addenda.length > delivered && <p className="warn-text">{words.undelivered}</p>}
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          void act(sign);
        }}
      >
        <label>
          {words.text}
          <textarea required maxLength={20_000} rows={3} value={text} onChange={(event) => onText(event.target.value)} />
        </label>
        <label>
          {words.author}
          <input required maxLength={120} value={author} onChange={(event) => setAuthor(event.target.value)} />
        </label>
        <p className="row">
          <button type="submit" className="primary" disabled={busy}>
            {words.sign}
          </button>
        </p>
        {error !== null && <Problem error={error} />}
      </form>
    </section>
  );
}
