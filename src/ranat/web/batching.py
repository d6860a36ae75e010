"""Requests that wait for the model, given to it together."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from ranat.documents import Document
from ranat.web.limits import Limits

Extract = Callable[[list[Document]], list[Document]]
"""Documents with what is found in them, in order; what is found in one does not depend on the others."""

_DOCUMENTS = 256
_COMPANY_SECONDS = 0.005
"""Clients that got their answers together ask again within milliseconds of each other."""
_SMOOTHING = 0.2

log = logging.getLogger(__name__)


class BusyError(Exception):
    """So many requests wait that no more is taken.

    Args:
        seconds: after which it is worth trying again.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many requests wait; try again in {seconds} s")
        self.seconds = seconds


@dataclass(eq=False)
class _Request:
    documents: Sequence[Document]
    future: Future[list[Document]] = field(default_factory=Future)
    found: dict[int, Document] = field(default_factory=dict)
    taken: int = 0
    """How many of its documents the model was given so far."""


class Batcher:
    """One thread that gives the model the documents of all requests that wait, in batches.

    The documents of requests take turns, so a text does not wait for the thousand documents that another client sent
    before it.

    Args:
        extract: is called by that thread alone.
        limits: of the queue, the batches and the time.
    """

    def __init__(self, extract: Extract, limits: Limits) -> None:
        self._extract, self._limits = extract, limits
        self._requests = deque[_Request]()
        self._changed = threading.Condition()
        self._closed = False
        self._pace = 0.1  # seconds for one request, measured from then on
        self._thread = threading.Thread(target=self._work, name="ranat-model", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Requests with documents that the model was not given yet."""
        return len(self._requests)

    async def extract(self, documents: Sequence[Document]) -> list[Document]:
        """The documents with what is found in them.

        Raises:
            BusyError: the queue is full, or the server is closing.
            TimeoutError: it took too long; what was not begun is not begun any more.
            Exception: the model failed on these documents.
        """
        if not documents:
            return []
        request = _Request(documents)
        with self._changed:
            if self._closed or len(self._requests) >= self._limits.waiting:
                raise BusyError(max(1, math.ceil(len(self._requests) * self._pace)))
            self._requests.append(request)
            self._changed.notify()
        async with asyncio.timeout(self._limits.seconds):
            return await asyncio.wrap_future(request.future)

    def close(self) -> None:
        """Take no more requests, and wait until those that were taken are done."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        crowded = False
        while batch := self._next_batch(crowded):
            began = time.monotonic()
            requests = list({id(request): request for request, _ in batch}.values())
            self._run(batch, requests)
            crowded = len(requests) > 1
            self._pace += _SMOOTHING * ((time.monotonic() - began) / len(requests) - self._pace)

    def _next_batch(self, crowded: bool) -> list[tuple[_Request, int]]:
        """Requests and the number of one of their documents, in turn; empty when all is done and the server closes."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._requests or self._closed)
                if crowded and not self._closed:
                    self._changed.wait_for(lambda: self._closed, _COMPANY_SECONDS)
                batch: list[tuple[_Request, int]] = []
                characters = 0
                while self._requests and characters < self._limits.batch and len(batch) < _DOCUMENTS:
                    request = self._requests.popleft()
                    if request.future.done():  # it was given up, or failed
                        continue
                    batch.append((request, request.taken))
                    characters += len(request.documents[request.taken].text)
                    request.taken += 1
                    if request.taken < len(request.documents):
                        self._requests.append(request)
                if batch or (self._closed and not self._requests):
                    return batch

    def _run(self, batch: list[tuple[_Request, int]], requests: list[_Request]) -> None:
        try:
            found = self._extract([request.documents[number] for request, number in batch])
        except Exception as error:  # the thread must go on, whatever a model does
            if len(requests) > 1:  # only those that it fails on are to fail
                for one in requests:
                    self._run([(request, number) for request, number in batch if request is one], [one])
                return
            log.exception("extraction failed")
            if requests[0].future.set_running_or_notify_cancel():
                requests[0].future.set_exception(error)
            return
        for (request, number), document in zip(batch, found, strict=True):
            request.found[number] = document
            if len(request.found) == len(request.documents) and request.future.set_running_or_notify_cancel():
                request.future.set_result([request.found[index] for index in range(len(request.found))])
