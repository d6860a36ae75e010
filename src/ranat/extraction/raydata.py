"""Extraction on a Ray cluster through Ray Data: the same shards, as one task reads and any worker extracts them.

One read task cuts the inputs into shards, in the same way as a single process does, so that ids are unique over all of
them. Each worker loads the models once and writes its shards; when it dies, Ray starts another and gives it the shard
again. The manifest is written here alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ranat.cluster import connected
from ranat.errors import UsageError
from ranat.extraction.extractor import Extractor
from ranat.extraction.inputs import STDIN
from ranat.extraction.job import Job
from ranat.extraction.manifest import Shard
from ranat.extraction.plan import Planned
from ranat.extraction.shards import shards


def shards_on(address: str, workers: int | None, job: Job, out: Path, planned: Iterable[Planned]) -> Iterator[Shard]:
    """The shards, as they are made.

    Args:
        address: of a cluster whose machines have ranat and share the folders of inputs, models and output; "local"
            starts one on this machine alone.
        workers: how many load the models; None: one for each processor, or GPU where there are any.
        job: what is extracted from what.
        out: the folder of the output.
        planned: the shards to be made; it goes to some machine of the cluster, and is asked there.
    Raises:
        UsageError: standard input is among the inputs.
        UserError: Ray is not installed, or the cluster cannot be reached.
    """
    if STDIN in job.inputs:
        raise UsageError("cannot be read by another machine", where="standard input", remedy="save it as a file")
    with connected(address, workers and workers + 1) as ray:  # one processor reads
        resources = ray.cluster_resources()
        gpus = int(resources.get("GPU", 0))
        count = workers or gpus or max(int(resources["CPU"]) - 1, 1)
        context = ray.data.DataContext.get_current()
        context.target_max_block_size = 1  # a block for each shard, so that one shard alone is done again
        context.enable_progress_bars = False
        data = ray.data.read_datasource(_source(ray, planned)).map(
            _Worker,
            fn_constructor_args=(job, str(out.resolve()), os.getcwd()),
            compute=ray.data.ActorPoolStrategy(size=count),
            num_cpus=1,
            num_gpus=1 if gpus else 0,
        )
        yield from (Shard.of(json.loads(row["shard"])) for row in data.iter_rows())


class _Worker:
    """Loads the models once, then makes shard after shard."""

    def __init__(self, job: Job, out: str, place: str) -> None:
        os.chdir(place)
        self._out, self._format = Path(out), job.format
        self._extractor = Extractor.load(job.ner, job.re, min_score=job.min_score, precision=job.precision)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        (shard,) = shards(self._extractor, [Planned.from_json(row["planned"])], self._format, self._out)
        return {"shard": json.dumps(asdict(shard))}


def _source(ray: Any, planned: Iterable[Planned]) -> Any:
    """The shards to be made as rows that one read task yields as they are asked for."""
    import pyarrow
    from ray.data.block import BlockMetadata

    place = os.getcwd()

    def rows() -> Iterator[Any]:
        os.chdir(place)  # inputs may be named relative to it
        for shard in planned:
            yield pyarrow.table({"planned": [shard.to_json()]})

    class Source(ray.data.Datasource):  # type: ignore[misc]  # Ray is an extra
        def get_read_tasks(self, parallelism: int, *args: Any, **kwargs: Any) -> list[Any]:
            nothing = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
            return [ray.data.ReadTask(rows, nothing)]

        def estimate_inmemory_data_size(self) -> None:
            return None

    return Source()
