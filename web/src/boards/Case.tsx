import { texts } from "#texts/boards";
import type { BoardView } from "./queries";

const SEVERITY: Record<string, string> = { high: "bad", major: "bad", medium: "warn", moderate: "warn" };

/** The patient's record: what contradicts itself, and the course of the disease. */
export function Case({ board }: { board: BoardView }) {
  return (
    <div className="case">
      <section className="panel" aria-labelledby="contradictions">
        <h2 id="contradictions">{texts.contradictions}</h2>
        {board.contradictions.length === 0 && <p className="quiet-text">{texts.noContradictions}</p>}
        {board.contradictions.map((found, number) => (
          <article key={number} className="contradiction">
            <p>
              <strong>{found.attribute}</strong> <span className={`badge ${SEVERITY[found.severity] ?? "warn"}`}>{found.severity}</span>
            </p>
            <p>{found.explanation}</p>
            <ul>
              {found.statements.map((statement, place) => (
                <li key={place}>
                  <strong>{statement.value}</strong>
                  {statement.dated && ` · ${statement.dated}`} · <code>{statement.document_id}</code>
                  <q>{statement.sentence}</q>
                </li>
              ))}
            </ul>
          </article>
        ))}
        {board.warnings.length > 0 && (
          <details>
            <summary>{texts.warnings}</summary>
            <ul>
              {board.warnings.map((warning) => (
                <li key={warning}>{warning}</li>
              ))}
            </ul>
          </details>
        )}
      </section>
      <section className="panel" aria-labelledby="timeline">
        <h2 id="timeline">{texts.timeline}</h2>
        {board.timeline.length === 0 && <p className="quiet-text">{texts.noTimeline}</p>}
        <ol className="timeline">
          {board.timeline.map((event, number) => (
            <li key={number}>
              <p>
                <time dateTime={event.dated}>{event.dated === event.until ? event.dated : `${event.dated} – ${event.until}`}</time>{" "}
                <span className="badge">{event.kind.replace(/_/g, " ")}</span> {event.title}
              </p>
              <details>
                <summary>{texts.sources}</summary>
                <ul>
                  {event.sources.map((source, place) => (
                    <li key={place}>
                      <code>{source.document_id}</code>
                      <q>{source.sentence}</q>
                    </li>
                  ))}
                </ul>
              </details>
            </li>
          ))}
        </ol>
      </section>
    </div>
  );
}
