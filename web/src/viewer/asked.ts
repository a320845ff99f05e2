/** What other rooms asked the images to show, kept until it can be shown: the newest counts. */

import type { Desk, Place } from "../reading/desk";
import type { Structure } from "./marks";

export type Asked =
  | { kind: "slice"; place: Place }
  /** `analysisId`: "" where none was open yet: the first that is. */
  | { kind: "mask"; analysisId: string; id: string };

export class Asking {
  private latest: Asked | null = null;
  private readonly watchers = new Set<() => void>();

  constructor(private readonly desk: Pick<Desk, "on" | "now">) {}

  /** Hear the wishes of the desk from now on, also before the engine is here. The answer ends it. */
  listen(): () => void {
    const ends = [
      this.desk.on("goTo", (place) => this.put({ kind: "slice", place })),
      this.desk.on("showMask", (id) => this.put({ kind: "mask", analysisId: this.desk.now().analysisId, id })),
    ];
    return () => {
      for (const end of ends) end();
    };
  }

  readonly watch = (watcher: () => void) => {
    this.watchers.add(watcher);
    return () => void this.watchers.delete(watcher);
  };

  readonly now = () => this.latest;

  /** It is done, or the reader went elsewhere. */
  settle(): void {
    if (this.latest) this.put(null);
  }

  private put(asked: Asked | null): void {
    this.latest = asked;
    for (const watcher of this.watchers) watcher();
  }
}

/** What is known of the marks of the open analysis. */
export interface Marks {
  analysisId: string;
  structures: readonly Structure[];
  /** Whether the analysis is read, and not being read again. */
  settled: boolean;
}

/** The structure that a wish means, once it can be shown; "wait" while it comes, "drop" where it cannot. */
export function answered(asked: Extract<Asked, { kind: "mask" }>, { analysisId, structures, settled }: Marks): Structure | "wait" | "drop" {
  if (asked.analysisId !== "" && asked.analysisId !== analysisId) return "drop";
  const structure = structures.find(({ id }) => id === asked.id);
  if (!structure) return settled ? "drop" : "wait";
  return structure.coming ? "wait" : structure;
}
