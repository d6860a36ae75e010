from __future__ import annotations

import dataclasses
import re
from collections import Counter
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring
from report_cards import make_card, table2_cards

from ranat.experiments.cards import Card
from ranat.experiments.report.figure import Plot
from ranat.experiments.report.groups import collect
from ranat.experiments.report.plots import plots

SVG = "{http://www.w3.org/2000/svg}"


def grid(radii: list[float], shares: list[float]) -> list[Card]:
    """PGD with every radius and share, and standard training, two seeds each."""
    cards = [make_card(seed=seed, documents=20) for seed in range(2)]
    return cards + [
        make_card(
            training="AT" if p == 1 else "RAT",
            attack="pgd",
            seed=seed,
            p=p,
            documents=20,
            settings={"attack": {"epsilon": epsilon}},
            published=None,
        )
        for epsilon in radii
        for p in shares
        for seed in range(2)
    ]


def drawn(cards: list[Card]) -> dict[str, Plot]:
    return {plot.name: plot for plot in plots(collect(cards)) if plot.figure is not None}


def texts(plot: Plot) -> list[str]:
    return ["".join(node.itertext()) for node in fromstring(plot.svg()).iter(f"{SVG}text")]


@pytest.mark.parametrize(
    ("cards", "names"),
    [
        (table2_cards(documents=20), {"front-minilm", "seconds-minilm"}),
        (grid([0.3], [0.25, 0.5, 1.0]), {"front-minilm", "seconds-minilm", "share-minilm"}),
        (grid([0.1, 0.3], [0.5, 1.0]), {"front-minilm", "seconds-minilm", "radius-minilm"}),
        (grid([0.1, 0.3], [0.25, 0.5]), {"front-minilm", "seconds-minilm", "radius-minilm", "share-minilm"}),
        ([make_card()], set()),
        ([make_card(training="AT", attack="fgm")], set()),
        ([make_card(model="bert"), make_card(model="biobert")], set()),
        ([], set()),
    ],
)
def test_a_plot_is_drawn_where_the_cards_have_its_data(cards: list[Card], names: set[str]) -> None:
    assert drawn(cards).keys() == names


def test_what_is_not_drawn_says_what_it_takes() -> None:
    missing = [plot for plot in plots(collect([make_card(), make_card(model="bert")])) if plot.figure is None]
    assert [plot.name.partition("-")[0] for plot in missing] == ["front", "share", "radius", "seconds"]
    assert all(plot.missing for plot in missing)


def test_svg_is_titled_has_text_and_needs_nothing() -> None:
    ids: Counter[str] = Counter()
    for plot in drawn(grid([0.1, 0.3], [0.25, 0.5, 1.0])).values():
        svg = plot.svg()
        root: Element = fromstring(svg)
        assert root.get("role") == "img"
        labels = {node.get("id"): node.text for node in root if node.tag in (f"{SVG}title", f"{SVG}desc")}
        assert [labels[name] for name in str(root.get("aria-labelledby")).split()] == [plot.title, plot.text]
        assert len(texts(plot)) > 5
        inside = {str(node.get("id")) for node in root.iter() if node.get("id")}
        ids.update(inside)
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', svg)) <= inside
        assert not re.search(r'(href|src)="(?!#)', svg)
        sizes = {float(size) for size in re.findall(r"font-size: ([\d.]+)px", svg)}
        assert min(sizes) >= 11
    assert max(ids.values()) == 1


def test_axes_are_named_and_have_units() -> None:
    found = drawn(grid([0.1, 0.3], [0.25, 0.5, 1.0]))
    assert {"counted forward passes a batch", "test F1 (%)", "NCBI-disease"} <= set(texts(found["front-minilm"]))
    assert {"share p of attacked batches", "test F1 (%)"} <= set(texts(found["share-minilm"]))
    assert {"share p of attacked batches", "radius ε", "0.1", "0.3"} <= set(texts(found["radius-minilm"]))
    assert {"time, standard training = 1", "PGD", "AT, seconds"} <= set(texts(found["seconds-minilm"]))


def test_heat_map_has_the_numbers() -> None:
    cards = grid([0.1, 0.3], [0.5, 1.0])
    found = texts(drawn(cards)["radius-minilm"])
    for group in collect(cards).groups:
        if group.attack:
            assert f"{100 * group.f1.mean:.1f}" in found


def test_bars_are_medians_of_ratios() -> None:
    cards = table2_cards(corpora=["ddi"], seeds=[0], attacks=["fgm"], documents=20)
    seconds = {card.training: card.cost["train_seconds"] for card in cards if card.cost}
    found = texts(drawn(cards)["seconds-minilm"])
    assert f"{seconds['AT'] / seconds['standard']:.2f}" in found
    assert f"{seconds['RAT'] / seconds['standard']:.2f}" in found


def test_the_same_cards_give_the_same_file() -> None:
    cards = table2_cards(corpora=["ddi"], seeds=[0], documents=20)
    first, second = drawn(cards), drawn(cards)
    for name, plot in first.items():
        assert plot.svg() == second[name].svg()
        assert plot.file("pdf").startswith(b"%PDF")


def test_names_are_shown_as_they_are() -> None:
    odd = "a$b$_{c<i>&"
    cards = [dataclasses.replace(card, corpus=odd, model="../my models/<b>") for card in table2_cards(["ddi"], [0, 1])]
    for name, plot in drawn(cards).items():
        assert re.fullmatch(r"(front|seconds)-my-models-b", name)
        assert fromstring(plot.svg()).find(f"{SVG}title").text == plot.title  # type: ignore[union-attr]  # None fails the test
        assert (odd in texts(plot)) == name.startswith("front")
        assert plot.file("pdf").startswith(b"%PDF")
