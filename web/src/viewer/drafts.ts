/** Masks that the reader changed: kept by analysis while the page lives, so that leaving a study loses no stroke. */

import type { Editing } from "./engine/brush";

interface Draft {
  editing: Editing;
  /** The mask's version when it was last sent; 0: never. */
  sent: number;
}

export type Edits = ReadonlyMap<string, Editing>;

/** By `Structure.key`, which names the analysis: of two analyses each may have an "m1". */
export class Drafts {
  private readonly drafts = new Map<string, Draft>();
  private readonly watchers = new Set<() => void>();
  private snapshot: Edits = new Map();
  private asking = false;

  /** `page`: what asks before it is left while something is not sent. */
  constructor(private readonly page: EventTarget | null) {}

  readonly watch = (watcher: () => void) => {
    this.watchers.add(watcher);
    return () => void this.watchers.delete(watcher);
  };

  readonly now = () => this.snapshot;

  /** The draft of a structure, made if there is none. */
  begin(key: string, make: () => Editing): void {
    if (this.drafts.has(key)) return;
    this.drafts.set(key, { editing: make(), sent: 0 });
    this.changed();
  }

  drop(key: string): void {
    if (this.drafts.delete(key)) this.changed();
  }

  /** A mask as it is now is on the server. */
  markSent(key: string, version: number): void {
    const draft = this.drafts.get(key);
    if (!draft) return;
    draft.sent = version;
    this.changed();
  }

  /** Whether there are strokes that the server does not have. */
  unsent(key: string): boolean {
    const draft = this.drafts.get(key);
    return draft !== undefined && draft.editing.mask.version !== draft.sent && (draft.editing.canUndo || draft.sent > 0);
  }

  wasSent(key: string): boolean {
    return (this.drafts.get(key)?.sent ?? 0) > 0;
  }

  /** Forget what needs no keeping: the study is left. */
  tidy(): void {
    for (const key of [...this.drafts.keys()]) if (!this.unsent(key)) this.drafts.delete(key);
    this.changed();
  }

  /** A mask was changed: tell those who look. */
  changed(): void {
    this.snapshot = new Map([...this.drafts].map(([key, { editing }]) => [key, editing]));
    const some = [...this.drafts.keys()].some((key) => this.unsent(key));
    // Only while it is needed: a page that asks is not kept for the way back.
    if (some !== this.asking) this.page?.[some ? "addEventListener" : "removeEventListener"]("beforeunload", ask);
    this.asking = some;
    for (const watcher of this.watchers) watcher();
  }
}

const ask = (event: Event) => event.preventDefault();

export const drafts = new Drafts(typeof window === "undefined" ? null : window);
