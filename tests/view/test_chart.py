"""Small pictures: well-formed, escaped, and their points where they belong."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from ranat.view.chart import Curve, Interval, curve_svg, curves_file, intervals_svg, whisker

SVG = "{http://www.w3.org/2000/svg}"


def polyline(svg: str) -> list[tuple[float, float]]:
    (line,) = ElementTree.fromstring(svg).iter(f"{SVG}polyline")
    return [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]  # type: ignore[misc]  # pairs, as a polyline has them


def texts(svg: str) -> list[str]:
    return [str(text.text) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_a_curve_rises_where_its_values_do() -> None:
    svg = curve_svg(Curve("loss <i>", [(10, 4.0), (20, 1.0), (40, 2.0)], low=0), "step")
    (x0, y0), (x1, y1), (x2, y2) = polyline(svg)
    assert y0 < y2 < y1  # down the page is up in y
    assert (x1 - x0) / (x2 - x0) == pytest.approx(1 / 3, abs=0.01)
    assert (y1 - y0) / (y2 - y0) == pytest.approx(3 / 2, abs=0.01)
    assert texts(svg) == ["loss <i>", "0", "1", "2", "3", "4", "10", "40", "step"]
    assert "<i>" not in svg


@pytest.mark.parametrize("points", [[(3, 0.5)], [(1, 0.0), (2, 0.0)], [(1, 1e-9), (2, 1e9)], [(1, -3), (2, 5)]])
def test_whatever_the_values_all_points_are_inside(points: list[tuple[float, float]]) -> None:
    svg = curve_svg(Curve("y", points), "x")
    assert all(52 <= x <= 326 and 30 <= y <= 152 for x, y in polyline(svg))
    assert "nan" not in svg


def test_numbers_at_the_axis_tell_themselves_apart() -> None:
    said = texts(curve_svg(Curve("y", [(0, 68.61), (1, 68.64)]), "x"))[1:-3]
    assert len(said) == len(set(said)) >= 3


def test_a_file_has_all_curves_and_its_own_paper() -> None:
    curves = [Curve(name, [(0, 1), (1, 2)]) for name in ("a", "b", "c")]
    svg = curves_file(curves, "step", "run & more")
    root = ElementTree.fromstring(svg)
    assert len(list(root.iter(f"{SVG}polyline"))) == 3
    assert (root.attrib["width"], root.attrib["height"], root.attrib["aria-label"]) == ("680", "380", "run & more")
    assert "prefers-color-scheme: dark" in svg
    assert "<style>" not in curve_svg(curves[0], "step")  # a page's policy would refuse it
    assert ElementTree.fromstring(curves_file([], "step", "nothing")) is not None


def test_intervals_share_an_axis() -> None:
    rows = [Interval("standard", 70, [69, 71], 60, 80, "× 1"), Interval("one seed <b>", 75, [75])]
    svg = intervals_svg(rows, "F1", "title")
    dots = [float(x) for x in re.findall(r'cx="([\d.]+)" cy="[\d.]+" r="5"', svg)]
    (line,) = re.findall(
        r'x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="\2" stroke="currentColor" stroke-width="2"', svg
    )
    low, high = float(line[0]), float(line[2])
    assert dots[0] == pytest.approx((low + high) / 2, abs=0.1)
    assert (dots[1] - dots[0]) / (high - low) == pytest.approx(0.25, abs=0.01)
    assert "<b>" not in svg
    assert ElementTree.fromstring(intervals_svg([Interval("x", 0.5)], "F1", "one", alone=True)) is not None
    assert ElementTree.fromstring(whisker(rows[0], (60, 80))) is not None
