"""A server under load: many clients at once beside one that waits for each answer.

    python benchmarks/serving.py --ner RUN [--re RUN] [--output benchmarks/serving.json]

The server is a process of its own at 127.0.0.1, and so are the clients. Each client sends one abstract of the demo
corpus at a time, or one sentence, and the next one as soon as it has the answer. The last part has a queue that is too
short: what is refused must be refused with 503, and nothing else may go wrong. How many processors the server kept busy
is told, as it cannot have more than there are. What was measured on other kinds of processors stays in the file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from ranat import corpora
from training import machine, processor

CLIENTS = 32
QUEUE_TOO_SHORT = 8


def main() -> None:
    """Measure all in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ner", required=True, help="a run that finds entities")
    parser.add_argument("--re", help="a run that finds relations")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    chosen = parser.parse_args()
    documents = [document for split in corpora.load("demo").splits.values() for document in split]
    texts = {
        "abstracts": [document.text for document in documents],
        "sentences": [document.text[start:end] for document in documents for start, end in document.sentences],
    }
    measured: dict[str, Any] = {}
    many = f"{CLIENTS} clients"
    plan = {
        f"{what}, {how}": (what, 2 * CLIENTS, clients, chosen.seconds)
        for what in texts
        for how, clients in (("one at a time", 1), (many, CLIENTS))
    }
    plan[f"abstracts, {many}, queue of {QUEUE_TOO_SHORT}"] = ("abstracts", QUEUE_TOO_SHORT, CLIENTS, chosen.seconds / 4)
    with served(chosen, 2 * CLIENTS) as long, served(chosen, QUEUE_TOO_SHORT) as short:
        servers = {2 * CLIENTS: long, QUEUE_TOO_SHORT: short}
        for name, (what, queue, clients, seconds) in plan.items():
            load(servers[queue], texts[what], 2, 3)  # the first batches are slow
            measured[name] = load(servers[queue], texts[what], clients, seconds)
            print(f"{name}: {measured[name]}", file=sys.stderr)
    rates = {name: part["requests_per_second"] for name, part in measured.items()}
    ratios = {what: round(rates[f"{what}, {many}"] / rates[f"{what}, one at a time"], 2) for what in texts}
    result = {**machine(), "measured": measured, "ratios": ratios}
    print(json.dumps(result, indent=2))
    if chosen.output:
        kinds = json.loads(chosen.output.read_text()) if chosen.output.exists() else {}
        chosen.output.write_text(json.dumps({**kinds, processor(): result}, indent=2) + "\n")


class Server(NamedTuple):
    """A server that runs."""

    address: str
    pid: int

    def processor_seconds(self) -> float:
        """Of all its threads so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served(chosen: argparse.Namespace, queue: int) -> Iterator[Server]:
    """A server in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ranat.cli", "serve", "--ner", chosen.ner, "--port", "0"]
        command += ["--queue", str(queue), "--store", f"{folder}/store.sqlite"]
        command += ["--re", chosen.re] if chosen.re else []
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"COLUMNS": "200"})
        assert process.stderr is not None
        try:
            places = (re.search(r"http://[\d.:]+\d", line) for line in process.stderr)
            yield Server(next(place[0] for place in places if place), process.pid)
        finally:
            process.terminate()
            process.wait()


def load(server: Server, texts: list[str], clients: int, seconds: float) -> dict[str, Any]:
    """So many clients for so many seconds: {"requests_per_second", "p50", "p95" (seconds of an answer), "statuses"}."""
    before, began = server.processor_seconds(), time.monotonic()
    measured = asyncio.run(_load(server.address, texts, clients, seconds))
    busy = (server.processor_seconds() - before) / (time.monotonic() - began)
    return {**measured, "processors_busy": round(busy, 2)}


async def _load(address: str, texts: list[str], clients: int, seconds: float) -> dict[str, Any]:
    taken, statuses, health = [], Counter[str](), []
    numbers = count()
    began = time.monotonic()

    async def ask(client: httpx.AsyncClient) -> None:
        while time.monotonic() < began + seconds:
            start = time.monotonic()
            answer = await client.post("/extract", json={"text": texts[next(numbers) % len(texts)]})
            statuses[str(answer.status_code)] += 1
            if answer.status_code == 200:
                taken.append(time.monotonic() - start)
            else:
                await asyncio.sleep(0.05)

    async def look(client: httpx.AsyncClient) -> None:
        while time.monotonic() < began + seconds:
            start = time.monotonic()
            (await client.get("/health")).raise_for_status()
            health.append(time.monotonic() - start)
            await asyncio.sleep(0.1)

    limits = httpx.Limits(max_connections=clients + 1)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:
        await asyncio.gather(look(client), *(ask(client) for _ in range(clients)))
    spent = time.monotonic() - began
    cuts = statistics.quantiles(taken, n=20)
    return {
        "requests_per_second": round(len(taken) / spent, 1),
        "p50": round(statistics.median(taken), 4),
        "p95": round(cuts[18], 4),
        "slowest_health": round(max(health), 4),
        "statuses": dict(statuses),
    }


if __name__ == "__main__":
    main()
