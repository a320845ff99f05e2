"""MedImage Orchestrator's command line and composition root: the only reader of settings."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.command_line import EXIT_DONE, EXIT_FAILED, EXIT_REVIEW, EXIT_SOME, EXIT_UNUSABLE, EXIT_USAGE, parser

if TYPE_CHECKING:
    import argparse

    from openai import AsyncOpenAI

    from agents.chat_models import ChatConfiguration
    from api.services import Services
    from domain.ports import Clock, Compute, PromptAdvice
    from domain.study import Priority
    from inference.azure.setting import EndpointSetting
    from inference.fleet import Fleet, FleetSettings, ModelEndpoints
    from inference.transport.quota import QuotaAlert
    from jobs.analyse import Analyser
    from jobs.batch.command import BatchEnd
    from jobs.batch.request import BatchRequest
    from jobs.installation import Installation
    from jobs.service import JobService
    from memory.learning import Learning
    from settings import EndpointSettings, ModelSettings, Settings

VERSION = "0.1.0"
DECODING = 2
"""Processes that read studies: one more than jobs by default, so that STAT need not wait for another's."""
SERVER_DRAIN_S = 5.0
"""How long a server that is stopped waits for jobs to end."""


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
    here["db"] = lambda: tables(options, settings)
    if options.command in here:
        return here[options.command]()
    import asyncio

    if options.command == "analyze":
        return asyncio.run(analyze(options, settings))
    if options.command == "doctor":
        return asyncio.run(examine(settings))
    if options.command == "worker":
        return asyncio.run(work(options, settings))
    if options.command == "batch":
        return run_many(options, settings)
    return asyncio.run(serve_product(settings))


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


@dataclass(frozen=True)
class Engine:
    """The analyser and the models that it may ask."""

    analyser: Analyser
    fleet: Fleet


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
        daily=DailyQuota(endpoint.daily_requests, endpoint.daily_bytes),
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
    from inference.fleet import MIB, FleetSettings

    models = settings.models
    return FleetSettings(
        medimageparse=model_endpoints(models.medimageparse, "MedImageParse"),
        medimageparse3d=model_endpoints(models.medimageparse3d, "MedImageParse3D"),
        medimageinsight=model_endpoints(models.medimageinsight, "MedImageInsight"),
        cxrreportgen=model_endpoints(models.cxrreportgen, "CXRReportGen"),
        classifier_folder=models.classifiers.folder,
        classifiers={n: endpoint_setting(e, n, n) for n, e in models.classifiers.endpoints.items()},
        embedded=models.embedded,
        cache_bytes=models.cache_mb * MIB,
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


@asynccontextmanager
async def engine(
    settings: Settings, compute: Compute, clock: Clock, advice: PromptAdvice | None = None, *, durable: bool = False
) -> AsyncIterator[Engine]:
    """Put models, planner and analyser together; close their connections at the end.

    Args:
        durable: runs may be attempts of durable jobs, whose exchanges with the chat model are recorded.
    """
    from agents.guardrails import Budget
    from agents.planner import Planner
    from inference.fleet import open_fleet
    from jobs.analyse import Analyser
    from plugins.workspace import Surroundings
    from prompts.guidance import BuiltinGuidance

    configuration = chat_configuration(settings)
    configuration.check()
    allowed = settings.budget
    budget = Budget(allowed.tool_calls, allowed.rounds, allowed.seconds, allowed.tokens, allowed.money)
    async with open_fleet(fleet_settings(settings), compute=compute, on_alert=tell_quota) as fleet:
        client = recorded(configuration) if durable and configuration.remote else None
        planner = Planner(configuration, budget, client)
        try:
            yield Engine(
                Analyser(
                    planner,
                    fleet.catalogue,
                    compute=compute,
                    clock=clock,
                    software_version=VERSION,
                    around=Surroundings(
                        chest_report=fleet.chest_report,
                        insight=fleet.insight,
                        evidence=BuiltinGuidance(),
                        advice=advice,
                    ),
                    released=settings.privacy.release_burned_in,
                    repeats=settings.models.repeats,
                    tries=allowed.refinements,
                    requested_tries=allowed.requested_refinements,
                ),
                fleet,
            )
        finally:
            await planner.close()
            if client is not None:
                await client.close()


def recorded(configuration: ChatConfiguration) -> AsyncOpenAI:
    """A client of the chat model whose answers in a durable job are asked for once."""
    from jobs.durable.chat import durable_chat_client

    return durable_chat_client(configuration)


def tell_quota(alert: QuotaAlert) -> None:
    """A line in the log when a day's quota of an endpoint is nearly used up."""
    import logging

    logging.getLogger("medimage.quota").warning("%s", alert)


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
            async with engine(settings, compute, clock) as parts:
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
    import signal

    import uvicorn

    from api.application import create_app
    from api.demo import load_demo
    from api.listening import listen
    from jobs.compute import PoolCompute
    from jobs.steps import SystemClock

    host, port = settings.server.host, settings.server.port
    # The server hands a SIGTERM on when it has stopped: then the workers must still be ended below.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    listening = listen(host, port)
    compute = PoolCompute(settings.server.workers, ["tools.ingest", "tools.artifacts"], settings.server.work_deadline_s)
    decoding, clock = PoolCompute(DECODING, ["tools.ingest"], settings.server.work_deadline_s), SystemClock()
    try:
        learned = learning(settings)
        if learned is not None:
            await asyncio.to_thread(learned.begin)
        async with engine(settings, compute, clock, learned.advice if learned else None, durable=True) as parts:
            services = assemble(settings, parts, compute, clock, decoding, learned)
            try:
                await services.start()
                if settings.demo:
                    await load_demo(services)
                server = uvicorn.Server(uvicorn.Config(create_app(services), log_level="warning", server_header=False))
                address = f"http://{host}:{listening.getsockname()[1]}"
                print(
                    f"MedImage Orchestrator on {address} — research use, draft until signed.",
                    file=sys.stderr,
                    flush=True,
                )
                await server.serve(sockets=[listening])
            finally:
                await services.close()
    finally:
        compute.close()
        decoding.close()
        listening.close()
    return EXIT_DONE


async def work(options: argparse.Namespace, settings: Settings) -> int:
    """`app.py worker`: jobs of a data folder, without HTTP."""
    from jobs.compute import PoolCompute
    from jobs.steps import SystemClock
    from jobs.workers.drain import serve

    slots, deadline_s = options.slots or settings.jobs.slots, settings.server.work_deadline_s
    compute = PoolCompute(settings.server.workers, ["tools.ingest", "tools.artifacts"], deadline_s)
    decoding, clock = PoolCompute(max(DECODING, slots), ["tools.ingest"], deadline_s), SystemClock()
    learned = learning(settings) if settings.memory.url else None
    if learned is None and settings.memory.enabled:
        print("app.py worker: what reviewers taught is used with MEDIMAGE_MEMORY__URL only.", file=sys.stderr)
    try:
        async with engine(settings, compute, clock, learned.advice if learned else None, durable=True) as parts:
            installation, jobs = job_service(settings, parts, clock, decoding, slots)
            try:
                await jobs.open()
                print(f"Working on jobs, {slots} at once (stop with Ctrl+C).", file=sys.stderr, flush=True)
                handed_back = await serve(jobs.worker, settings.jobs.drain_s)
            finally:
                await jobs.close()
                await installation.close()
    finally:
        if learned is not None:
            learned.close()
        compute.close()
        decoding.close()
    print(f"Stopped; {handed_back} jobs handed back.", file=sys.stderr)
    return EXIT_DONE


def run_many(options: argparse.Namespace, settings: Settings) -> int:
    """`app.py batch`: one question about many studies."""
    import asyncio

    from jobs.batch.command import request_of
    from jobs.batch.request import BatchUsage
    from jobs.terminal import show_batch

    try:
        request = request_of(
            options.source,
            settings.data_dir.resolve(),
            indication=options.indication.encode("utf-8", "replace").decode("utf-8"),
            priority=priority_of(options),
            name=options.batch,
            limit=options.limit,
            resume=options.resume,
            retry=options.retry_failed,
            out=options.out,
            deidentify=options.deidentify,
        )
        ended = asyncio.run(batch(options, settings, request))
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


async def batch(options: argparse.Namespace, settings: Settings, request: BatchRequest) -> BatchEnd:
    """Run a batch in this process, over the data folder's queue."""
    from jobs.batch.command import run_batch
    from jobs.compute import PoolCompute, ThreadCompute
    from jobs.progress import batch_shown
    from jobs.steps import SystemClock

    clock, deadline_s = SystemClock(), settings.server.work_deadline_s
    decoding = PoolCompute(options.workers, ["tools.ingest", "jobs.batch.heads"], deadline_s)
    try:
        async with engine(settings, ThreadCompute(), clock, durable=True) as parts:
            installation, jobs = job_service(settings, parts, clock, decoding, options.workers)
            try:
                await jobs.open()
                with batch_shown(quiet=options.json) as watcher:
                    return await run_batch(
                        request, installation, jobs, user=local_user(), slots=options.workers, watcher=watcher
                    )
            finally:
                await jobs.close()
                await installation.close()
    finally:
        decoding.close()


def priority_of(options: argparse.Namespace) -> Priority:
    """The priority that the command line names."""
    from domain.study import Priority

    return Priority(options.priority)


def tables(options: argparse.Namespace, settings: Settings) -> int:
    """`app.py db`: bring the database's tables to this version, or say where they are."""
    from records.migrations.command import db

    said, done = db(options.db_command, settings.database)
    print(said)
    return EXIT_DONE if done else EXIT_FAILED


def job_service(
    settings: Settings, parts: Engine, clock: Clock, decoding: Compute, slots: int
) -> tuple[Installation, JobService]:
    """The data folder, and what works on its jobs; nothing runs yet."""
    from jobs.installation import HistorySource, open_installation
    from jobs.service import JobService, Working
    from jobs.workers.loop import Slots
    from records.approvals import ApprovalRecords, ApprovalRequests

    history = settings.history
    installation = open_installation(
        settings.data_dir.resolve(),
        settings.database,
        analyser=parts.analyser,
        decoding=decoding,
        clock=clock,
        requests=lambda audit: ApprovalRequests(ApprovalRecords(audit, clock)),
        history=HistorySource(
            history.fhir_url,
            history.token.get_secret_value(),
            history.identifier_systems,
            history.page_size,
            history.pages,
            history.seconds,
        ),
    )
    how = Working(
        VERSION,
        Slots(slots, settings.jobs.stat_slots),
        drain_s=min(settings.jobs.drain_s, SERVER_DRAIN_S),
        waits=settings.jobs.when_model_is_down == "wait",
        model="MedImageParse" if settings.models.medimageparse.endpoints else "embedded",
    )
    return installation, JobService(installation, how)


def assemble(
    settings: Settings,
    parts: Engine,
    compute: Compute,
    clock: Clock,
    decoding: Compute,
    learned: Learning | None = None,
) -> Services:
    """The services of the HTTP layer over the data folder."""
    from api.assembly import Front, services
    from api.services import LOOPBACK, MIB, Limits

    installation, jobs = job_service(settings, parts, clock, decoding, settings.jobs.slots)
    front = Front(
        page=Path(__file__).parent / "web",
        user=local_user(),
        software_version=VERSION,
        allowed_hosts=tuple(dict.fromkeys((*LOOPBACK, settings.server.host))),
        limits=Limits(upload_bytes=settings.server.max_upload_mb * MIB),
    )
    return services(
        front,
        installation,
        jobs,
        fleet=parts.fleet,
        chat=chat_configuration(settings),
        compute=compute,
        learned=learned,
    )


if __name__ == "__main__":
    sys.exit(main())
