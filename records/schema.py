"""All tables: whoever compares them with a database needs every module that declares some."""

from __future__ import annotations

import importlib

from records.base import Base

MODULES = (
    "records.tables",
    "records.analysis_tables",
    "records.exchange_tables",
    "records.job_tables",
    "records.endpoint_tables",
    "records.review_tables",
    "records.worklist_tables",
)
"""Modules that declare tables."""

for module in MODULES:
    importlib.import_module(module)
metadata = Base.metadata
