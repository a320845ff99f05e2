import { useState } from "react";
import { client, type Schemas } from "../api/client";
import { Problem } from "../parts/Problem";
import { useAct } from "../parts/useAct";
import type { ReadAnalysis } from "../reading/queries";
import { fill } from "../texts";
import { untold } from "./attention";
import type { CriticalRow, Report } from "./document";
import { EDITABLE } from "./own";
import { answered, type History, useChanged } from "./queries";
import { texts } from "#texts/report";
import { fieldTime, when } from "./when";

type Body = Schemas["CriticalBody"];
type Kind = Body["kind"];

/** What must be told at once, to whom it was told, and the acts that settle it: the server signs nothing before. */
export function Critical({ read, report, history }: { read: ReadAnalysis; report: Report; history: History | undefined }) {
  const words = texts.critical;
  if (report.critical.length === 0) return null;
  const told = history?.communications ?? [];
  const open = untold(report, told);
  return (
    <section className={open.length > 0 ? "critical open" : "critical"} aria-label={words.title}>
      <h3>{words.title}</h3>
      {report.critical.map((row) => (
        <CriticalItem
          key={`${row.finding}/${row.rule}`}
          row={row}
          read={read}
          acts={told.filter((act) => act.finding === row.finding && act.rule === row.rule)}
          editable={EDITABLE.includes(report.status)}
          open={open.includes(row)}
        />
      ))}
      {open.length > 0 && <p>{words.blocks}</p>}
    </section>
  );
}

function CriticalItem({ row, read, acts, editable, open }: { row: CriticalRow; read: ReadAnalysis; acts: History["communications"]; editable: boolean; open: boolean }) {
  const words = texts.critical;
  const id = read.document.analysis_id;
  const changed = useChanged(id);
  const [form, setForm] = useState<Kind | null>(null);
  const { busy, error, act } = useAct();
  const state = acts.at(-1)?.kind ?? "open";

  async function send(body: Partial<Body> & { kind: Kind }) {
    const whole: Body = { finding_id: row.finding, rule: row.rule, role: "reader", attending: "", told_to: "", comment: "", ...body };
    const params = { path: { analysis_id: id }, header: { "if-match": read.version } };
    const sending = answered(client.POST("/api/v1/analyses/{analysis_id}/critical", { params, body: whole }));
    const done = await sending.catch(async (refused: unknown) => {
      await changed();
      throw refused;
    });
    setForm(null);
    await changed(done);
  }

  return (
    <div className="critical-item">
      <p>
        <strong>{row.name}</strong> <span className={open ? "badge bad" : "badge good"}>{words.states[state]}</span>{" "}
        <span>{fill(words.within, { minutes: row.minutes })}</span>
      </p>
      <p className="quiet-text">
        {row.note} {fill(words.source, { source: row.source })}
      </p>
      {acts.map((one, k) => (
        <p key={k}>
          {one.kind === "communicated"
            ? fill(words.told, { to: one.told_to, at: when(one.told_at), how: one.channel ? words.channels[one.channel] : "", who: one.attending })
            : one.kind === "dismissed"
              ? fill(words.dismissed, { who: one.attending, why: one.comment })
              : fill(words.seen, { by: one.by, at: when(one.at) })}
        </p>
      ))}
      {editable && open && form === null && (
        <p className="row">
          {state === "open" && (
            <button type="button" disabled={busy} onClick={() => void act(() => send({ kind: "acknowledged" }))}>
              {words.acknowledge}
            </button>
          )}
          <button type="button" className="primary" onClick={() => setForm("communicated")}>
            {words.tell}
          </button>
          <button type="button" onClick={() => setForm("dismissed")}>
            {words.dismiss}
          </button>
        </p>
      )}
      {form !== null && <CriticalForm kind={form} busy={busy} onSend={(body) => void act(() => send(body))} onCancel={() => setForm(null)} />}
      {error !== null && <Problem error={error} />}
    </div>
  );
}

function CriticalForm({ kind, busy, onSend, onCancel }: { kind: Kind; busy: boolean; onSend: (body: Partial<Body> & { kind: Kind }) => void; onCancel: () => void }) {
  const words = texts.critical;
  const [attending, setAttending] = useState("");
  const [toldTo, setToldTo] = useState("");
  const [toldAt, setToldAt] = useState(() => fieldTime(new Date()));
  const [channel, setChannel] = useState<NonNullable<Body["channel"]>>("phone");
  const [comment, setComment] = useState("");
  const telling = kind === "communicated";
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        const told = telling ? { told_to: toldTo, told_at: new Date(toldAt).toISOString(), channel } : {};
        onSend({ kind, role: "attending", attending, comment, ...told });
      }}
    >
      <label>
        {words.attending}
        <input required maxLength={120} value={attending} onChange={(event) => setAttending(event.target.value)} />
      </label>
      {telling && (
        <>
          <label>
            {words.to}
            <input required maxLength={120} value={toldTo} onChange={(event) => setToldTo(event.target.value)} />
          </label>
          <label>
            {words.when}
            <input required type="datetime-local" value={toldAt} onChange={(event) => setToldAt(event.target.value)} />
          </label>
          <label>
            {words.how}
            <select value={channel} onChange={(event) => setChannel(event.target.value as typeof channel)}>
              {(["phone", "in_person", "secure_message"] as const).map((one) => (
                <option key={one} value={one}>
                  {words.channels[one]}
                </option>
              ))}
            </select>
          </label>
        </>
      )}
      <label>
        {telling ? words.comment : words.why}
        <input required={!telling} maxLength={2000} value={comment} onChange={(event) => setComment(event.target.value)} />
      </label>
      <label className="check">
        <input type="checkbox" required /> {telling ? words.confirmTold : words.confirmDismiss}
      </label>
      <p className="row">
        <button type="submit" className="primary" disabled={busy}>
          {words.save}
        </button>
        <button type="button" onClick={onCancel}>
          {texts.cancel}
        </button>
      </p>
    </form>
  );
}
