import { useEffect, useState } from "react";
import { Library } from "./library";

/** One library for the life of the workstation; emptied when the study is left. */
export function useLibrary(): Library {
  const [library, setLibrary] = useState(() => new Library());
  useEffect(() => {
    // In development effects run twice: what was emptied is not used again.
    const own = library.ended ? new Library() : library;
    if (own !== library) setLibrary(own);
    return () => own.end();
  }, [library]);
  return library;
}
