"""What is kept of each prompt, and what is given when: all decisions of the client, with no network in them.

The sync and the async client ask the server; this says whether to ask, judges the answer, and finds the best copy when
there is none: memory, disk, bundle, the text in code. Nothing here takes a lock: each assignment is whole by itself,
and one caller at a time asks for a question (see `client`).
"""

import logging
from math import inf
from time import monotonic
from typing import Any

from promptledger_client.backoff import Backoff
from promptledger_client.bundle import BadBundle, Bundle
from promptledger_client.disk import Disk
from promptledger_client.errors import BadAnswer, NotFound, PromptLedgerError, Refused, Unavailable
from promptledger_client.prompts import (
    BUNDLED,
    DISK,
    FRESH,
    MEMORY,
    REVALIDATED,
    STALE,
    Fallback,
    Prompt,
    Remote,
    WhenGone,
)
from promptledger_client.questions import Question
from promptledger_client.replies import Reply
from promptledger_client.served import judged
from promptledger_client.settings import Settings

MOST = 10_000  # copies and refusals in memory
MISSING_FOR = 5.0  # seconds for which a 404 is remembered, at most
CONFIRMED_AGAIN = 3_600.0  # seconds after which a copy on disk gets a new date, where its age does not matter

logger = logging.getLogger("promptledger_client")


class Entry:
    """A copy in memory. `prompt` is what a warm call gives until `until`; times are of the monotonic clock."""

    __slots__ = ("confirmed", "etag", "good", "origin", "prompt", "until", "written")

    def __init__(self, good: Prompt, etag: str, *, origin: str, confirmed: float) -> None:
        self.good = self.prompt = good
        self.etag = etag
        self.origin = origin  # what it is called when it is old: stale or disk
        self.confirmed = confirmed
        self.written = confirmed
        self.until = -inf


class Keeper:
    """The copies of one client."""

    def __init__(self, settings: Settings, remote: Remote | None = None) -> None:
        self.settings = settings
        self.remote = remote
        self.disk = Disk(settings.cache_dir, settings.base_url)
        self.entries: dict[Question, Entry] = {}
        self.missing: dict[Question, tuple[NotFound, float]] = {}
        self.looked: dict[Question, str] = {}  # why the disk had nothing
        self.server = Backoff()
        self.troubles: dict[Question, Backoff] = {}  # what is wrong with one prompt's answer, not with the server
        self.bundle: Bundle | None = None
        self.no_bundle = ""
        self.told: set[Question] = set()  # what the log has said of since the last good answer
        if settings.bundle is not None and not settings.bundle.is_file():
            logger.warning("The bundle %s is not there.", settings.bundle)

    # Before the server is asked

    def recall(self, question: Question) -> None:
        """Read the copy on disk, once, where memory has none."""
        if question in self.entries or question in self.looked:
            return
        found, why = self.disk.read(question)
        if found is not None and found.age is None and self.settings.max_stale is not None:
            found, why = (
                None,
                "disk: the copy is of the future, so that its age is unknown and max_stale cannot be kept",
            )
        bounded(self.looked)
        self.looked[question] = why
        if found is not None:
            good = Prompt.of(found.served, MEMORY, remote=self.remote)
            self.put(question, Entry(good, found.etag, origin=DISK, confirmed=monotonic() - (found.age or 0.0)))

    def at_once(self, question: Question, fallback: Fallback | None) -> Prompt | None:
        """Return what is given without asking, or None: ask. Raises what is known already."""
        now = monotonic()
        entry = self.entries.get(question)
        if entry is not None and now < entry.until:
            return entry.prompt
        if question in self.missing:
            refusal, until = self.missing[question]
            if now < until:
                return self.rescue(question, refusal, fallback)
            self.missing.pop(question, None)
        backoff = self.waiting(question)
        if backoff is None or backoff.why is None:
            return None
        try:
            return self.rescue(question, backoff.why, fallback)
        except PromptLedgerError:
            if backoff.asked_for:
                raise
            return None  # there is nothing to give: it is better to ask again

    def waiting(self, question: Question) -> Backoff | None:
        """The reason not to ask now, if there is one."""
        for backoff in (self.server, self.troubles.get(question)):
            if backoff is not None and backoff.waits:
                return backoff
        return None

    def failing(self, question: Question) -> Exception | None:
        """Why the last question failed, if it did: then nobody but the one who asks should have to wait."""
        trouble = self.troubles.get(question)
        return self.server.why or (trouble.why if trouble else None)

    def headers(self, question: Question) -> dict[str, str]:
        """What makes the server answer 304 when the copy is what is live."""
        entry = self.entries.get(question)
        return {"If-None-Match": entry.etag} if entry is not None and entry.etag else {}

    def patience(self, question: Question) -> float:
        """How long to wait for an answer: less where a copy is at hand."""
        at_hand = question in self.entries
        return min(self.settings.revalidate_timeout, self.settings.timeout) if at_hand else self.settings.timeout

    # After it answered, or did not

    def accept(self, question: Question, reply: Reply, asked: float) -> tuple[Prompt, bool]:
        """Take an answer to a question put at `asked`. Returns the prompt, and whether it is to be written to disk.

        Raises NotFound, Refused, Unavailable; BadAnswer for what is not what was asked for.
        """
        reply.checked()
        self.server.ok()
        if reply.status == 304:
            entry = self.entries.get(question)
            if entry is None:
                raise BadAnswer("it answered 304, and there is no copy here")
            source = REVALIDATED
        elif reply.status == 200:
            served = judged(reply.body)
            if not question.is_answered_by(served):
                raise BadAnswer(f"it answered {served['prompt']} {served['label']}, which was not asked for")
            good = Prompt.of(served, MEMORY, remote=self.remote)
            entry = Entry(good, reply.headers.get("etag", ""), origin=STALE, confirmed=-inf)
            entry.written = -inf
            source = FRESH
        else:
            raise BadAnswer(f"it answered {reply.status}")
        self.confirm(question, entry, asked)
        return entry.good.told(source), self.is_to_be_written(entry)

    def confirm(self, question: Question, entry: Entry, asked: float) -> None:
        """The entry is what is live: fresh for a ttl from the moment at which it was asked for.

        An answer that another event loop's, to a later question, has overtaken changes nothing.
        """
        kept = self.entries.get(question)
        if kept is not None and kept.confirmed > asked:
            return
        self.told.discard(question)
        if self.troubles.pop(question, None) or entry.prompt.problem:
            logger.info("The ledger answers again for %s.", question)
        entry.origin = STALE
        entry.confirmed = asked
        entry.prompt = entry.good
        entry.until = asked + min(
            self.settings.ttl, inf if self.settings.max_stale is None else self.settings.max_stale
        )
        self.missing.pop(question, None)
        self.put(question, entry)

    def is_to_be_written(self, entry: Entry) -> bool:
        """Whether the copy on disk is another, or its date too old; notes that it will be written."""
        stale = self.settings.max_stale
        every = CONFIRMED_AGAIN if stale is None else min(CONFIRMED_AGAIN, max(stale / 4, self.settings.ttl))
        due = self.disk.folder is not None and entry.confirmed - entry.written > every
        if due:
            entry.written = entry.confirmed
        return due

    def write(self, question: Question) -> None:
        """Keep the copy in memory on disk too."""
        entry = self.entries.get(question)
        if entry is not None:
            self.disk.write(question, entry.good.served, entry.etag)

    def fail(self, question: Question, error: PromptLedgerError) -> None:
        """Take note of a failure. A 404 is an answer: what was removed does not live on, in memory or on disk."""
        if isinstance(error, NotFound):
            self.server.ok()
            self.entries.pop(question, None)
            self.troubles.pop(question, None)
            self.disk.remove(question)
            self.looked[question] = "disk: no copy"
            bounded(self.missing)
            self.missing[question] = (error, monotonic() + min(self.settings.ttl, MISSING_FOR))
        elif not self.gone(error):
            if isinstance(error, Refused):
                self.server.ok()
            bounded(self.troubles)
            self.troubles.setdefault(question, Backoff()).failed(error, getattr(error, "retry_after", None))

    def gone(self, error: PromptLedgerError) -> bool:
        """Leave the server alone for a while if this says that it is gone or overloaded; whether it does."""
        of_server = isinstance(error, Unavailable) and not isinstance(error, BadAnswer) and not error.of_one_prompt
        if isinstance(error, Unavailable) and of_server:
            self.server.failed(error, error.retry_after)
        return of_server

    # When there is no answer

    def rescue(self, question: Question, error: Exception, fallback: Fallback | None) -> Prompt:
        """Return the best copy there is: memory, disk, bundle, the text in code. Raises when there is none.

        A 404 is not overruled by a copy, only by the text in code. A refusal (401, 403, other 4xx) is not hidden from a
        program that starts: only a copy that this process has had confirmed stands in for it.
        """
        if isinstance(error, NotFound):
            if fallback is None or isinstance(fallback, WhenGone):
                raise error
            return self.of_code(question, fallback, str(error))
        entry = self.entries.get(question)
        if isinstance(error, Refused) and (entry is None or entry.origin == DISK):
            raise error
        tried = [f"{self.settings.base_url}: {error}"]
        age = inf if entry is None else monotonic() - entry.confirmed
        if entry is not None and (self.settings.max_stale is None or age <= self.settings.max_stale):
            return self.old(question, entry, error, age)
        if entry is not None:
            where = "disk" if entry.origin == DISK else "memory"
            tried.append(f"{where}: {age:.0f} s old, more than max_stale ({self.settings.max_stale:g} s)")
        else:
            tried += ["memory: no copy", self.looked.get(question) or "disk: no copy"]
        if isinstance(error, Refused):
            raise error
        bundled = self.bundled(question, tried)
        if bundled is not None:
            self.tell(question, f"{bundled['label']} from the bundle", error)
            return Prompt.of(bundled, BUNDLED, problem=str(error), remote=self.remote)
        if fallback is not None:
            return self.of_code(question, fallback, str(error))
        tried.append("code: no fallback")
        retry_after = getattr(error, "retry_after", None)
        said = f"There is no text for {question}. " + "; ".join(tried)
        raise Unavailable(said, retry_after=retry_after, tried=tried) from error

    def old(self, question: Question, entry: Entry, error: Exception, age: float) -> Prompt:
        """The copy in memory, old as it is; and the same for all calls until the server is asked again."""
        where = "disk" if entry.origin == DISK else "memory"
        self.tell(question, f"{entry.good.label} from {where}, confirmed {age:.0f} s ago", error)
        prompt = entry.prompt = entry.good.told(entry.origin, str(error))
        backoff = self.waiting(question)
        if backoff is not None:
            max_stale = self.settings.max_stale
            entry.until = min(backoff.until, inf if max_stale is None else entry.confirmed + max_stale)
        return prompt

    def bundled(self, question: Question, tried: list[str]) -> dict[str, Any] | None:
        """What the bundle has for a question; else why not goes to `tried`."""
        path = self.settings.bundle
        if path is None:
            tried.append("bundle: none was given")
            return None
        if self.bundle is None:
            try:
                self.bundle = Bundle.read(path)
            except BadBundle as error:
                if self.no_bundle != str(error):
                    logger.warning("%s", error)
                self.no_bundle = str(error)
                tried.append(f"bundle: {error}")
                return None
        found = self.bundle.answer(question)
        if found is None:
            tried.append(f"bundle: {path} does not have it")
        return found

    def of_code(self, question: Question, fallback: Fallback, problem: str) -> Prompt:
        """The text given in code."""
        self.tell(question, "the text in code", problem)
        return Prompt.of_code(
            fallback, agent=question.agent, name=question.name, status_key=question.status_key, problem=problem
        )

    def tell(self, question: Question, what: str, why: object) -> None:
        """Say in the log, once until the server answers again, what a program goes on with."""
        if question not in self.told and len(self.told) < MOST:
            self.told.add(question)
            logger.warning("Going on with %s for %s: %s: %s", what, question, self.settings.base_url, why)

    # Over all

    def put(self, question: Question, entry: Entry) -> None:
        """Keep an entry; of far too many the oldest goes."""
        if question not in self.entries:
            bounded(self.entries)
        self.entries[question] = entry

    def expire(self) -> None:
        """Trust no copy before the server was asked: after a fork, and after a registration."""
        for entry in list(self.entries.values()):
            entry.until = -inf
        self.missing.clear()


def bounded(kept: dict[Question, Any]) -> None:
    """Make room for one more."""
    while len(kept) >= MOST:
        kept.pop(next(iter(kept)), None)
