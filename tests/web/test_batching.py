"""Requests together: order, fairness, a bounded queue, failures, and the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from ranat.documents import Document, Entity
from ranat.web.batching import Batcher, BusyError
from ranat.web.limits import Limits


class Model:
    """Marks the first character of each text; it can be held up, and it fails on texts that say so."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.go = threading.Event()
        self.go.set()
        self.at_work = threading.Event()

    def __call__(self, documents: list[Document]) -> list[Document]:
        self.calls.append([document.id for document in documents])
        self.at_work.set()
        self.go.wait(20)
        if any("fail" in document.text for document in documents):
            raise RuntimeError("the model failed")
        return [Document(one.id, one.text, (Entity("T1", "X", ((0, 1),)),)) for one in documents]


@pytest.fixture
def model() -> Model:
    return Model()


def texts(name: str, count: int = 1, text: str = "text") -> list[Document]:
    return [Document(f"{name}{number}", text) for number in range(count)]


def run(model: Model, use: Callable[[Batcher], Any], **limits: Any) -> Any:
    async def go() -> Any:
        batcher = Batcher(model, Limits(**limits))
        try:
            return await use(batcher)
        finally:
            model.go.set()
            await asyncio.to_thread(batcher.close)

    return asyncio.run(go())


async def held(batcher: Batcher, model: Model, documents: list[Document]) -> asyncio.Task[list[Document]]:
    """A request that the model has in hand until `model.go` is set."""
    model.go.clear()
    task = asyncio.create_task(batcher.extract(documents))
    assert await asyncio.to_thread(model.at_work.wait, 20)
    return task


def test_each_request_gets_its_own_documents_in_order(model: Model) -> None:
    async def use(batcher: Batcher) -> None:
        given = [texts(f"{name}-", count) for name, count in zip("abcdef", (1, 5, 0, 2, 40, 3), strict=True)]
        found = await asyncio.gather(*(batcher.extract(documents) for documents in given))
        for documents, answers in zip(given, found, strict=True):
            assert [one.id for one in answers] == [one.id for one in documents]
            assert all(one.entities for one in answers)

    run(model, use)


def test_requests_that_wait_are_given_to_the_model_together_and_take_turns(model: Model) -> None:
    async def use(batcher: Batcher) -> None:
        first = await held(batcher, model, texts("first"))
        many = asyncio.create_task(batcher.extract(texts("many", 6)))
        await asyncio.sleep(0)
        few = asyncio.create_task(batcher.extract(texts("few", 2)))
        await asyncio.sleep(0)
        assert batcher.waiting == 2
        model.go.set()
        await asyncio.gather(first, many, few)
        assert model.calls[0] == ["first0"]
        assert model.calls[1] == ["many0", "few0", "many1", "few1", "many2", "many3", "many4", "many5"]

    run(model, use)


def test_a_batch_has_so_many_characters(model: Model) -> None:
    async def use(batcher: Batcher) -> None:
        await batcher.extract(texts("a", 6, "x" * 100))
        assert [len(call) for call in model.calls] == [2, 2, 2]

    run(model, use, batch=150)


def test_a_full_queue_says_when_to_come_back(model: Model) -> None:
    async def use(batcher: Batcher) -> None:
        waiting = [await held(batcher, model, texts("first"))]
        waiting += [asyncio.create_task(batcher.extract(texts(f"{number}-"))) for number in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError) as refused:
            await batcher.extract(texts("refused"))
        assert refused.value.seconds >= 1
        model.go.set()
        assert len(await asyncio.gather(*waiting)) == 4  # those that were taken are answered
        assert (await batcher.extract(texts("later")))[0].entities

    run(model, use, waiting=3)


def test_what_takes_too_long_is_given_up_and_not_begun(model: Model) -> None:
    async def use(batcher: Batcher) -> None:
        first = await held(batcher, model, texts("first"))
        with pytest.raises(TimeoutError):
            await batcher.extract(texts("late", 3))
        with pytest.raises(TimeoutError):
            await first
        model.go.set()
        await batcher.extract(texts("next"))
        assert model.calls == [["first0"], ["next0"]]

    run(model, use, seconds=1)


def test_only_the_request_that_the_model_fails_on_fails(model: Model) -> None:
    async def use(batcher: Batcher) -> None:
        first = await held(batcher, model, texts("first"))
        tasks = [asyncio.create_task(batcher.extract(texts(f"{n}-", 2, "fail" if n == 1 else "x"))) for n in range(3)]
        await asyncio.sleep(0)
        model.go.set()
        found = await asyncio.gather(first, *tasks, return_exceptions=True)
        assert [isinstance(one, RuntimeError) for one in found] == [False, False, True, False]

    run(model, use)


def test_at_the_end_what_was_taken_is_finished_and_nothing_more_is_taken(model: Model) -> None:
    async def use(batcher: Batcher) -> None:
        first = await held(batcher, model, texts("first"))
        second = asyncio.create_task(batcher.extract(texts("second", 3)))
        await asyncio.sleep(0)
        closing = asyncio.create_task(asyncio.to_thread(batcher.close))
        await asyncio.sleep(0.1)
        with pytest.raises(BusyError):
            await batcher.extract(texts("third"))
        model.go.set()
        await closing
        assert len(await first) == 1
        assert len(await second) == 3

    run(model, use)
