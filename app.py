"""MedImage Orchestrator's command line and composition root: the only reader of settings."""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from agents.chat_models import ChatConfiguration
    from api.services import Services
    from domain.ports import Clock, Compute, PromptAdvice
    from inference.azure.setting import EndpointSetting
    from inference.fleet import Fleet, FleetSettings, ModelEndpoints
    from inference.transport.quota import QuotaAlert
    from jobs.analyse import Analyser
    from memory.learning import Learning
    from settings import EndpointSettings, ModelSettings, Settings

VERSION = "0.1.0"

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_UNUSABLE = 2
EXIT_REVIEW = 3
EXIT_USAGE = 64


class Parser(argparse.ArgumentParser):
    """Wrong usage ends with 64, so that 2 means unusable input."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how it is used."""
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = Parser(
        prog="app.py",
        description="Put medical imaging models to clinical work. Research software: every result is a draft "
        "until a human has signed it.",
        epilog="Settings are MEDIMAGE_… variables; `app.py doctor` says which are wrong.",
    )
    top.add_argument("--version", action="version", version=f"MedImage Orchestrator {VERSION}")
    commands = top.add_subparsers(dest="command", parser_class=Parser, metavar="COMMAND")

    commands.add_parser("serve", help="serve the page and the API (the default)")

    analyze = commands.add_parser(
        "analyze",
        help="answer a question about images",
        description="Exit status: 0 done; 3 done, but something needs review or could not be answered; "
        "2 nothing usable in the input; 64 wrong usage; 1 configuration or internal error.",
    )
    analyze.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="files or folders: DICOM, NIfTI, TIFF, PNG, JPEG"
    )
    analyze.add_argument("--indication", default="", metavar="TEXT", help="the clinical question")
    analyze.add_argument(
        "--priority", type=str.upper, choices=["STAT", "URGENT", "ROUTINE", "RESEARCH"], default="ROUTINE"
    )
    analyze.add_argument("--out", type=Path, metavar="DIR", help="write report, DICOM SEG and SR, FHIR bundle, … there")
    analyze.add_argument("--json", action="store_true", help="print report.json, and nothing else, on stdout")

    models = commands.add_parser("models", help="the embedded models")
    model_commands = models.add_subparsers(dest="model_command", parser_class=Parser, metavar="COMMAND", required=True)
    serve = model_commands.add_parser("serve", help="serve the embedded models alone, with Azure's scoring contract")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=5001)

    evals = commands.add_parser("eval", help="measure quality")
    eval_commands = evals.add_subparsers(dest="eval_command", parser_class=Parser, metavar="COMMAND", required=True)
    of_models = eval_commands.add_parser("models", help="Dice of the embedded models against reference masks")
    of_models.add_argument("folder", type=Path, metavar="FOLDER", help="images with reference masks")
    of_agents = eval_commands.add_parser("agents", help="the planner on clinical questions, beside baselines")
    of_agents.add_argument("--split", choices=["dev", "test", "aside"], default="test", help="which cases")
    of_agents.add_argument("--category", action="append", default=[], metavar="NAME", help="only these cases")
    of_agents.add_argument("--ablate", action="store_true", help="take each specialist away, one at a time")
    of_agents.add_argument("--failures", action="store_true", help="list what was wrong")
    of_memory = eval_commands.add_parser("memory", help="what feedback teaches, what it leaks, what chance wins")
    of_memory.add_argument("--studies", type=int, metavar="N", help="reviewed studies of a stream")
    of_memory.add_argument("--seeds", type=int, metavar="N", help="experiments with a difference")
    of_memory.add_argument("--chance-seeds", type=int, metavar="N", help="experiments without one")
    of_memory.add_argument("--seed", type=int, metavar="N", help="of the stream")
    of_memory.add_argument("--ngrams", action="store_true", help="take the embedder that needs no package")

    commands.add_parser("doctor", help="check every configured connection and say what is wrong")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status says how it ended."""
    options = parser().parse_args(arguments)
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
        return EXIT_DONE if options.command in (None, "serve", "models") else EXIT_FAILED
    except Exception as error:
        # A traceback may carry identity and helps no user; its kind and place help a developer.
        print(f"app.py: internal error: {type(error).__name__} {where(error)}. Please report it.", file=sys.stderr)
        return EXIT_FAILED


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Dispatch; each command imports only what it needs."""
    if options.command == "models":
        return serve_models(options)
    if options.command == "eval":
        return evaluate(options, settings)
    import asyncio

    if options.command == "analyze":
        return asyncio.run(analyze(options, settings))
    if options.command == "doctor":
        return asyncio.run(examine(settings))
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
    settings: Settings, compute: Compute, clock: Clock, advice: PromptAdvice | None = None
) -> AsyncIterator[Engine]:
    """Put models, planner and analyser together; close their connections at the end."""
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
        planner = Planner(configuration, budget)
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
                ),
                fleet,
            )
        finally:
            await planner.close()


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
    """`app.py serve`: the page and the API."""
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
    decoding, clock = PoolCompute(1, ["tools.ingest"], settings.server.work_deadline_s), SystemClock()
    try:
        learned = learning(settings)
        if learned is not None:
            await asyncio.to_thread(learned.begin)
        async with engine(settings, compute, clock, learned.advice if learned else None) as parts:
            services = assemble(settings, parts, compute, clock, decoding, learned)
            if settings.demo:
                await load_demo(services)
            server = uvicorn.Server(uvicorn.Config(create_app(services), log_level="warning", server_header=False))
            address = f"http://{host}:{listening.getsockname()[1]}"
            print(
                f"MedImage Orchestrator on {address} — research use, draft until signed.", file=sys.stderr, flush=True
            )
            await server.serve(sockets=[listening])
    finally:
        compute.close()
        decoding.close()
        listening.close()
    return EXIT_DONE


def assemble(
    settings: Settings,
    parts: Engine,
    compute: Compute,
    clock: Clock,
    decoding: Compute,
    learned: Learning | None = None,
) -> Services:
    """The services of the HTTP layer over the data folder."""
    from api.assembly import HistorySource, Place, services
    from api.services import LOOPBACK, MIB, Limits

    history = settings.history
    place = Place(
        folder=settings.data_dir.resolve(),
        database=settings.database,
        page=Path(__file__).parent / "web",
        user=local_user(),
        jobs=settings.server.jobs,
        software_version=VERSION,
        allowed_hosts=tuple(dict.fromkeys((*LOOPBACK, settings.server.host))),
        limits=Limits(upload_bytes=settings.server.max_upload_mb * MIB),
        history=HistorySource(
            history.fhir_url,
            history.token.get_secret_value(),
            history.identifier_systems,
            history.page_size,
            history.pages,
            history.seconds,
        ),
    )
    return services(
        place,
        analyser=parts.analyser,
        fleet=parts.fleet,
        chat=chat_configuration(settings),
        compute=compute,
        decoding=decoding,
        clock=clock,
        learned=learned,
    )


if __name__ == "__main__":
    sys.exit(main())
