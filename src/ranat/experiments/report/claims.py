"""The paper's claims, each decided by a stated rule from confidence intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ranat.experiments.report.claims_cost import cost_claims
from ranat.experiments.report.comparisons import Comparisons
from ranat.experiments.report.evidence import Claim, Evidence, Verdict, about, above, from_difference, overall, within
from ranat.experiments.report.groups import Group, Results, in_order, shown
from ranat.experiments.report.tables import ATTACKS, CORPORA, PUBLISHED_MODEL, Published, averaged, published_mean

MARGIN = 0.005
"""RAT may be worse than AT by this much F1, and a gain may miss the published one by it: half a point."""

_POINTS = f"{100 * MARGIN:g}"


def claims(results: Results, comparisons: Comparisons, published: Published) -> list[Claim]:
    """All claims, for every backbone that was trained with an attack."""
    decided = []
    for model in [model for model in results.models if results.attacks(model)]:
        scores = _Scores(results, comparisons, published, model)
        decided += [
            scores.better(
                "at-improves",
                ("standard", "AT"),
                "Adversarial training improves on standard training on every corpus, in the mean over attacks",
            ),
            scores.better(
                "rat-improves",
                ("standard", "RAT"),
                "Random adversarial training improves on standard training on every corpus, in the mean over attacks",
            ),
            scores.gains(),
            scores.better(
                "rat-keeps-up", ("AT", "RAT"), "RAT is as good as AT on every corpus, in the mean over attacks", -MARGIN
            ),
            scores.better(
                "rat-better",
                ("AT", "RAT"),
                "RAT is even better than AT on BC5-disease, NCBI-disease and DDI, in the mean over attacks",
                only=("bc5-disease", "ncbi-disease", "ddi"),
            ),
            scores.no_best("AT"),
            scores.no_best("RAT"),
            *cost_claims(results, model),
        ]
    return decided


class _Scores:
    """The claims about F1 of one backbone."""

    def __init__(self, results: Results, comparisons: Comparisons, published: Published, model: str) -> None:
        self.results, self.comparisons, self.published, self.model = results, comparisons, published, model

    def better(self, name: str, pair: tuple[str, str], text: str, floor: float = 0, only: Sequence[str] = ()) -> Claim:
        """The second training is better than the first by more than `floor`, in the mean over attacks."""
        corpora = list(only) or in_order([*CORPORA, *self.results.corpora])
        measured = len([corpus for corpus in corpora if corpus in self.results.corpora])
        evidence = []
        for corpus in corpora:
            sides = self._sides(corpus, pair)
            difference = self.comparisons.between(corpus, *sides)
            wide = self.comparisons.between(corpus, *sides, level=1 - 0.05 / max(measured, 1))
            gain = self._published_gain(pair, corpus)
            if difference is None or wide is None:
                reason = "no seed in common, or its cells do not fit together" if all(sides) else "not measured"
                evidence.append(Evidence(shown(corpus), None, None, None, gain, "undecided", note=reason))
                continue
            verdict = above(floor, difference.low, difference.high)
            refuted = above(floor, wide.low, wide.high) == "does not hold"
            attacks = in_order(group.attack for side in sides for group in side if group.attack)
            some = "" if set(attacks) >= set(ATTACKS) else f"mean over {', '.join(map(shown, attacks))} only"
            evidence.append(from_difference(shown(corpus), difference, gain, verdict, refuted, some))
        bound = f"−{_POINTS}" if floor else "0"
        rule = f"On a corpus it holds if the 95% interval of {pair[1]} − {pair[0]} lies above {bound}, and does not if "
        rule = f"Not worse by {_POINTS} points. {rule}" if floor else rule
        return self._claim(name, text, "Section IV-B, Table II", f"{rule}it lies below.", evidence)

    def gains(self) -> Claim:
        """The gains of Table I, for the attack that is the best there."""
        best = {corpus: self._published_best(corpus) for corpus in CORPORA}
        rivals = [(corpus, attack) for corpus, attacks in best.items() for attack in attacks]
        measured = sum(self._main(corpus, "AT", attack) != [] for corpus, attack in rivals)
        evidence = []
        for corpus, attack in rivals:
            printed = [
                self.published["I", PUBLISHED_MODEL, *row, corpus] for row in (("standard", None), ("AT", attack))
            ]
            gain = printed[1] - printed[0]
            sides = self._main(corpus, "standard", None), self._main(corpus, "AT", attack)
            difference = self.comparisons.between(corpus, *sides)
            wide = self.comparisons.between(corpus, *sides, level=1 - 0.05 / max(measured, 1))
            label = f"{shown(corpus)}, {shown(attack)}"
            if difference is None or wide is None:
                evidence.append(Evidence(label, None, None, None, gain, "undecided", note="not measured"))
                continue
            verdict = within(gain, MARGIN, difference.low, difference.high)
            refuted = within(gain, MARGIN, wide.low, wide.high) == "does not hold"
            evidence.append(from_difference(label, difference, gain, verdict, refuted))
        return self._claim(
            "gains",
            "The best attack gains 0.34 to 3.89 points on standard training",
            "Section IV-B, Table I",
            "For each attack that Table I has as the best on a corpus, as choosing anew would flatter it: holds if the "
            f"95% interval of its gain lies within {_POINTS} points of the published gain, and does not if it lies "
            "outside.",
            evidence,
        )

    def no_best(self, training: str) -> Claim:
        """No attack is the best everywhere."""
        attacks = [attack for attack in ATTACKS if attack in self.results.attacks(self.model)]
        corpora = [
            corpus
            for corpus in self.results.corpora
            if all(self._main(corpus, training, attack) for attack in attacks) and corpus not in self.results.untestable
        ]
        pairs = [(corpus, one, two) for corpus in corpora for one in attacks for two in attacks if one != two]
        losses = {}
        for corpus, one, two in pairs:
            sides = self._main(corpus, training, two), self._main(corpus, training, one)
            wide = self.comparisons.between(corpus, *sides, level=1 - 0.05 / len(pairs))
            if wide and wide.seeds > 1 and wide.low > 0:
                losses[corpus, one, two] = self.comparisons.between(corpus, *sides)
        evidence = [
            from_difference(f"{shown(corpus)}, {shown(one)} − {shown(two)}", difference, None, "holds", False)
            for (corpus, one, two), difference in losses.items()
            if difference
        ]
        verdict: Verdict = "undecided"
        if len(attacks) > 1 and len(corpora) > 1:
            if {two for _, _, two in losses} == set(attacks):
                verdict = "holds"
            elif any(all(pair in losses for pair in pairs if pair[1] == one) for one in attacks):
                verdict = "does not hold"
        rule = (
            "Holds if every attack is beaten by another on some corpus, does not if one beats all others on all; to "
            "beat is to have the interval of the difference above 0, at the level 1 − 0.05/k for all k ordered pairs. "
            "It takes two attacks on two corpora."
        )
        count = f"{len(pairs)} ordered pairs on {len(corpora)} corpora; shown are those where one beats the other."
        note = " ".join(filter(None, [count, about(self.model)]))
        text = f"Under {training} no attack is the best on every corpus"
        name = f"no-best-{training.lower()}"
        return Claim(name, self.model, text, "Section IV-B", rule, verdict, evidence, note)

    def _claim(self, name: str, text: str, source: str, rule: str, evidence: list[Evidence]) -> Claim:
        of = {item.label.partition(",")[0] for item in evidence} & {shown(corpus) for corpus in CORPORA}
        measured = {item.label.partition(",")[0] for item in evidence if item.estimate is not None} & of
        notes = [f"Measured on {len(measured)} of the claim's {len(of)} corpora."] if measured != of else []
        notes += filter(None, [about(self.model)])
        return Claim(name, self.model, text, source, rule, overall(evidence), evidence, " ".join(notes))

    def _published_best(self, corpus: str) -> list[str]:
        """The attacks that Table I has as the best: two, where they are equal."""
        table = {attack: self.published["I", PUBLISHED_MODEL, "AT", attack, corpus] for attack in ATTACKS}
        return [attack for attack, f1 in table.items() if f1 == max(table.values())]

    def _main(self, corpus: str, training: str, attack: str | None) -> list[Group]:
        group = self.results.main(self.model, corpus, training, attack)
        return [group] if group else []

    def _sides(self, corpus: str, pair: tuple[str, str]) -> tuple[list[Group], list[Group]]:
        """The groups on both sides; of attacks those that both sides have."""
        one, two = (
            self._main(corpus, training, None)
            if training == "standard"
            else averaged(self.results, self.model, corpus, training)
            for training in pair
        )
        if "standard" not in pair:
            shared = {group.attack for group in one} & {group.attack for group in two}
            one, two = ([group for group in side if group.attack in shared] for side in (one, two))
        return one, two

    def _published_gain(self, pair: tuple[str, str], corpus: str) -> float | None:
        means: Mapping[str, float | None] = {
            training: self.published.get(("II", PUBLISHED_MODEL, "standard", None, corpus))
            if training == "standard"
            else published_mean(self.published, training, corpus)
            for training in pair
        }
        one, two = means[pair[0]], means[pair[1]]
        return two - one if one is not None and two is not None else None
