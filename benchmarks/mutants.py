"""Changes the training step in small ways, one at a time, and counts which changes its tests notice.

python benchmarks/mutants.py --output benchmarks/mutants.json
python benchmarks/mutants.py --only gates attacks.topk --output benchmarks/mutants.json
python benchmarks/mutants.py --again --output benchmarks/mutants.json

Each group of modules is tried with tests of its own: what only a test far away would notice counts as unnoticed. It
runs in a copy of the tracked files. Figures of modules that are not run again stay in the output. `--again` tries only
those that were not noticed, as after more tests were written.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

OWN_TESTS = {
    "attacks": [
        f"tests/attacks/test_{name}.py" for name in ("parts", "equations", "carry", "topk", "weights", "contract")
    ],
    "gates": ["tests/test_gates.py"],
    "models": [f"tests/models/test_{name}.py" for name in ("embedding", "perturbation", "layouts")],
    "training.memory": ["tests/training/test_memory.py", "tests/attacks/test_carry.py"],
    "training.passes": [f"tests/training/test_{name}.py" for name in ("passes", "pass_by_pass", "step")],
    "training.predictions": ["tests/training/test_predictions.py"],
    "training.step": ["tests/training/test_step.py", "tests/training/test_passes.py"],
    "training.trainer": [
        "tests/training/test_trainer_parts.py",
        "tests/training/test_trainer_features.py",
        "tests/training/test_passes.py::test_a_trainer_with_several_devices_in_one_process_is_refused",
    ],
}
"""Which tests answer for which modules; the modules themselves are named in pyproject.toml."""

NOTICED = ("killed", "timeout", "segfault")
"""A mutant that runs for ever, or ends the process, fails the tests as well."""


def main() -> None:
    """Run mutmut for each group, and write the figures after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--only", nargs="+", default=list(OWN_TESTS), metavar="MODULE", help="or a package of them")
    parser.add_argument("--again", action="store_true")
    args = parser.parse_args()
    modules, survivors = {}, {}
    if args.output.exists():
        before = json.loads(args.output.read_text(encoding="utf-8"))
        modules, survivors = before["modules"], before["survivors"]
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        copy = Path(name)
        tracked = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True).stdout
        subprocess.run(["xargs", "-0", "cp", "--parents", "-t", name], input=tracked, check=True)
        for group in args.only:
            last = [k for k in survivors if within(group, k)]
            if args.again and not last:
                continue
            found, unnoticed = run(group, copy, last if args.again else [f"ranat.{group}*"])
            if args.again:
                found = {k: sooner(v, found.get(k)) for k, v in modules.items() if within(group, k)}
            modules = {k: v for k, v in modules.items() if not within(group, k)} | found
            survivors = {k: v for k, v in survivors.items() if not within(group, k)} | unnoticed
            modules["all"] = total(modules)
            figures = {"modules": dict(sorted(modules.items())), "survivors": dict(sorted(survivors.items()))}
            args.output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
            print(f"{group}: {told(total(found))}; in all: {told(modules['all'])}", flush=True)


def run(group: str, copy: Path, names: list[str]) -> tuple[dict[str, dict[str, int]], dict[str, list[str]]]:
    """Try mutants of a group, by name or pattern; returns counts by module, and the lines of those that survived."""
    settings = copy / "pyproject.toml"
    selection = f"pytest_add_cli_args_test_selection = {json.dumps(own_tests(group))}"
    text = re.sub(r"(?m)^pytest_add_cli_args_test_selection = [^\n]*$", selection, settings.read_text(encoding="utf-8"))
    settings.write_text(text, encoding="utf-8")
    (copy / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
    mutmut(copy, "run", "--max-children", "2", *names)
    modules, survivors = figures(
        line for line in mutmut(copy, "results", "--all", "true").splitlines() if within(group, line.strip())
    )
    return modules, {name: changed(name, copy) for name in survivors}


def own_tests(group: str) -> list[str]:
    """Those of the group, or of the one that it belongs to."""
    return next(tests for name, tests in OWN_TESTS.items() if within(name, f"ranat.{group}"))


def figures(lines: Iterable[str]) -> tuple[dict[str, dict[str, int]], list[str]]:
    """Counts by module, and the names of those that survived.

    Args:
        lines: of mutmut's, "ranat.gates.base.x_ramp__mutmut_1: killed".
    """
    modules: dict[str, dict[str, int]] = defaultdict(lambda: {"mutants": 0, "noticed": 0})
    survivors = []
    for line in lines:
        name, _, status = line.strip().partition(": ")
        if status == "not checked":
            continue
        module = re.sub(r"\.x[_ǁ].*", "", name)
        modules[module]["mutants"] += 1
        modules[module]["noticed"] += status in NOTICED
        if status not in NOTICED:
            survivors.append(name)
    return dict(modules), survivors


def sooner(before: dict[str, int], again: dict[str, int] | None) -> dict[str, int]:
    """A module's counts, after some of those that were not noticed were tried again."""
    return {"mutants": before["mutants"], "noticed": before["noticed"] + (again or {"noticed": 0})["noticed"]}


def within(group: str, name: str) -> bool:
    """Whether a module, or a mutant of it, belongs to a group."""
    return name.startswith(f"ranat.{group}.") or name == f"ranat.{group}"


def total(modules: dict[str, dict[str, int]]) -> dict[str, int]:
    """The sums over all modules."""
    counted = [counts for name, counts in modules.items() if name != "all"]
    return {key: sum(counts[key] for counts in counted) for key in ("mutants", "noticed")}


def told(counts: dict[str, int]) -> str:
    """In words."""
    return f"{counts['noticed']} of {counts['mutants']} noticed ({counts['noticed'] / counts['mutants']:.1%})"


def changed(name: str, copy: Path) -> list[str]:
    """The lines that a mutant takes out and puts in."""
    diff = mutmut(copy, "show", name).splitlines()
    return [re.sub(r"^([+-])\s+", r"\1 ", line) for line in diff if re.match(r"[+-](?![+-]{2} )", line)]


def mutmut(copy: Path, *arguments: str) -> str:
    """What it prints."""
    command = [str(Path(sys.executable).with_name("mutmut")), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=copy, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
