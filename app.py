"""MedImage Orchestrator's command line and composition root: the only reader of settings."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.command_line import EXIT_DONE, EXIT_FAILED, EXIT_REVIEW, EXIT_SOME, EXIT_UNUSABLE, EXIT_USAGE, parser

if TYPE_CHECKING:
    import argparse

    from agents.chat_models import ChatConfiguration
    from api.services import Services
    from domain.ports import Clock, Compute, PromptAdvice
    from inference.azure.setting import EndpointSetting
    from inference.fleet import FleetSettings, ModelEndpoints
    from jobs.composition import Composition, Engine
    from jobs.scaling_instances import ScaledEndpoint
    from memory.learning import Learning
    from settings import EndpointSettings, ModelSettings, ModelsSettings, Settings

VERSION = "0.1.0"
SERVER_DRAIN_S = 5.0
"""How long a server that is stopped waits for jobs to end."""
SCALED_LOOK_UP_S = 300.0
"""Where instances may be changed, endpoints are looked up again so often: new ones shall be used soon."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status says how it ended."""
    options = parser(VERSION).parse_args(arguments)
    from domain.errors import MedImageError

    try:
        settings = read_settings()
        quiet_libraries()
        return run(options, settings)
    except MedImageError as error:
        print(f"app.py: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("app.py: stopped.", file=sys.stderr)
        # To stop a server is how one ends it; to stop anything else leaves it undone.
        return EXIT_DONE if options.command in (None, "serve", "models", "worker") else EXIT_FAILED
    except Exception as error:
        # A traceback may carry identity and helps no user; its kind and place help a developer.
        print(f"app.py: internal error: {type(error).__name__} {where(error)}. Please report it.", file=sys.stderr)
        return EXIT_FAILED


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Dispatch; each command imports only what it needs."""
    here = {"models": lambda: serve_models(options), "eval": lambda: evaluate(options, settings)}
    here |= {"db": lambda: tables(options, settings), "bench": lambda: measure(options)}
    here |= {"batch": lambda: run_many(options, settings)}
    if options.command in here:
        return here[options.command]()
    import asyncio

    looped = {"analyze": analyze, "worker": work_on, "scale": scale_endpoints}
    if options.command in looped:
        return asyncio.run(looped[options.command](options, settings))
    return asyncio.run(examine(settings) if options.command == "doctor" else serve_product(settings))


def measure(options: argparse.Namespace) -> int:
    """Run a benchmark with its own arguments."""
    from importlib import import_module

    package = options.bench in {"chaos", "hospital", "page", "throughput"}
    module = import_module(f"benchmarks.{options.bench}.__main__" if package else f"benchmarks.{options.bench}")
    return int(module.main(options.rest))


def read_settings() -> Settings:
    """The settings of this process.

    Raises:
        ConfigurationError: a value that cannot be; names the variable.
    """
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from domain.errors import ConfigurationError
    from settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        variable = "MEDIMAGE_" + "__".join(str(p).upper() for p in first["loc"])
        raise ConfigurationError(f"{first['msg']}.", where=variable) from None
    except SettingsError:
        variables = ", ".join(not_json()) or "MEDIMAGE_…"
        remedy = "Lists and objects are written as JSON, with double quotes."
        raise ConfigurationError("The value is not JSON.", where=variables, remedy=remedy) from None


def not_json() -> list[str]:
    """Variables that should hold JSON and do not."""
    import json
    import os

    wrong = []
    for name, value in os.environ.items():
        if name.upper().startswith("MEDIMAGE_") and name.upper().endswith(("__ENDPOINTS", "__IDENTIFIER_SYSTEMS")):
            try:
                json.loads(value)
            except ValueError:
                wrong.append(name)
    return wrong


def quiet_libraries() -> None:
    """Keep libraries' logs, which may quote data, off the terminal; ours say what matters."""
    import logging
    import warnings

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    for name in ("semantic_kernel", "pydicom", "highdicom", "openai", "httpx", "httpx2", "PIL", "fontTools"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")


def where(error: BaseException) -> str:
    """Module and line where an unforeseen error came from."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    return f"at {Path(last.filename).name}:{last.lineno}" if last else ""


def endpoint_setting(
    endpoint: EndpointSettings, name: str, model: str, deadline_s: float | None = None
) -> EndpointSetting:
    """An endpoint as the inference layer knows it."""
    from inference.azure.identity import Identity
    from inference.azure.setting import EndpointSetting
    from inference.transport.quota import DailyQuota

    return EndpointSetting(
        url=endpoint.url,
        key=endpoint.key.get_secret_value(),
        auth=endpoint.auth,
        deployment=endpoint.deployment,
        concurrency=endpoint.concurrency,
        name=endpoint.name or name,
        version=endpoint.version,
        model=model,
        identity=Identity(
            tenant_id=endpoint.tenant_id,
            client_id=endpoint.client_id,
            client_secret=endpoint.client_secret.get_secret_value(),
            managed=endpoint.managed_identity,
        ),
        cloud=endpoint.cloud,
        scope=endpoint.scope,
        requests_per_s=endpoint.requests_per_s,
        bytes_per_s=endpoint.bytes_per_s,
        daily=DailyQuota(
            endpoint.daily_requests,
            endpoint.daily_bytes,
            endpoint.daily_cost,
            hard=endpoint.quota_hard,
            zone=endpoint.quota_zone,
        ),
        deadline_s=endpoint.deadline_s or (None if endpoint.url.startswith("/") else deadline_s),
        price_per_request=endpoint.price_per_request,
        price_per_s=endpoint.price_per_s,
    )


def model_endpoints(configured: ModelSettings, model: str) -> ModelEndpoints:
    """The endpoints of one model."""
    from inference.fleet import ModelEndpoints

    rows = [
        endpoint_setting(endpoint, f"{model} endpoint {number}", model, configured.timeout_s)
        for number, endpoint in enumerate(configured.endpoints, start=1)
    ]
    return ModelEndpoints(tuple(rows), configured.timeout_s, configured.attempts)


def fleet_settings(settings: Settings) -> FleetSettings:
    """The models as the inference layer knows them."""
    from inference.azure.discovery import TTL_S
    from inference.fleet import MIB, FleetSettings

    models = settings.models
    scaled = any(endpoint.max_instances for endpoint in configured_endpoints(models))
    return FleetSettings(
        medimageparse=model_endpoints(models.medimageparse, "MedImageParse"),
        medimageparse3d=model_endpoints(models.medimageparse3d, "MedImageParse3D"),
        medimageinsight=model_endpoints(models.medimageinsight, "MedImageInsight"),
        cxrreportgen=model_endpoints(models.cxrreportgen, "CXRReportGen"),
        classifier_folder=models.classifiers.folder,
        classifiers={n: endpoint_setting(e, n, n) for n, e in models.classifiers.endpoints.items()},
        embedded=models.embedded,
        cache_bytes=models.cache_mb * MIB,
        look_up_s=SCALED_LOOK_UP_S if scaled else TTL_S,
    )


def configured_endpoints(models: ModelsSettings) -> tuple[EndpointSettings, ...]:
    """Every endpoint, in the order of `FleetSettings.endpoints`."""
    by_model = (models.medimageparse, models.medimageparse3d, models.medimageinsight, models.cxrreportgen)
    return (*(e for model in by_model for e in model.endpoints), *models.classifiers.endpoints.values())


def scaled_endpoints(settings: Settings) -> tuple[ScaledEndpoint, ...]:
    """The endpoints whose instances may be changed."""
    from jobs.scaling_instances import ScaledEndpoint

    pairs = zip(configured_endpoints(settings.models), fleet_settings(settings).endpoints, strict=True)
    return tuple(
        ScaledEndpoint(setting, endpoint.min_instances, endpoint.max_instances)
        for endpoint, setting in pairs
        if endpoint.max_instances
    )


def chat_configuration(settings: Settings) -> ChatConfiguration:
    """The chat model as the agents know it."""
    from agents.chat_models import ChatConfiguration
    from agents.usage import Price

    chat = settings.chat
    return ChatConfiguration(
        provider=chat.provider,
        base_url=chat.base_url,
        api_key=chat.api_key.get_secret_value(),
        model=chat.model,
        api_version=chat.api_version,
        timeout_s=chat.timeout_s,
        stream=chat.stream,
        temperature=chat.temperature,
        max_retries=chat.max_retries,
        context_tokens=chat.context_tokens,
        price=Price(chat.price_prompt_per_million, chat.price_completion_per_million),
    )


def composition(settings: Settings) -> Composition:
    """The installation as the layers below know it."""
    from agents.guardrails import Budget
    from jobs.composition import Composition
    from jobs.installation import HistorySource
    from jobs.service import Working
    from jobs.workers.loop import Slots
    from records.approvals import ApprovalRecords, ApprovalRequests

    allowed, history, jobs = settings.budget, settings.history, settings.jobs
    return Composition(
        version=VERSION,
        folder=settings.data_dir.resolve(),
        database=settings.database,
        fleet=fleet_settings(settings),
        chat=chat_configuration(settings),
        budget=Budget(allowed.tool_calls, allowed.rounds, allowed.seconds, allowed.tokens, allowed.money),
        working=Working(
            VERSION,
            Slots(jobs.slots, jobs.stat_slots),
            drain_s=min(jobs.drain_s, SERVER_DRAIN_S),
            waits=jobs.when_model_is_down == "wait",
            model="MedImageParse" if settings.models.medimageparse.endpoints else "embedded",
        ),
        history=HistorySource(
            history.fhir_url,
            history.token.get_secret_value(),
            history.identifier_systems,
            history.page_size,
            history.pages,
            history.seconds,
        ),
        requests=lambda audit, clock: ApprovalRequests(ApprovalRecords(audit, clock)),
        released=settings.privacy.release_burned_in,
        repeats=settings.models.repeats,
        tries=allowed.refinements,
        requested_tries=allowed.requested_refinements,
        scaled=scaled_endpoints(settings),
        zone=jobs.zone,
    )


async def analyze(options: argparse.Namespace, settings: Settings) -> int:
    """`app.py analyze`: files in, drafts out."""
    import tempfile
    import uuid

    from domain.study import Order, Priority
    from jobs.command import analyse_paths, writable
    from jobs.compute import PoolCompute, ThreadCompute
    from jobs.steps import SystemClock
    from jobs.terminal import show, tell_step

    compute, decoding, clock = (
        ThreadCompute(),
        PoolCompute(1, ["tools.ingest"], settings.server.work_deadline_s),
        SystemClock(),
    )
    indication = options.indication.encode("utf-8", "replace").decode("utf-8")
    order = Order(indication=indication, priority=Priority(options.priority), requested=clock.now())
    with tempfile.TemporaryDirectory() as scratch:
        out = writable(options.out or Path(scratch))
        try:
            async with composition(settings).engine(compute, clock) as parts:
                outcome = await analyse_paths(
                    parts.analyser,
                    options.paths,
                    order,
                    out,
                    user=local_user(),
                    compute=compute,
                    decoding=decoding,
                    clock=clock,
                    new_id=lambda: uuid.uuid4().hex,
                    listener=None if options.json else tell_step,
                )
        finally:
            decoding.close()
        show(outcome, as_json=options.json, written=options.out is not None)
    if not outcome.analyses:
        return EXIT_FAILED if outcome.failed else EXIT_UNUSABLE
    return EXIT_REVIEW if outcome.needs_review else EXIT_DONE


def local_user() -> str:
    """Who the audit names on the command line."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "local"


def serve_models(options: argparse.Namespace) -> int:
    """`app.py models serve`: the embedded models behind Azure's scoring contract."""
    import uvicorn

    from inference.local.registry import card, offered
    from inference.local.server import create_app

    print(f"Embedded models on http://{options.host}:{options.port}/score (stop with Ctrl+C)", file=sys.stderr)
    uvicorn.run(
        create_app([card(name) for name in offered()]), host=options.host, port=options.port, log_level="warning"
    )
    return EXIT_DONE


async def examine(settings: Settings) -> int:
    """`app.py doctor`: what works, what does not, what to do."""
    from inference.local.registry import offered
    from jobs import doctor

    fleet = fleet_settings(settings)
    configured = {
        "MEDIMAGEPARSE": fleet.medimageparse,
        "MEDIMAGEPARSE3D": fleet.medimageparse3d,
        "MEDIMAGEINSIGHT": fleet.medimageinsight,
        "CXRREPORTGEN": fleet.cxrreportgen,
    }
    endpoints = [
        doctor.EndpointToCheck(endpoint, f"MEDIMAGE_MODELS__{name}__ENDPOINTS")
        for name, model in configured.items()
        for endpoint in model.endpoints
    ]
    names = [*(e.setting.model for e in endpoints), *(offered() if fleet.embedded else ())]
    report = doctor.Doctor(lambda check: print(check.line()))
    good = await report.examine(settings.data_dir, settings.database, endpoints, chat_configuration(settings), names)
    return EXIT_DONE if good else EXIT_FAILED


def evaluate(options: argparse.Namespace, settings: Settings) -> int:
    """`app.py eval …`: measured quality of planner and embedded models, evidence for the feedback memory."""
    if options.eval_command == "agents":
        from evals.agents.main import run as measure_agents

        return measure_agents(
            chat_configuration(settings),
            split=options.split,
            ablate=options.ablate,
            failures=options.failures,
            only=options.category,
        )
    if options.eval_command == "memory":
        from evals.memory import main as prove

        given = {name: getattr(options, name) for name in ("studies", "seeds", "chance_seeds", "seed")}
        numbers = [f"--{name.replace('_', '-')}={value}" for name, value in given.items() if value is not None]
        return prove([*numbers, *(["--ngrams"] if options.ngrams else [])])
    from evals.models import main as measure

    return measure([str(options.folder)])


def learning(settings: Settings) -> Learning | None:
    """What reviewers taught, for the one process that serves the data folder; None where it is switched off."""
    if not settings.memory.enabled:
        return None
    from memory.learning import open_learning
    from records.audit import pseudonym_key

    folder, memory = settings.data_dir.resolve(), settings.memory
    key = pseudonym_key(folder / "audit.key")
    return open_learning(folder, key, url=memory.url, token=memory.token.get_secret_value(), mode=memory.experiment)


async def serve_product(settings: Settings) -> int:
    """`app.py serve`: the page, the API, and a worker for their jobs."""
    import asyncio

    from api.serving import Serving, serve

    server = settings.server
    how = Serving(
        server.host, server.port, server.workers, settings.jobs.slots, server.work_deadline_s, demo=settings.demo
    )
    learned: Learning | None = None

    async def advice() -> PromptAdvice | None:
        nonlocal learned
        learned = learning(settings)
        if learned is None:
            return None
        await asyncio.to_thread(learned.begin)
        return learned.advice

    await serve(
        how,
        composition(settings),
        lambda parts, compute, clock, decoding: assemble(settings, parts, compute, clock, decoding, learned),
        advice=advice,
        ready=lambda address: print(
            f"MedImage Orchestrator on {address} — research use, draft until signed.", file=sys.stderr, flush=True
        ),
    )
    return EXIT_DONE


async def work_on(options: argparse.Namespace, settings: Settings) -> int:
    """`app.py worker`: jobs of a data folder, without HTTP."""
    from jobs.working import work

    learned = learning(settings) if settings.memory.url else None
    if learned is None and settings.memory.enabled:
        print("app.py worker: what reviewers taught is used with MEDIMAGE_MEMORY__URL only.", file=sys.stderr)
    try:
        handed_back = await work(
            composition(settings),
            slots=options.slots or settings.jobs.slots,
            processes=settings.server.workers,
            deadline_s=settings.server.work_deadline_s,
            drain_s=settings.jobs.drain_s,
            advice=learned.advice if learned else None,
            ready=lambda: print("Working on jobs (stop with Ctrl+C).", file=sys.stderr, flush=True),
        )
    finally:
        if learned is not None:
            learned.close()
    print(f"Stopped; {handed_back} jobs handed back.", file=sys.stderr)
    return EXIT_DONE


def run_many(options: argparse.Namespace, settings: Settings) -> int:
    """`app.py batch`: one question about many studies."""
    import asyncio

    from domain.study import Priority
    from jobs.batch.command import request_of
    from jobs.batch.request import BatchUsage
    from jobs.terminal import show_batch
    from jobs.working import batch

    try:
        request = request_of(
            options.source,
            settings.data_dir.resolve(),
            indication=options.indication.encode("utf-8", "replace").decode("utf-8"),
            priority=Priority(options.priority),
            name=options.batch,
            limit=options.limit,
            resume=options.resume,
            retry=options.retry_failed,
            out=options.out,
            deidentify=options.deidentify,
        )
        running = batch(
            composition(settings),
            request,
            user=local_user(),
            slots=options.workers,
            deadline_s=settings.server.work_deadline_s,
            quiet=options.json,
        )
        ended = asyncio.run(running)
    except BatchUsage as error:
        print(f"app.py batch: {error}", file=sys.stderr)
        return EXIT_USAGE
    show_batch(ended, as_json=options.json)
    if ended.end.signal:
        return 128 + ended.end.signal
    written = ended.written
    if written is None or written.failed:
        return EXIT_SOME
    if not written.done:
        return EXIT_UNUSABLE
    return EXIT_REVIEW if written.needs_review else EXIT_DONE


async def scale_endpoints(options: argparse.Namespace, settings: Settings) -> int:
    """`app.py scale`: instances of endpoints to what the queue and the next hour need."""
    from jobs.scaling_command import scale
    from jobs.steps import SystemClock

    decisions = await scale(
        settings.database,
        settings.data_dir.resolve(),
        scaled_endpoints(settings),
        user=local_user(),
        clock=SystemClock(),
        apply=options.apply,
        target_s=options.target_min * 60.0,
        zone=settings.jobs.zone,
    )
    for decision in decisions:
        print(decision)
    return EXIT_FAILED if any(decision.error for decision in decisions) else EXIT_DONE


def tables(options: argparse.Namespace, settings: Settings) -> int:
    """`app.py db`: bring the database's tables to this version, or say where they are."""
    from records.migrations.command import db

    said, done = db(options.db_command, settings.database)
    print(said)
    return EXIT_DONE if done else EXIT_FAILED


def assemble(
    settings: Settings,
    parts: Engine,
    compute: Compute,
    clock: Clock,
    decoding: Compute,
    learned: Learning | None = None,
) -> Services:
    """The services of the HTTP layer over the data folder."""
    from dataclasses import replace

    from api.assembly import Front, services
    from api.services import LOOPBACK, MIB, Limits
    from domain.study import Priority
    from domain.turnaround import Turnaround

    composed = composition(settings)
    installation, jobs = composed.job_service(parts, clock, decoding, settings.jobs.slots)
    front = Front(
        page=Path(__file__).parent / "web" / "dist",
        user=local_user(),
        software_version=VERSION,
        allowed_hosts=tuple(dict.fromkeys((*LOOPBACK, settings.server.host))),
        limits=Limits(upload_bytes=settings.server.max_upload_mb * MIB),
    )
    found = services(
        front,
        installation,
        jobs,
        fleet=parts.fleet,
        chat=chat_configuration(settings),
        compute=compute,
        learned=learned,
        scaling=composed.scaling(installation, jobs),
        instances=composed.instances(parts),
    )
    clocks = {priority: getattr(settings.worklist, f"{priority.value.lower()}_min") for priority in Priority}
    return replace(found, turnaround=Turnaround({p: minutes for p, minutes in clocks.items() if minutes}))


if __name__ == "__main__":
    sys.exit(main())
