import { useQuery } from "@tanstack/react-query";
import { type DragEvent, useEffect, useMemo, useRef, useState } from "react";
import { useLocation } from "wouter";
import { Problem } from "../parts/Problem";
import { Waiting } from "../parts/Waiting";
import { fill } from "../texts";
import { Chips } from "./Chips";
import { useKeys } from "./keys";
import { KeysDialog } from "./KeysDialog";
import { useLiveWorklist } from "./live";
import { EVERYTHING, type Filter, isFiltered, remember, remembered, type Row, type Sort } from "./model";
import { OrderDialog, type Orderable } from "./OrderDialog";
import { countsQuery, hurryJob, markStudy, type Marks, stopJob, useWorklistAct } from "./queries";
import { dropped } from "./sending";
import { StudyTable } from "./StudyTable";
import type { Acts } from "./StudyRow";
import { texts } from "#texts/worklist";
import { UploadDialog } from "./UploadDialog";
import { useRows } from "./useRows";
import "./worklist.css";

type Window = { name: "keys" } | { name: "upload"; files: readonly File[] } | { name: "order"; study: Orderable } | null;

/** What is to be read, most urgent first, as it changes. */
export function WorklistPage() {
  const [filter, setFilter] = useState<Filter>(() => remembered(localStorage));
  const [search, setSearch] = useState("");
  const [open, setOpen] = useState<Window>(null);
  const [over, setOver] = useState(false);
  const [said, setSaid] = useState("");
  const [, go] = useLocation();
  const line = useRef<HTMLInputElement>(null);
  const connection = useLiveWorklist();
  const counts = useQuery(countsQuery);
  const { list, rows, chosen, choose, step, readAt } = useRows(filter);
  const marking = useWorklistAct(({ row, marks }: { row: Row; marks: Marks }) => markStudy(row.study_uid, marks));
  const hurrying = useWorklistAct(hurryJob);
  const stopping = useWorklistAct(stopJob);

  useEffect(() => remember(localStorage, filter), [filter]);
  useEffect(() => {
    const timer = window.setTimeout(() => setFilter((now) => (now.search === search ? now : { ...now, search })), 250);
    return () => window.clearTimeout(timer);
  }, [search]);

  const change = (next: Filter) => {
    setFilter(next);
    setSearch(next.search);
  };
  const mark = (row: Row | undefined, marks: Marks, words: string) => {
    if (row) marking.mutate({ row, marks }, { onSuccess: () => setSaid(words) });
  };
  const acts: Acts = useMemo(
    () => ({
      open: (row) => go(`/studies/${row.study_uid}`),
      choose: (row) => choose(row.study_uid),
      flag: (row) => mark(row, { flagged: !row.flagged }, row.flagged ? texts.announced.unflagged : texts.announced.flagged),
      order: (row) => setOpen({ name: "order", study: row }),
      hurry: (row, priority) =>
        row.job &&
        hurrying.mutate(
          { jobId: row.job.job_id, priority },
          { onSuccess: () => setSaid(fill(texts.announced.hurried, { priority: texts.priority[priority] })) },
        ),
      stop: (row) => row.job && stopping.mutate(row.job.job_id, { onSuccess: () => setSaid(texts.announced.stopped) }),
    }),
    // The mutations keep their functions over renders.
    [go, choose, marking.mutate, hurrying.mutate, stopping.mutate],
  );
  useKeys({
    j: () => step(1),
    ArrowDown: () => step(1),
    k: () => step(-1),
    ArrowUp: () => step(-1),
    Enter: () => chosen && acts.open(chosen),
    f: () => chosen && acts.flag(chosen),
    m: () => mark(chosen, { mine: !chosen?.mine }, chosen?.mine ? texts.announced.given : texts.announced.taken),
    u: () => mark(chosen, { read: chosen?.unread }, chosen?.unread ? texts.announced.read : texts.announced.unread),
    o: () => chosen && acts.order(chosen),
    a: () => setOpen({ name: "upload", files: [] }),
    "/": () => line.current?.focus(),
    "?": () => setOpen({ name: "keys" }),
  });

  async function drop(event: DragEvent) {
    event.preventDefault();
    setOver(false);
    const files = await dropped(event.dataTransfer);
    if (files.length > 0) setOpen({ name: "upload", files });
  }

  const failed = marking.error ?? hurrying.error ?? stopping.error;
  const total = counts.data?.total ?? 0;
  return (
    <div
      className="worklist"
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
      }}
      onDrop={(event) => void drop(event)}
    >
      <div className="worklist-head">
        <h1>{texts.title}</h1>
        <label className="search">
          <span className="unseen">{texts.search.label}</span>
          <input
            ref={line}
            type="search"
            value={search}
            maxLength={200}
            placeholder={texts.search.hint}
            title={texts.search.key}
            onChange={(event) => setSearch(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === "Escape") {
                setSearch("");
                line.current?.blur();
              } else if (event.key === "ArrowDown" || event.key === "Enter") {
                event.preventDefault();
                document.querySelector<HTMLElement>(".studies tr[aria-selected=true]")?.focus();
              }
            }}
          />
        </label>
        <label>
          <span className="unseen">{texts.sort.label}</span>
          <select value={filter.sort} onChange={(event) => change({ ...filter, sort: event.target.value as Sort })}>
            {(["urgent", "due", "newest"] as const).map((sort) => (
              <option key={sort} value={sort}>
                {texts.sort[sort]}
              </option>
            ))}
          </select>
        </label>
        <button type="button" className="quiet" onClick={() => setOpen({ name: "keys" })}>
          {texts.keys.button} <kbd aria-hidden="true">?</kbd>
        </button>
        <button type="button" className="primary" data-tour="upload" onClick={() => setOpen({ name: "upload", files: [] })}>
          {texts.upload.button}
        </button>
      </div>
      <Chips filter={filter} counts={counts.data} onFilter={change} />
      {connection === "lost" && (
        <p className="banner" role="alert">
          {texts.offline}
        </p>
      )}
      <p className="unseen" role="status">
        {said}
      </p>
      {failed && <Problem error={failed} />}
      {list.error && rows.length === 0 ? (
        <Problem error={list.error} onRetry={() => void list.refetch()} />
      ) : list.isPending ? (
        <Waiting />
      ) : rows.length === 0 ? (
        <Nothing
          filtered={isFiltered(filter)}
          onClear={() => change({ ...EVERYTHING, sort: filter.sort })}
          onUpload={() => setOpen({ name: "upload", files: [] })}
        />
      ) : (
        <div className="rows panel" data-tour="worklist">
          <StudyTable rows={rows} chosen={chosen?.study_uid ?? ""} readAt={readAt} acts={acts} />
          <p className="foot quiet-text">
            {isFiltered(filter) || total < rows.length ? fill(texts.count, { n: rows.length }) : fill(texts.countOf, { n: rows.length, all: total })}
            {list.hasNextPage && (
              <button type="button" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
                {texts.more}
              </button>
            )}
          </p>
        </div>
      )}
      {over && (
        <div className="drop-page" aria-hidden="true">
          {texts.upload.dropPage}
        </div>
      )}
      {open?.name === "keys" && <KeysDialog onClose={() => setOpen(null)} />}
      {open?.name === "upload" && (
        <UploadDialog given={open.files} onClose={() => setOpen(null)} onOrder={(study) => setOpen({ name: "order", study })} />
      )}
      {open?.name === "order" && (
        <OrderDialog
          key={open.study.study_uid}
          study={open.study}
          onClose={() => setOpen(null)}
          onOrdered={() => {
            setOpen(null);
            setSaid(texts.ordering.sent);
          }}
        />
      )}
    </div>
  );
}

function Nothing({ filtered, onClear, onUpload }: { filtered: boolean; onClear: () => void; onUpload: () => void }) {
  return filtered ? (
    <section className="empty-state">
      <h2>{texts.nothingFound.title}</h2>
      <p>{texts.nothingFound.body}</p>
      <button type="button" onClick={onClear}>
        {texts.clear}
      </button>
    </section>
  ) : (
    <section className="empty-state">
      <h2>{texts.empty.title}</h2>
      <p>{texts.empty.body}</p>
      <button type="button" className="primary" onClick={onUpload}>
        {texts.empty.action}
      </button>
    </section>
  );
}
