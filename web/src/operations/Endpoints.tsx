import type { Schemas } from "../api/client";
import { HeaderRow } from "../parts/HeaderRow";
import { fill } from "../texts";
import { latency, short } from "./numbers";
import { texts } from "#texts/operations";

/** Latency, failures, cost and quota of each endpoint. */
export function Endpoints({ endpoints }: { endpoints: Schemas["EndpointView"][] }) {
  return (
    <section className="panel" aria-labelledby="endpoints">
      <h2 id="endpoints">{texts.endpoints}</h2>
      {endpoints.length === 0 ? (
        <p className="quiet-text">{texts.noEndpoints}</p>
      ) : (
        <table>
          <HeaderRow names={texts.endpointColumns} numbers={["requests", "failures", "p50", "p95", "flight", "cost"]} />
          <tbody>
            {endpoints.map((one) => (
              <tr key={one.name}>
                <th scope="row">{one.name}</th>
                <td className="number">{one.requests}</td>
                <td className="number">{one.failures}</td>
                <td className="number">{latency(one.p50_s)}</td>
                <td className="number">{latency(one.p95_s)}</td>
                <td className="number">{one.limit === null ? texts.unknown : `${one.in_flight ?? 0} / ${one.limit}`}</td>
                <td className="number">{short(one.cost)}</td>
                <td>
                  {one.quotas.map((quota) => (
                    <div key={quota.kind}>
                      {quota.kind}: {short(quota.used)} / {short(quota.limit)}{" "}
                      {quota.alerted > 0 && <span className="badge warn">{fill(texts.alert, { n: Math.round(100 * quota.alerted) })}</span>}
                    </div>
                  ))}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
