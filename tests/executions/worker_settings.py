"""The settings of the workers that the proofs start: our own, with the tests' providers, and what a proof breaks.

PROOF_CLOCK puts this process's clock off by so many seconds; PROOF_WITHOUT (tests.executions.providers) breaks a rule.
"""

import os
from datetime import UTC, datetime, timedelta

import time_machine

from promptledger.settings import *  # noqa: F403
from promptledger.settings import PROVIDERS

PROVIDERS = {**PROVIDERS, "logged": "tests.executions.providers.Logged"}
WORKER_JOBS = os.environ.get("PROOF_JOBS", "").split()
EXECUTION_FINISHED = ["tests.executions.providers.note_end"]

if off := float(os.environ.get("PROOF_CLOCK", "0")):
    time_machine.travel(datetime.now(UTC) + timedelta(seconds=off), tick=True).start()
