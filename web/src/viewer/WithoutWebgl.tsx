import { useState } from "react";
import { texts } from "#texts/viewer";

/** A notice with its remedy; pictures are drawn by the processor then. */
export function WithoutWebgl() {
  const [read, setRead] = useState(false);
  if (read) return null;
  return (
    <div className="no-webgl" role="status">
      <p>
        {texts.noWebgl} {texts.noWebglRemedy}
      </p>
      <button type="button" onClick={() => setRead(true)}>
        {texts.understood}
      </button>
    </div>
  );
}
