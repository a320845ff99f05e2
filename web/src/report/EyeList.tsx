import { useDesk } from "../reading/desk";
import { fill } from "../texts";
import type { EyeItem } from "./attention";
import { texts } from "#texts/report";

const BAD = new Set(["critical", "disagreement", "rejected"]);

/** What is open before signing, most urgent first; each leads to the image, or to its sentence. */
export function EyeList({ items }: { items: EyeItem[] }) {
  const desk = useDesk();
  const words = texts.eye;
  const go = (item: EyeItem) => {
    if (item.maskId) desk.wish("showMask", item.maskId);
    const sentence = item.findingId ? document.getElementById(`finding-${item.findingId}`) : null;
    sentence?.scrollIntoView({ block: "center" });
    sentence?.focus({ preventScroll: true });
  };
  return (
    <section className="eye" aria-label={words.title}>
      <h3>
        {words.title} <span className={items.length > 0 ? "badge warn" : "badge good"}>{items.length}</span>
      </h3>
      {items.length === 0 ? (
        <p className="quiet-text">{words.nothing}</p>
      ) : (
        <ol>
          {items.map((item, k) => (
            <li key={k}>
              <span className={BAD.has(item.kind) ? "badge bad" : "badge warn"}>{words.kinds[item.kind]}</span>{" "}
              {item.maskId || item.findingId ? (
                <button type="button" className="link" aria-label={fill(words.show, { about: item.about })} onClick={() => go(item)}>
                  {item.about}
                </button>
              ) : (
                <strong>{item.about}</strong>
              )}
              {item.confidence !== null && <span className="quiet-text"> {fill(texts.confidence, { value: item.confidence.toFixed(2) })}</span>}
              {item.detail && <p className="quiet-text">{item.detail}</p>}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
