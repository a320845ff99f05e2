import { texts } from "#texts/boards";
import type { Message } from "./queries";

/** What one member said: each claim with what it rests on. */
export function MessageItem({ message }: { message: Message }) {
  return (
    <article className={`message ${message.kind}`} id={`message-${message.message_id}`}>
      <p className="quiet-text">
        <strong>{message.author}</strong> · {texts.kinds[message.kind] ?? message.kind} · {new Date(message.at).toLocaleTimeString()}
      </p>
      {message.claims.map((claim, number) => (
        <div key={number} className="claim">
          <p>{claim.text}</p>
          {claim.sources.some((source) => source.kind !== "person") && (
            <details>
              <summary>
                {texts.sources}: {claim.sources.map((source) => source.kind).join(", ")}
              </summary>
              <ul>
                {claim.sources.map((source, place) => (
                  <li key={place}>
                    <code>{source.reference}</code>
                    {source.quote && <q>{source.quote}</q>}
                  </li>
                ))}
              </ul>
            </details>
          )}
        </div>
      ))}
    </article>
  );
}
