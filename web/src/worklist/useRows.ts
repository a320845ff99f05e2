/** The rows of the list, and which of them is chosen: it stays when the list changes under it. */

import { useInfiniteQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import { type Filter, kept, moved, type Row } from "./model";
import { rowsQuery } from "./queries";

export function useRows(filter: Filter) {
  const list = useInfiniteQuery(rowsQuery(filter));
  const rows = useMemo(() => {
    const seen = new Map<string, Row>(); // between two readings a row may pass from one page to the next
    for (const page of list.data?.pages ?? []) for (const row of page.rows) seen.set(row.study_uid, row);
    return [...seen.values()];
  }, [list.data]);
  const uids = useMemo(() => rows.map((row) => row.study_uid), [rows]);
  const [last, setLast] = useState({ uid: "", place: 0 });
  const uid = kept(uids, last.uid, last.place);
  const choose = useCallback((wanted: string) => setLast({ uid: wanted, place: uids.indexOf(wanted) }), [uids]);
  const step = (by: 1 | -1) => {
    const wanted = moved(uids, uid, by);
    choose(wanted);
    document.querySelector<HTMLElement>(`tr[data-study="${CSS.escape(wanted)}"]`)?.focus();
  };
  return {
    list,
    rows,
    chosen: rows.find((row) => row.study_uid === uid),
    choose,
    step,
    readAt: list.data?.pages[0]?.readAt ?? Date.now(),
  };
}
