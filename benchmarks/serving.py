"""A server under load: many clients at once beside one that waits for each answer.

    python benchmarks/serving.py --ner RUN [--re RUN] [--output benchmarks/serving.json]

The server is a process of its own at 127.0.0.1, and so are the clients. Each client sends one abstract of the demo
corpus at a time, and the next one as soon as it has the answer. A third part has a queue that is too short: what is
refused must be refused with 503, and nothing else may go wrong. What was measured on other kinds of processors stays in
the file.
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
from typing import Any

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
    texts = [document.text for split in corpora.load("demo").splits.values() for document in split]
    measured: dict[str, Any] = {}
    plan = {
        "one at a time": (2 * CLIENTS, 1, chosen.seconds),
        f"{CLIENTS} clients": (2 * CLIENTS, CLIENTS, chosen.seconds),
        f"{CLIENTS} clients, queue of {QUEUE_TOO_SHORT}": (QUEUE_TOO_SHORT, CLIENTS, chosen.seconds / 4),
    }
    with served(chosen, 2 * CLIENTS) as long, served(chosen, QUEUE_TOO_SHORT) as short:
        addresses = {2 * CLIENTS: next(long), QUEUE_TOO_SHORT: next(short)}  # both load their models meanwhile
        for name, (queue, clients, seconds) in plan.items():
            load(addresses[queue], texts, 2, 3)  # the first batches are slow
            measured[name] = load(addresses[queue], texts, clients, seconds)
            print(f"{name}: {measured[name]}", file=sys.stderr)
    rates = [measured[name]["requests_per_second"] for name in ("one at a time", f"{CLIENTS} clients")]
    result = {**machine(), "measured": measured, "ratio": round(rates[1] / rates[0], 2)}
    print(json.dumps(result, indent=2))
    if chosen.output:
        kinds = json.loads(chosen.output.read_text()) if chosen.output.exists() else {}
        chosen.output.write_text(json.dumps({**kinds, processor(): result}, indent=2) + "\n")


@contextmanager
def served(chosen: argparse.Namespace, queue: int) -> Iterator[Iterator[str]]:
    """A server in a process of its own; the first that it gives is its address, as soon as it serves."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ranat.cli", "serve", "--ner", chosen.ner, "--port", "0"]
        command += ["--queue", str(queue), "--store", f"{folder}/store.sqlite"]
        command += ["--re", chosen.re] if chosen.re else []
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"COLUMNS": "200"})
        assert process.stderr is not None
        try:
            places = (re.search(r"http://[\d.:]+\d", line) for line in process.stderr)
            yield (place[0] for place in places if place)
        finally:
            process.terminate()
            process.wait()


def load(address: str, texts: list[str], clients: int, seconds: float) -> dict[str, Any]:
    """So many clients for so many seconds: {"requests_per_second", "p50", "p95" (seconds of an answer), "statuses"}."""
    return asyncio.run(_load(address, texts, clients, seconds))


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
