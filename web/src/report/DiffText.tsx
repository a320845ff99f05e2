import { wordDiff } from "./worddiff";

/** Two texts as one, with what went and what came. */
export function DiffText({ before, after }: { before: string; after: string }) {
  return (
    <p className="diff">
      {wordDiff(before, after).map((part, k) =>
        part.change === "same" ? <span key={k}>{part.text}</span> : part.change === "gone" ? <del key={k}>{part.text}</del> : <ins key={k}>{part.text}</ins>,
      )}
    </p>
  );
}
