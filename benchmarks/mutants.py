"""What `make mutants` found, as JSON: for each module how many mutants the tests noticed, and which they did not.

python benchmarks/mutants.py --output benchmarks/mutants.json
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

NOTICED = ("killed", "timeout", "segfault")
"""A mutant that runs for ever, or ends the process, fails the tests as well."""


def main() -> None:
    """Read mutmut's results and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    output = parser.parse_args().output
    found = figures(mutmut("results", "--all", "true").splitlines())
    found["survivors"] = {name: changed(name) for name in found["survivors"]}
    output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    total = found["modules"]["all"]
    left = f"; {total['left']} were not tried" if total["left"] else ""
    print(f"{total['noticed']} of {total['mutants']} mutants noticed, {total['noticed'] / total['mutants']:.1%}{left}")


def figures(lines: Iterable[str]) -> dict[str, Any]:
    """Counts by module and over all, and the names of those that survived.

    Args:
        lines: of mutmut's, "ranat.gates.base.x_ramp__mutmut_1: killed".
    Of a run that was stopped, what it had not come to is "left" and counts nowhere else.
    """
    modules: dict[str, dict[str, int]] = defaultdict(lambda: {"mutants": 0, "noticed": 0, "left": 0})
    survivors = []
    for line in lines:
        name, _, status = line.strip().partition(": ")
        module = re.sub(r"\.x[_ǁ].*", "", name)
        for counted in (module, "all"):
            modules[counted]["mutants"] += status != "not checked"
            modules[counted]["noticed"] += status in NOTICED
            modules[counted]["left"] += status == "not checked"
        if status not in (*NOTICED, "not checked"):
            survivors.append(name)
    return {"modules": dict(sorted(modules.items())), "survivors": sorted(survivors)}


def changed(name: str) -> list[str]:
    """The lines that a mutant takes out and puts in."""
    diff = mutmut("show", name).splitlines()
    return [re.sub(r"^([+-])\s+", r"\1 ", line) for line in diff if re.match(r"[+-](?![+-]{2} )", line)]


def mutmut(*arguments: str) -> str:
    """What it prints."""
    command = [str(Path(sys.executable).with_name("mutmut")), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
