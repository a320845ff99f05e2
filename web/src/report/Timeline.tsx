import { fill } from "../texts";
import type { History } from "./queries";
import { texts } from "#texts/report";
import { when } from "./when";

const LIFE = ["draft", "in_review", "signed", "delivered"];
const ENDED = ["draft", "in_review", "rejected"];

/** Draft → In review → Signed → Delivered, with who brought it there and when. */
export function Timeline({ status, history }: { status: string; history: History | undefined }) {
  const words = texts.life;
  const steps = status === "rejected" ? ENDED : LIFE;
  const present = status === "partial" ? "draft" : status;
  const at = steps.indexOf(present);
  return (
    <ol className="life" aria-label={words.label}>
      {steps.map((step, k) => {
        const names = step === "draft" ? ["draft", "partial"] : [step];
        // Of a report that was given back, only what still holds.
        const reached = k <= at ? history?.transitions.filter((one) => names.includes(one.status)).at(-1) : undefined;
        const name = step === "draft" && status === "partial" ? "partial" : (step as keyof typeof words.steps);
        return (
          <li key={step} className={k < at ? "past" : k === at ? "present" : "ahead"} aria-current={k === at ? "step" : undefined}>
            <strong>{words.steps[name]}</strong>
            {reached && <span>{reached.by ? fill(words.by, { by: reached.by, at: when(reached.at) }) : when(reached.at)}</span>}
          </li>
        );
      })}
    </ol>
  );
}
