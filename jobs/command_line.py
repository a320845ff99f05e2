"""The words of `app.py`: commands, their arguments, and what the exit status says."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NoReturn

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_UNUSABLE = 2
EXIT_REVIEW = 3
EXIT_SOME = 4
EXIT_USAGE = 64

PRIORITIES = ("STAT", "URGENT", "ROUTINE", "RESEARCH")


class Parser(argparse.ArgumentParser):
    """Wrong usage ends with 64, so that 2 means unusable input."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how it is used."""
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")


BENCHMARKS = ("answer", "chaos", "hospital", "page", "payload", "throughput", "volume")
"""Modules of benchmarks/ that take their own arguments."""


def parser(version: str) -> argparse.ArgumentParser:
    """All commands with their arguments. Loads nothing heavy: `--help` answers at once."""
    top = Parser(
        prog="app.py",
        description="Put medical imaging models to clinical work. Research software: every result is a draft "
        "until a human has signed it.",
        epilog="Settings are MEDIMAGE_… variables; `app.py doctor` says which are wrong.",
    )
    top.add_argument("--version", action="version", version=f"MedImage Orchestrator {version}")
    commands = top.add_subparsers(dest="command", parser_class=Parser, metavar="COMMAND")

    commands.add_parser("serve", help="serve the page and the API, and work on jobs (the default)")

    batch = commands.add_parser(
        "batch",
        help="answer one question about many studies",
        description="Every study becomes a job, and this process works on them. It may be stopped, or killed, and goes "
        "on with --resume: nothing is lost, nothing is done twice. Exit status: 0 done; 3 done, but something needs "
        "review; 4 some studies failed; 2 nothing usable; 64 wrong usage; 1 configuration or internal error; "
        "128 + n stopped by signal n.",
    )
    batch.add_argument(
        "source", nargs="*", metavar="SOURCE", help="a folder, an archive or a manifest; or `query` with filters"
    )
    batch.add_argument("--indication", default="", metavar="TEXT", help="the clinical question")
    batch.add_argument("--priority", type=str.upper, choices=PRIORITIES, default="RESEARCH")
    batch.add_argument("--workers", type=positive, metavar="N", default=2, help="studies at once")
    batch.add_argument("--out", type=Path, metavar="FILE", help="the table of results: .csv or .parquet")
    batch.add_argument("--batch", default="", metavar="NAME", help="its name; by default from what is asked")
    batch.add_argument("--limit", type=int, metavar="N", help="the first N studies only")
    batch.add_argument("--resume", action="store_true", help="go on with one that was begun")
    batch.add_argument("--retry-failed", action="store_true", help="once more what failed")
    batch.add_argument("--deidentify", action="store_true", help="pseudonyms in the tables")
    batch.add_argument("--json", action="store_true", help="print a summary as JSON, and nothing else, on stdout")

    worker = commands.add_parser(
        "worker",
        help="work on the jobs of a data folder, besides its server",
        description="Takes jobs until SIGTERM or Ctrl+C; then lets end what runs, and hands the rest back. A second "
        "signal hands back at once. Several may work on one database.",
    )
    worker.add_argument("--slots", type=positive, metavar="N", help="jobs at once; by default MEDIMAGE_JOBS__SLOTS")

    _scale(commands)

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
    analyze.add_argument("--priority", type=str.upper, choices=PRIORITIES, default="ROUTINE")
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

    database = commands.add_parser("db", help="the tables of the database")
    database.add_argument(
        "db_command",
        choices=["upgrade", "current"],
        metavar="COMMAND",
        help="upgrade: bring them to this version (a server does so at its start); current: say where they are",
    )

    _bench(commands)
    commands.add_parser("doctor", help="check every configured connection and say what is wrong")
    return top


def _scale(commands: argparse._SubParsersAction[Parser]) -> None:
    scale = commands.add_parser(
        "scale",
        help="change the instances of endpoints on Azure to what the queue needs",
        description="Says for each endpoint with max_instances how many instances it should have, and why; with "
        "--apply it asks Azure for them. Exit status: 0 done; 1 an endpoint could not be looked at or changed.",
    )
    scale.add_argument("--apply", action="store_true", help="change them; without it nothing is changed")
    scale.add_argument(
        "--target-min", type=positive, default=15, metavar="N", help="work the queue off in N minutes (15)"
    )


def _bench(commands: argparse._SubParsersAction[Parser]) -> None:
    bench = commands.add_parser("bench", help="measure speed, faults and scale", add_help=False)
    bench.add_argument("bench", choices=BENCHMARKS, metavar="NAME", help=", ".join(BENCHMARKS))
    bench.add_argument("rest", nargs=argparse.REMAINDER, help="of the benchmark; --help tells")


def positive(text: str) -> int:
    """A number from 1 on."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("counts from 1")
    return number
