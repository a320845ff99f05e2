import { useQuery } from "@tanstack/react-query";
import { client, dataOf } from "../api/client";
import { HeaderRow } from "../parts/HeaderRow";
import { Problem } from "../parts/Problem";
import { fill } from "../texts";
import { texts } from "#texts/operations";

/** What a reader should know about a model before believing it. */
export function Models() {
  const models = useQuery({ queryKey: ["models"], queryFn: () => dataOf(client.GET("/api/v1/models")) });
  const rows = models.data?.models ?? [];
  return (
    <section className="panel" aria-labelledby="models">
      <h2 id="models">{texts.models}</h2>
      {models.error && <Problem error={models.error} onRetry={() => void models.refetch()} />}
      <table>
        <HeaderRow names={texts.modelColumns} />
        <tbody>
          {rows.map((model) => (
            <tr key={`${model.name} ${model.contract}`}>
              <th scope="row">{model.name}</th>
              <td>{model.contract}</td>
              <td>{model.modalities.join(", ")}</td>
              <td>
                <details>
                  <summary>{fill(texts.targets, { n: model.targets.length })}</summary>
                  {model.targets.join(", ")}
                </details>
              </td>
              <td>
                {model.intended_use} <span className="quiet-text">{model.research_use}</span>
              </td>
              <td>
                <span className={`badge ${model.available ? "good" : ""}`}>{model.available ? texts.available : texts.absent}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
