"""The pictures of README and docs: F1 against cost from the result cards, and a page of extraction in a browser.

python benchmarks/pictures.py                                  # docs/pictures/f1-cost.svg
python benchmarks/pictures.py --page runs/demo/abstract.html   # docs/pictures/page.png, too; needs a browser
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ranat.experiments.cards import read_all
from ranat.experiments.report.groups import collect
from ranat.experiments.report.plots import plots

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
STUDY = ROOT / "results" / "study"


def f1_cost() -> bytes:
    """The first plot of the report of the study."""
    results = collect([card for spec in sorted(STUDY.glob("*/spec.yaml")) for card in read_all(spec.parent)])
    return next(plot for plot in plots(results) if plot.name.startswith("front-")).file("svg")


def screenshot(page: Path, out: Path) -> None:
    """The top of a page, 1,000 pixels wide."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM"), args=["--no-sandbox"])
        window = browser.new_page(viewport={"width": 1000, "height": 620})
        window.goto(page.resolve().as_uri())
        window.screenshot(path=str(out))
        browser.close()


def main() -> None:
    """Write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", type=Path, help="a page that `ranat extract -o NAME.html` or `ranat demo` wrote")
    page = parser.parse_args().page
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / "f1-cost.svg").write_bytes(f1_cost())
    if page:
        screenshot(page, PICTURES / "page.png")


if __name__ == "__main__":
    main()
