"""How the worklist's rows follow studies, orders, jobs and analyses: by triggers, so that every writer keeps them.

Jobs are changed by workers on many machines and analyses by persons and runs; each of their transactions changes the
row of the study as well, or neither. The rules are the same text for both databases; what differs are a few words.

A migration that makes one of the watched tables anew (SQLite's way to change a table) drops its triggers: it calls
`create` again at its end, which puts all of them where they belong.
"""

# ruff: noqa: S608 -- every word of these statements stands in this module; no value is put into them

from __future__ import annotations

from sqlalchemy import Connection

_WORDS = {
    "sqlite": {
        "least": "min",
        "greatest": "max",
        "yes": "1",
        "no": "0",
        "next": "(SELECT COALESCE(MAX(changed), 0) + 1 FROM worklist)",
        "now": "(strftime('%Y-%m-%d %H:%M:%f', 'now') || '000')",
        "indication": "COALESCE(json_extract({row}.asked, '$.indication'), '')",
        "critical": "COALESCE(json_array_length({row}.document, '$.critical'), 0)",
        "doubtful": "COALESCE(json_extract({row}.document, '$.needs_review'), 0)",
        "series": "json_array_length({row}.series)",
        "images": "(SELECT COALESCE(SUM(json_extract(s.value, '$.slices')), 0) FROM json_each({row}.series) AS s)",
    },
    "postgresql": {
        "least": "least",
        "greatest": "greatest",
        "yes": "true",
        "no": "false",
        # A number that grows in the order in which transactions begin; readers look at those only that have ended.
        "next": "pg_current_xact_id()::text::bigint",
        "now": "now()",
        "indication": "COALESCE({row}.asked ->> 'indication', '')",
        "critical": "CASE WHEN json_typeof({row}.document -> 'critical') = 'array' "
        "THEN json_array_length({row}.document -> 'critical') ELSE 0 END",
        "doubtful": "COALESCE(({row}.document ->> 'needs_review')::boolean, false)",
        "series": "json_array_length({row}.series)",
        "images": "(SELECT COALESCE(SUM((s.value ->> 'slices')::integer), 0) "
        "FROM json_array_elements({row}.series) AS s)",
    },
}
_ACTIVE = "'queued', 'running', 'waiting'"
_UNSIGNED = "'draft', 'partial', 'in_review'"
_FACTS = "lower({row}.patient_id || ' ' || {row}.accession || ' ' || {row}.description || ' ' || {row}.modality)"


def _rank(row: str) -> str:
    return f"CASE {row}.priority WHEN 'STAT' THEN 0 WHEN 'URGENT' THEN 1 WHEN 'RESEARCH' THEN 3 ELSE 2 END"


def _told(text: str) -> str:
    """The newest indication; one that says nothing does not hide an older one."""
    return f"CASE WHEN {text} = '' THEN asked ELSE {text} END"


def _todo(state: str, job_at: str, status: str, analysis_at: str, ordered: str) -> str:
    """`ToDo` from what is, or will be, in the row."""
    failed = f"({state} = 'failed' AND ({analysis_at} IS NULL OR {analysis_at} < {job_at}))"
    return (
        f"CASE WHEN {state} IN ({_ACTIVE}) OR {status} IN ({_UNSIGNED}) OR {failed} OR {ordered} THEN 2 "
        f"WHEN {status} = '' AND {state} IN ('', 'cancelled') THEN 1 ELSE 0 END"
    )


def _rules(dialect: str) -> dict[str, tuple[str, str, str]]:
    """Name → (event, condition, statement) of each trigger."""
    w = _WORDS[dialect]
    no, yes, following = w["no"], w["yes"], w["next"]
    new = {name: w[name].format(row="NEW") for name in ("indication", "critical", "doubtful", "series", "images")}
    facts = _FACTS.format(row="NEW")
    newest = "SELECT {column} FROM orders AS o WHERE o.study_uid = NEW.study_uid ORDER BY o.received DESC LIMIT 1"
    urgency = f"(CASE WHEN todo = 2 THEN {w['least']}(rank, {{rank}}) ELSE {{rank}} END)"
    clock = f"(CASE WHEN todo = 2 THEN since ELSE {w['greatest']}(since, {{at}}) END)"
    return {
        "studies_insert": (
            "AFTER INSERT ON studies",
            "",
            "INSERT INTO worklist (study_uid, patient_key, modality, series_count, images, todo, rank, since, touched, "
            "changed, job, job_at, state, analysis_id, analysis_at, status, critical, needs_review, ordered, asked, "
            f"words, reader) SELECT NEW.study_uid, NEW.patient_key, NEW.modality, {new['series']}, {new['images']}, "
            f"CASE WHEN EXISTS ({newest.format(column='1')}) THEN 2 ELSE 1 END, "
            f"COALESCE(({newest.format(column=_rank('o'))}), 2), NEW.created, NEW.updated, {following}, 0, NULL, '', "
            f"'', NULL, '', 0, {no}, EXISTS ({newest.format(column='1')}), "
            f"COALESCE(({newest.format(column='o.indication')}), ''), {facts}, ''",
        ),
        "studies_update": (
            "AFTER UPDATE OF patient_key, patient_id, modality, description, accession, series, updated ON studies",
            "",
            f"UPDATE worklist SET patient_key = NEW.patient_key, modality = NEW.modality, words = {facts}, "
            f"series_count = {new['series']}, images = {new['images']}, touched = NEW.updated, changed = {following} "
            "WHERE study_uid = NEW.study_uid",
        ),
        "orders_insert": (
            "AFTER INSERT ON orders",
            "NEW.study_uid <> ''",
            f"UPDATE worklist SET ordered = {yes}, asked = {_told('NEW.indication')}, todo = 2, "
            f"rank = {urgency.format(rank=_rank('NEW'))}, since = {clock.format(at='NEW.received')}, "
            f"touched = NEW.received, changed = {following} WHERE study_uid = NEW.study_uid",
        ),
        "orders_known": (
            "AFTER UPDATE OF study_uid ON orders",
            "NEW.study_uid <> '' AND OLD.study_uid <> NEW.study_uid",
            f"UPDATE worklist SET ordered = {yes}, asked = {_told('NEW.indication')}, todo = 2, "
            f"rank = {urgency.format(rank=_rank('NEW'))}, since = {clock.format(at='NEW.received')}, "
            f"changed = {following} WHERE study_uid = NEW.study_uid",
        ),
        "orders_raised": (
            "AFTER UPDATE OF priority ON orders",
            "NEW.study_uid <> '' AND OLD.priority <> NEW.priority",
            f"UPDATE worklist SET rank = {w['least']}(rank, {_rank('NEW')}), changed = {following} "
            "WHERE study_uid = NEW.study_uid AND todo = 2",
        ),
        "jobs_insert": (
            "AFTER INSERT ON jobs",
            "",
            f"UPDATE worklist SET job = NEW.number, job_at = NEW.created, state = NEW.state, ordered = {no}, "
            f"asked = {_told(new['indication'])}, rank = {urgency.format(rank='NEW.rank')}, "
            f"since = {clock.format(at='NEW.created')}, touched = NEW.created, changed = {following}, "
            f"todo = {_todo('NEW.state', 'NEW.created', 'status', 'analysis_at', no)} "
            "WHERE study_uid = NEW.study_uid AND job < NEW.number",
        ),
        "jobs_update": (
            "AFTER UPDATE OF state, rank, progress, waiting_for, due, attempt, error ON jobs",
            "NEW.state <> OLD.state OR NEW.rank <> OLD.rank OR NEW.progress <> OLD.progress "
            "OR NEW.waiting_for <> OLD.waiting_for OR NEW.attempt <> OLD.attempt OR NEW.error <> OLD.error",
            f"UPDATE worklist SET state = NEW.state, rank = {w['least']}(rank, NEW.rank), "
            f"touched = {w['greatest']}(touched, COALESCE(NEW.finished, NEW.started, NEW.created)), "
            f"changed = {following}, todo = {_todo('NEW.state', 'job_at', 'status', 'analysis_at', 'ordered')} "
            "WHERE study_uid = NEW.study_uid AND job = NEW.number",
        ),
        "analyses_insert": (
            "AFTER INSERT ON analyses",
            "",
            f"UPDATE worklist SET analysis_id = NEW.id, analysis_at = NEW.created, status = NEW.status, "
            f"ordered = {no}, critical = {new['critical']}, needs_review = {new['doubtful']}, "
            f"asked = {_told('NEW.indication')}, "
            f"rank = {urgency.format(rank=_rank('NEW'))}, since = {clock.format(at='NEW.created')}, "
            f"touched = {w['greatest']}(touched, NEW.created), changed = {following}, "
            f"todo = {_todo('state', 'job_at', 'NEW.status', 'NEW.created', no)} "
            "WHERE study_uid = NEW.study_uid AND (analysis_at IS NULL OR analysis_at <= NEW.created)",
        ),
        "analyses_update": (
            "AFTER UPDATE OF status, document ON analyses",
            "",
            f"UPDATE worklist SET status = NEW.status, critical = {new['critical']}, needs_review = {new['doubtful']}, "
            f"touched = {w['greatest']}(touched, {w['now']}), changed = {following}, "
            f"todo = {_todo('state', 'job_at', 'NEW.status', 'analysis_at', 'ordered')} "
            "WHERE study_uid = NEW.study_uid AND analysis_id = NEW.id",
        ),
    }


def create(connection: Connection) -> None:
    """Put every trigger in its place, in the transaction under way."""
    dialect = connection.dialect.name
    for name, (event, condition, statement) in _rules(dialect).items():
        trigger, table = f"worklist_{name}", event.rpartition(" ")[2]
        if dialect == "sqlite":
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {trigger}")
            when = f"WHEN {condition}" if condition else ""
            connection.exec_driver_sql(f"CREATE TRIGGER {trigger} {event} FOR EACH ROW {when} BEGIN {statement}; END")
            continue
        body = f"BEGIN {statement}; RETURN NULL; END"
        # What follows is fixed text of this module: no per cent sign in it means a parameter.
        connection.exec_driver_sql(
            f"CREATE OR REPLACE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS $rule${body}$rule$"
        )
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {trigger} ON {table}")
        when = f"WHEN ({condition})" if condition else ""
        connection.exec_driver_sql(f"CREATE TRIGGER {trigger} {event} FOR EACH ROW {when} EXECUTE FUNCTION {trigger}()")


def names(dialect: str) -> frozenset[str]:
    """The triggers that must be there."""
    return frozenset(f"worklist_{name}" for name in _rules(dialect))


def fill(connection: Connection) -> None:
    """Rows for the studies that are on record already."""
    w = _WORDS[connection.dialect.name]
    series, images = (w[name].format(row="s") for name in ("series", "images"))
    newest = "SELECT {column} FROM analyses AS a WHERE a.study_uid = s.study_uid ORDER BY a.created DESC LIMIT 1"
    last = "SELECT {column} FROM jobs AS j WHERE j.study_uid = s.study_uid ORDER BY j.number DESC LIMIT 1"
    words = _FACTS.format(row="s")
    jobs = {name: f"({last.format(column=column)})" for name, column in _LAST.items()}
    found = {name: f"({newest.format(column=column)})" for name, column in _NEWEST.items()}
    critical, doubtful = (f"({newest.format(column=w[n].format(row='a'))})" for n in ("critical", "doubtful"))
    indication = f"({last.format(column=w['indication'].format(row='j'))})"
    connection.exec_driver_sql(
        "INSERT INTO worklist (study_uid, patient_key, modality, series_count, images, todo, rank, since, touched, "
        "changed, job, job_at, state, analysis_id, analysis_at, status, critical, needs_review, ordered, asked, "
        f"words, reader) SELECT s.study_uid, s.patient_key, s.modality, {series}, {images}, 0, "
        f"COALESCE({jobs['rank']}, (SELECT {_rank('a')} FROM analyses AS a WHERE a.study_uid = s.study_uid "
        f"ORDER BY a.created DESC LIMIT 1), 2), COALESCE({jobs['at']}, {found['at']}, s.created), s.updated, 0, "
        f"COALESCE({jobs['number']}, 0), {jobs['at']}, COALESCE({jobs['state']}, ''), COALESCE({found['id']}, ''), "
        f"{found['at']}, COALESCE({found['status']}, ''), COALESCE({critical}, 0), COALESCE({doubtful}, {w['no']}), "
        f"{w['no']}, COALESCE({indication}, {found['indication']}, ''), {words}, '' FROM studies AS s"
    )
    todo = _todo("state", "job_at", "status", "analysis_at", "ordered")
    connection.exec_driver_sql(f"UPDATE worklist SET todo = {todo}")


_LAST = {"rank": "j.rank", "at": "j.created", "number": "j.number", "state": "j.state"}
_NEWEST = {"at": "a.created", "id": "a.id", "status": "a.status", "indication": "a.indication"}
