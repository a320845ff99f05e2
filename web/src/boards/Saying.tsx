import { useState } from "react";
import { client, dataOf } from "../api/client";
import { Problem } from "../parts/Problem";
import { AGENTS, texts } from "#texts/boards";

/** Where a person speaks; "@" offers the agents. */
export function Saying({ boardId }: { boardId: string }) {
  const [text, setText] = useState("");
  const [error, setError] = useState<unknown>(null);
  const begun = /(?:^|\s)@(\w*)$/.exec(text);
  const offered = begun ? AGENTS.filter((name) => name.startsWith(begun[1] ?? "") && name !== begun[1]) : [];

  async function say() {
    const said = text.trim();
    if (!said) return;
    setError(null);
    setText("");
    const params = { path: { board_id: boardId } };
    try {
      await dataOf(client.POST("/api/v1/boards/{board_id}/messages", { params, body: { text: said, reply_to: "" } }));
    } catch (refused) {
      setText((now) => (now ? `${said}\n${now}` : said)); // what was written stays
      setError(refused);
    }
  }

  const complete = (name: string) => setText(text.replace(/@\w*$/, `@${name} `));
  return (
    <form
      className="saying"
      onSubmit={(event) => {
        event.preventDefault();
        void say();
      }}
    >
      {offered.length > 0 && (
        <p className="agents" role="group" aria-label={texts.kinds.agent}>
          {offered.map((name) => (
            <button key={name} type="button" onClick={() => complete(name)}>
              @{name}
            </button>
          ))}
        </p>
      )}
      <label htmlFor="say">{texts.say}</label>
      <textarea
        id="say"
        rows={2}
        maxLength={8000}
        value={text}
        aria-describedby="say-hint"
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          const first = offered[0];
          if (event.key === "Tab" && first && !event.shiftKey) {
            event.preventDefault();
            complete(first);
          } else if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
            event.preventDefault();
            void say();
          }
        }}
      />
      <p id="say-hint" className="quiet-text">
        {texts.sayHint}
      </p>
      <p>
        <button type="submit" className="primary" disabled={!text.trim()}>
          {texts.send}
        </button>
      </p>
      {error !== null && <Problem error={error} />}
    </form>
  );
}
