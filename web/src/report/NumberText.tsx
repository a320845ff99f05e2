import { useDesk } from "../reading/desk";
import { fill } from "../texts";
import type { Report } from "./document";
import { piecesOf } from "./numbers";
import { texts } from "#texts/report";

/** A sentence whose measured numbers lead to the image. */
export function NumberText({ text, report }: { text: string; report: Report }) {
  const desk = useDesk();
  return (
    <>
      {piecesOf(text, report).map((piece, k) =>
        piece.maskId ? (
          <button
            key={k}
            type="button"
            className="link"
            aria-label={fill(texts.findings.jump, { text: piece.text, about: report.masks.find((mask) => mask.id === piece.maskId)?.target ?? "" })}
            onClick={() => desk.wish("showMask", piece.maskId)}
          >
            {piece.text}
          </button>
        ) : (
          <span key={k}>{piece.text}</span>
        ),
      )}
    </>
  );
}
