"""The report's plots: each readable in black and white, and drawn only where the cards have the data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import groupby
from statistics import mean
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ranat.experiments.report.costs import CostRow, table3
from ranat.experiments.report.figure import STYLE, Plot, panels
from ranat.experiments.report.groups import Group, Results, in_order, shown, slug

MARKERS = {None: "*", "fgsm": "v", "fgm": "o", "pgd": "s", "freelb": "^", "smart": "D"}
COLOURS = {"standard": "#000000", "AT": "#0b5394", "RAT": "#b45f06"}
_LIGHT_BLUE = "#b6d3ee"


def plots(results: Results) -> list[Plot]:
    """All plots, for every backbone in turn."""
    kinds: list[Callable[[Results, str], list[Plot]]] = [_fronts, _shares, _heat_maps, _seconds]
    with mpl.rc_context(STYLE):
        made = [kind(results, model) for kind in kinds for model in results.models or [""]]
    drawn = []
    for _, same in groupby([plot for some in made for plot in some], key=lambda plot: plot.name.partition("-")[0]):
        several = list(same)
        drawn += [plot for plot in several if plot.figure] or several[:1]
    return drawn


def _fronts(results: Results, model: str) -> list[Plot]:
    """F1 against counted cost, a panel a corpus, with the front of what nothing beats in both."""
    fronts: dict[str, list[tuple[float, Group]]] = {}
    for corpus in results.corpora:
        groups = [results.main(model, corpus, "standard")]
        groups += [results.main(model, corpus, kind, name) for kind in ("AT", "RAT") for name in results.attacks(model)]
        points = [(mean(costs), group) for group in groups if group and (costs := group.costs("xfp"))]
        if len(points) > 1:
            fronts[corpus] = sorted(points, key=lambda point: (point[0], -point[1].f1.mean))
    name, title = f"front-{slug(model)}", f"F1 against cost, {shown(model)}"
    text = (
        "A panel a corpus. Up and to the left is better; the dashed line joins what nothing else beats in both. "
        "Whiskers: standard deviation over seeds. Points of equal cost are set apart a little."
    )
    if not fronts:
        return [Plot(name, title, text, None, "two groups of cells on one corpus, with counted cost")]
    with panels(len(fronts)) as (figure, axes):
        for axis, (corpus, points) in zip(axes, fronts.items(), strict=True):
            front: list[tuple[float, float]] = []
            last = 0.0
            for cost, group in points:
                last = max(cost, last + 0.25)
                _point(axis, group, last)
                if not front or 100 * group.f1.mean > front[-1][1]:
                    front.append((last, 100 * group.f1.mean))
            axis.plot(*zip(*front, strict=True), "--", color="#666666", linewidth=1, zorder=1)
            axis.set_title(shown(corpus), fontsize=13)
            axis.set_xlabel("counted forward passes a batch")
            axis.set_ylabel(f"{results.split} F1 (%)")
            axis.set_xlim(left=2)
        _legend(figure, axes, [group.label for group in results.groups])
    return [Plot(name, title, text, figure)]


def _shares(results: Results, model: str) -> list[Plot]:
    """F1 against p, a panel for each attack and its settings that RAT was run with at several p."""
    curves: dict[tuple[str, str, str], dict[float, Group]] = defaultdict(dict)
    for group in results.groups:
        if group.model == model and group.attack and group.settings.get("rat.gate", "bernoulli") == "bernoulli":
            others = str([item for item in sorted(group.settings.items()) if not item[0].startswith("rat.")])
            curves[group.corpus, group.attack, others][group.p] = group
    curves = {key: groups for key, groups in curves.items() if len(groups.keys() - {1.0}) > 1}
    name, title = f"share-{slug(model)}", f"F1 against the share p of attacked batches, {shown(model)}"
    text = "p = 0 is standard training, p = 1 adversarial training. Bands: 95% Student interval of the mean over seeds."
    if not curves:
        return [Plot(name, title, text, None, "RAT with two or more p and otherwise the same settings")]
    with panels(len(curves), sharey=len({corpus for corpus, _, _ in curves}) == 1) as (figure, axes):
        for axis, ((corpus, attack, _), groups) in zip(axes, curves.items(), strict=True):
            standard = results.main(model, corpus, "standard")
            _curve(axis, groups | ({0.0: standard} if standard else {}), MARKERS.get(attack, "X"))
            epsilon = next(iter(groups.values())).settings.get("attack.epsilon")
            axis.set_title(f"{shown(corpus)}, {shown(attack)}, ε = {epsilon}", fontsize=13)
            axis.set_xlabel("share p of attacked batches")
            axis.set_ylabel(f"{results.split} F1 (%)")
    return [Plot(name, title, text, figure)]


def _curve(axis: Axes, groups: dict[float, Group], marker: str) -> None:
    shares = sorted(groups)
    scores = [groups[p].f1 for p in shares]
    axis.plot(shares, [100 * score.mean for score in scores], marker=marker, color="black")
    ends = [(100 * score.low, 100 * score.high) for score in scores if score.low is not None and score.high is not None]
    if len(ends) == len(shares):
        low, high = zip(*ends, strict=True)
        axis.fill_between(shares, low, high, color="#cccccc", linewidth=0, zorder=0)


def _heat_maps(results: Results, model: str) -> list[Plot]:
    """F1 by ε and p, a panel for each corpus and attack that has two or more of both."""
    grids: dict[tuple[str, str], dict[tuple[float, float], Group]] = defaultdict(dict)
    for group in results.groups:
        epsilon = group.settings.get("attack.epsilon")
        if group.model == model and group.attack and epsilon is not None:
            place = float(epsilon), group.p
            known = grids[group.corpus, group.attack].get(place)
            if known is None or len(group.cards) > len(known.cards):
                grids[group.corpus, group.attack][place] = group
    grids = {key: grid for key, grid in grids.items() if all(len(set(side)) > 1 for side in zip(*grid, strict=True))}
    name, title = f"radius-{slug(model)}", f"F1 by radius ε and share p, {shown(model)}"
    text = "Mean F1 in percent over seeds, darker is higher; a number stands in every field that was measured."
    if not grids:
        return [Plot(name, title, text, None, "an attack with two or more ε and two or more p on one corpus")]
    with panels(len(grids)) as (figure, axes):
        for axis, ((corpus, attack), grid) in zip(axes, grids.items(), strict=True):
            radii, shares = (sorted(set(side)) for side in zip(*grid, strict=True))
            values = np.full((len(radii), len(shares)), np.nan)
            for (epsilon, p), group in grid.items():
                values[radii.index(epsilon), shares.index(p)] = 100 * group.f1.mean
            low, high = float(np.nanmin(values)), float(np.nanmax(values))
            axis.pcolormesh(values, cmap="Greys", vmin=low, vmax=high + 1.2 * (high - low) + 1e-9)
            for (row, column), value in np.ndenumerate(values):
                axis.text(column + 0.5, row + 0.5, "–" if np.isnan(value) else f"{value:.1f}", ha="center", va="center")
            axis.set_xticks(np.arange(len(shares)) + 0.5, [f"{p:g}" for p in shares])
            axis.set_yticks(np.arange(len(radii)) + 0.5, [f"{epsilon:g}" for epsilon in radii])
            axis.grid(False)
            axis.tick_params(length=0)
            axis.set_title(f"{shown(corpus)}, {shown(attack)}", fontsize=13)
            axis.set_xlabel("share p of attacked batches")
            axis.set_ylabel("radius ε")
    return [Plot(name, title, text, figure)]


def _seconds(results: Results, model: str) -> list[Plot]:
    """Training time relative to standard training, AT beside RAT."""
    rows = {(row.attack, row.training): row for row in table3(results, model) if row.attack and row.seconds}
    name, title = f"seconds-{slug(model)}", f"Training time relative to standard training, {shown(model)}"
    text = (
        "Medians over corpora and seeds, each beside standard training of the same; whiskers: lowest and highest. "
        "Diamonds: counted cost relative to standard training."
    )
    attacks = in_order(attack for attack, _ in rows if attack)
    if not attacks:
        return [Plot(name, title, text, None, "standard training and an attack on the same corpus and seed")]
    figure = Figure(figsize=(max(2.4 + 1.3 * len(attacks), 6), 4.2), layout="constrained")
    axis = figure.subplots()
    for offset, training, hatch in ((-0.2, "AT", ""), (0.2, "RAT", "///")):
        for place, attack in enumerate(attacks):
            if (attack, training) in rows:
                _bar(axis, place + offset, rows[attack, training], COLOURS[training], hatch)
    axis.axhline(1, color="black", linewidth=1, linestyle="--")
    axis.set_xticks(range(len(attacks)), [shown(attack) for attack in attacks])
    axis.set_xlim(-0.6, len(attacks) - 0.4)
    axis.set_ylabel("time, standard training = 1")
    axis.grid(False, axis="x")
    handles = {label: handle for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3)
    return [Plot(name, title, text, figure)]


def _bar(axis: Axes, place: float, row: CostRow, colour: str, hatch: str) -> None:
    assert row.seconds is not None
    middle = row.seconds.median
    face = "white" if hatch else _LIGHT_BLUE
    axis.bar(place, middle, 0.36, facecolor=face, edgecolor=colour, hatch=hatch, label=f"{row.training}, seconds")
    reach = [[middle - row.seconds.low], [row.seconds.high - middle]]
    axis.errorbar(place, middle, reach, color="black", capsize=4, linewidth=1.2)
    if row.counted:
        axis.plot(place, row.counted.median / 3, "D", markersize=7, mfc="white", mec="black", label="counted cost")
    axis.annotate(f"{middle:.2f}", (place, 0.08), ha="center", fontsize=11,
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5} if hatch else None)  # fmt: skip


def _point(axis: Axes, group: Group, cost: float) -> None:
    colour, score = COLOURS[group.training], group.f1
    axis.errorbar(
        cost,
        100 * score.mean,
        yerr=100 * score.sd if score.sd is not None else None,
        fmt=MARKERS.get(group.attack, "X"),
        markersize=13 if group.attack is None else 9,
        color=colour,
        mfc="white" if group.training == "RAT" else colour,
        mew=1.6,
        elinewidth=1,
        capsize=3,
        label=group.label,
    )


def _legend(figure: Figure, axes: Sequence[Axes], order: Sequence[str]) -> None:
    """One legend for all panels."""
    handles: dict[str, Any] = {}
    for axis in axes:
        handles |= {label: handle for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    labels = [label for label in dict.fromkeys(order) if label in handles]
    figure.legend([handles[label] for label in labels], labels, loc="outside lower center", ncols=min(3, len(labels)))
