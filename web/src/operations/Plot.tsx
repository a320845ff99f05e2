import { bars } from "./numbers";
import { texts } from "#texts/operations";

/** Counts as horizontal bars; the table that a screen reader hears is the plot itself. */
export function Plot({ title, counts }: { title: string; counts: { name: string; count: number }[] }) {
  return (
    <figure className="plot">
      <figcaption>{title}</figcaption>
      {counts.length === 0 ? (
        <p className="quiet-text">{texts.nothing}</p>
      ) : (
        <table>
          <caption className="unseen">{title}</caption>
          <thead className="unseen">
            <tr>
              <th scope="col">{texts.columnsOf.name}</th>
              <th scope="col">{texts.columnsOf.count}</th>
            </tr>
          </thead>
          <tbody>
            {bars(counts).map((bar) => (
              <tr key={bar.name}>
                <th scope="row">{bar.name.replace(/_/g, " ")}</th>
                <td>
                  <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                    <rect width={Math.max(1, 100 * bar.share)} height="10" />
                  </svg>
                  <span>{bar.count}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </figure>
  );
}
