import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { client, dataOf } from "../api/client";
import { HeaderRow } from "../parts/HeaderRow";
import { Problem } from "../parts/Problem";
import { texts } from "#texts/operations";

const PAGE = 100;

/** Who did what, when, and whether it was allowed. */
export function Record() {
  const [after, setAfter] = useState(0);
  const [filter, setFilter] = useState("");
  const page = useQuery({
    queryKey: ["audit", after],
    queryFn: () => dataOf(client.GET("/api/v1/audit", { params: { query: { after, limit: PAGE } } })),
  });
  const events = page.data?.events ?? [];
  const wanted = filter.trim().toLowerCase();
  const shown = events.filter((one) => [one.action, one.user, one.outcome].some((text) => text.toLowerCase().includes(wanted)));
  const last = events.at(-1)?.seq ?? after;
  return (
    <section className="panel" aria-labelledby="record">
      <h2 id="record">{texts.record}</h2>
      <p className="record-acts">
        <label>
          {texts.filter} <input type="search" value={filter} onChange={(event) => setFilter(event.target.value)} />
        </label>
        <button type="button" disabled={after === 0} onClick={() => setAfter(Math.max(0, after - PAGE))}>
          {texts.earlier}
        </button>
        <button type="button" disabled={events.length < PAGE} onClick={() => setAfter(last)}>
          {texts.newer}
        </button>
      </p>
      {page.error && <Problem error={page.error} onRetry={() => void page.refetch()} />}
      <div className="record" tabIndex={0} role="region" aria-label={texts.entries}>
        <table>
          <HeaderRow names={texts.recordColumns} />
          <tbody>
            {shown.map((one) => (
              <tr key={one.seq}>
                <td>{new Date(one.when).toLocaleString()}</td>
                <td>{one.user}</td>
                <td>{one.action}</td>
                <td>
                  {one.object_type} <code>{one.object_id.slice(0, 24)}</code>
                </td>
                <td>
                  <span className={`badge ${one.outcome === "ok" ? "good" : "bad"}`}>{one.outcome}</span>
                </td>
                <td>{one.detail}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {page.data && shown.length === 0 && <p className="quiet-text">{texts.none}</p>}
      </div>
    </section>
  );
}
