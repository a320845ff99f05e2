import { useEffect, useEffectEvent, useId, useRef, useState } from "react";
import { useDesk } from "../reading/desk";
import { COMMANDS, texts } from "#texts/chat";

/** The line where a question is written: Enter asks, a slash offers commands. */
export function Asking(props: { waits: boolean; busy: boolean; onAsk: (text: string) => void; onStop: () => void }) {
  const { waits, busy, onAsk, onStop } = props;
  const [sent, setSent] = useState(false);
  const desk = useDesk();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const line = useRef<HTMLTextAreaElement>(null);
  const listId = useId();
  const offered = /^\/\w*$/.test(text) ? COMMANDS.filter((one) => one.name.startsWith(text)) : [];
  const current = offered[Math.min(chosen, offered.length - 1)];

  useEffect(
    () =>
      desk.on("ask", (question) => {
        setText(question);
        line.current?.focus();
      }),
    [desk],
  );

  function take(question: string) {
    const gap = question.indexOf("…");
    setText(question.replace(" …", " "));
    setChosen(0);
    requestAnimationFrame(() => {
      line.current?.focus();
      if (gap >= 0) line.current?.setSelectionRange(gap, gap);
    });
  }

  function ask() {
    const question = text.trim();
    if (!question || busy) return;
    // What is sent while an earlier conversation is still read goes out as soon as that is there.
    setSent(waits);
    if (waits) return;
    onAsk(question);
    setText("");
  }
  const send = useEffectEvent(ask);
  useEffect(() => {
    if (sent && !waits) send();
  }, [sent, waits]);

  return (
    <form
      className="asking"
      data-tour="ask"
      onSubmit={(event) => {
        event.preventDefault();
        ask();
      }}
    >
      {current && (
        <ul id={listId} role="listbox" aria-label={texts.commands} className="commands">
          {offered.map((one) => (
            <li
              key={one.name}
              id={`${listId}-${one.name.slice(1)}`}
              role="option"
              aria-selected={one === current}
              onMouseDown={(event) => {
                event.preventDefault();
                take(one.question);
              }}
            >
              <strong>{one.name}</strong> {one.what}
            </li>
          ))}
        </ul>
      )}
      <label className="unseen" htmlFor={`${listId}-line`}>
        {texts.question}
      </label>
      <textarea
        id={`${listId}-line`}
        ref={line}
        rows={2}
        maxLength={8000}
        value={text}
        placeholder={texts.placeholder}
        aria-autocomplete="list"
        aria-controls={current ? listId : undefined}
        aria-activedescendant={current ? `${listId}-${current.name.slice(1)}` : undefined}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (current && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
            event.preventDefault();
            const step = event.key === "ArrowDown" ? 1 : offered.length - 1;
            setChosen((now) => (Math.min(now, offered.length - 1) + step) % offered.length);
          } else if (current && (event.key === "Tab" || event.key === "Enter")) {
            event.preventDefault();
            take(current.question);
          } else if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
            event.preventDefault();
            ask();
          } else if (event.key === "Escape" && busy) onStop();
        }}
      />
      {busy ? (
        <button type="button" className="danger" onClick={onStop}>
          {texts.stop}
        </button>
      ) : (
        <button type="submit" className="primary" disabled={!text.trim()}>
          {texts.ask}
        </button>
      )}
    </form>
  );
}
