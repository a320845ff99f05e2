import { useQuery } from "@tanstack/react-query";
import { ApiError, client, dataOf } from "../api/client";
import { HeaderRow } from "../parts/HeaderRow";
import { Problem } from "../parts/Problem";
import { short } from "./numbers";
import { texts } from "#texts/operations";

/** Comparisons of prompt strategies and where they stand. */
export function Strategies() {
  const found = useQuery({ queryKey: ["strategies"], queryFn: () => dataOf(client.GET("/api/v1/strategies")) });
  const rows = found.data?.strategies ?? [];
  // Where the memory is switched off there is nothing to compare.
  const off = found.error instanceof ApiError && found.error.status === 503;
  return (
    <section className="panel" aria-labelledby="strategies">
      <h2 id="strategies">{texts.strategies}</h2>
      {found.error && !off && <Problem error={found.error} onRetry={() => void found.refetch()} />}
      {rows.length === 0 ? (
        <p className="quiet-text">{off && found.error ? found.error.message : texts.noStrategies}</p>
      ) : (
        <table>
          <HeaderRow names={texts.strategyColumns} numbers={["studies", "means", "difference"]} />
          <tbody>
            {rows.map((one) => (
              <tr key={one.name}>
                <th scope="row">{one.name}</th>
                <td>{one.mode}</td>
                <td className="number">{one.studies}</td>
                <td className="number">
                  {value(one.overall.mean_baseline)} → {value(one.overall.mean_candidate)}
                </td>
                <td className="number">
                  {value(one.overall.difference)} ({short(one.overall.interval[0] ?? 0)} … {short(one.overall.interval[1] ?? 0)})
                </td>
                <td>{one.state.replace(/_/g, " ")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

const value = (number: number | null) => (number === null ? texts.unknown : short(number));
