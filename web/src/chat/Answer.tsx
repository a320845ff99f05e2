import { useQuery } from "@tanstack/react-query";
import Markdown from "react-markdown";
import { useDesk } from "../reading/desk";
import { analysisQuery } from "../reading/queries";
import { linked } from "./sources";

const SOURCE = "#source:";

/** An answer: Markdown without HTML, in which mask and step ids lead to what they name. */
export default function Answer({ text, analysisId }: { text: string; analysisId: string }) {
  const desk = useDesk();
  const analysis = useQuery(analysisQuery(analysisId));
  const targets = (analysis.data?.document.masks ?? []).map((mask) => ({ id: String(mask.id), target: String(mask.target) }));
  return (
    <Markdown
      components={{
        a: ({ href, children }) =>
          href?.startsWith(SOURCE) ? (
            <button
              type="button"
              className="link"
              onClick={() => {
                desk.set({ analysisId });
                desk.wish("showMask", href.slice(SOURCE.length));
              }}
            >
              {children}
            </button>
          ) : (
            <span>{children}</span>
          ),
        img: () => null, // an answer draws nothing in from elsewhere
      }}
    >
      {linked(text, targets, SOURCE)}
    </Markdown>
  );
}
