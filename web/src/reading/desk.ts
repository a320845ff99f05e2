/** What the rooms of the reading page share: which study and analysis are open, where the viewer is, where it is sent. */

import { createContext, useContext, useSyncExternalStore } from "react";

/** A slice of a series, from 0 in slice order. */
export interface Place {
  seriesUid: string;
  slice: number;
}

export interface DeskState {
  studyUid: string;
  /** The analysis that masks, report and numbers belong to; "" while there is none. */
  analysisId: string;
  /** Where the viewer is. */
  place: Place | null;
  /** The mask that the reader works on or points at; "" for none. */
  maskId: string;
  /** Whether what models drew is shown: AI on and off. */
  marksShown: boolean;
}

/** A wish of one room to another; each is told once, to those who listen at that moment. */
export interface Wishes {
  /** Show this slice. */
  goTo: Place;
  /** Show a mask, at the slice where it is largest. */
  showMask: string;
  /** Put this text into the free text of the report. */
  copyToReport: string;
  /** Put this question into the chat's line. */
  ask: string;
  /** The analysis was changed on the server: read it again. */
  changed: string;
}

type Listener<K extends keyof Wishes> = (wish: Wishes[K]) => void;

export class Desk {
  /** Text that found no report to go to; the next report that opens takes it. */
  held = "";
  private state: DeskState;
  private readonly watchers = new Set<() => void>();
  private readonly listeners: { [K in keyof Wishes]?: Set<Listener<K>> } = {};

  constructor(studyUid: string) {
    this.state = { studyUid, analysisId: "", place: null, maskId: "", marksShown: true };
  }

  readonly watch = (watcher: () => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  readonly now = () => this.state;

  set(change: Partial<Omit<DeskState, "studyUid">>): void {
    const next = { ...this.state, ...change };
    if ((Object.keys(change) as (keyof DeskState)[]).every((name) => next[name] === this.state[name])) return;
    this.state = next;
    for (const watcher of this.watchers) watcher();
  }

  wish<K extends keyof Wishes>(kind: K, wish: Wishes[K]): void {
    for (const listener of this.listeners[kind] ?? []) (listener as Listener<K>)(wish);
  }

  /** Listen to wishes of a kind; the answer ends it. */
  on<K extends keyof Wishes>(kind: K, listener: Listener<K>): () => void {
    const all = ((this.listeners[kind] as Set<Listener<K>> | undefined) ??= new Set<Listener<K>>() as never) as Set<Listener<K>>;
    all.add(listener);
    return () => void all.delete(listener);
  }
}

export const DeskContext = createContext<Desk | null>(null);

/** The desk of the page, to wish and to change. */
export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (!desk) throw new Error("Only inside the reading page.");
  return desk;
}

/** One value of the desk; renders again when it changes. */
export function useDeskValue<K extends keyof DeskState>(name: K): DeskState[K] {
  const desk = useDesk();
  return useSyncExternalStore(desk.watch, () => desk.now()[name]);
}
