"""The geometry of the charts: numbers to places in an SVG, nothing drawn here."""

from collections.abc import Sequence
from typing import NamedTuple

from curation.report.model import Histogram, Loss
from curation.report.words import Words, percent, say

WIDTH, HEIGHT = 320, 110  # of a histogram's plot, in SVG units
_MOST_LABELS = 7


class Label(NamedTuple):
    """A word under the axis."""

    x: float
    text: str


class Bin(NamedTuple):
    """A row of the histogram's table."""

    range: Words
    before: int
    after: int
    before_share: str
    after_share: str


class Steps(NamedTuple):
    """A histogram as two step lines; each stands for shares of its own total."""

    before: str  # path of the line
    after: str
    area: str  # path of the filled area under `after`
    labels: list[Label]
    top: str  # the share at full height
    bins: list[Bin]


class Curve(NamedTuple):
    """One line of the loss chart."""

    name: str  # train, domain or general
    path: str
    dots: list[tuple[float, float]]
    last: float  # its last value
    y: float  # where its name stands, apart from the others


class Curves(NamedTuple):
    """The loss chart: lines on a common scale, and where the marks stand."""

    lines: list[Curve]
    top: str
    bottom: str
    labels: list[Label]
    best: float | None  # x of the step that was kept
    stopped: float | None  # x of the step where training stopped early


CURVE_WIDTH, CURVE_HEIGHT = 560, 190  # of the loss chart's plot, in SVG units
_APART = 15  # between the names of two lines


def curves(losses: Sequence[Loss], *, best_step: int | None, stopped_step: int | None) -> Curves | None:
    """Lay out the losses; None where there is nothing to draw."""
    lines: dict[str, list[tuple[int, float]]] = {
        "train": [(loss.step, loss.train) for loss in losses if loss.train is not None],
        "domain": [(loss.step, loss.domain) for loss in losses if loss.domain is not None],
        "general": [(loss.step, loss.general) for loss in losses if loss.general is not None],
    }
    values = [value for points in lines.values() for _, value in points]
    if not values:
        return None
    last = max(1, *(loss.step for loss in losses))
    low, high = min(values), max(values)
    span = max(high - low, 0.05)

    def x(step: float) -> float:
        return round(CURVE_WIDTH * step / last, 1)

    def y(value: float) -> float:
        return round(CURVE_HEIGHT * (low + span - value) / span, 1)

    drawn = [
        Curve(
            name,
            "M" + "L".join(f"{x(step)} {y(value)}" for step, value in points),
            [(x(step), y(value)) for step, value in points] if name != "train" else [],
            points[-1][1],
            y(points[-1][1]),
        )
        for name, points in lines.items()
        if points
    ]
    places: dict[str, float] = {}
    lowest = float(-_APART)
    for curve in sorted(drawn, key=lambda one: (one.y, one.name)):
        lowest = places[curve.name] = max(curve.y, lowest + _APART)
    steps = sorted({0, last // 4, last // 2, 3 * last // 4, last})
    return Curves(
        [curve._replace(y=places[curve.name]) for curve in drawn],
        f"{low + span:.2f}",
        f"{low:.2f}",
        [Label(x(step), f"{step:,}") for step in steps],
        None if best_step is None else x(best_step),
        None if stopped_step is None else x(stopped_step),
    )


def part(n: float, whole: float) -> float:
    """How many percent of the width `n` takes, when `whole` takes all of it."""
    return round(100 * n / whole, 2) if whole else 0.0


def steps(histogram: Histogram) -> Steps | None:
    """Lay a histogram out with bins of equal width; None when it is empty."""
    before, after = sum(histogram.before), sum(histogram.after)
    if not before and not after:
        return None
    shares_before = [n / before if before else 0.0 for n in histogram.before]
    shares_after = [n / after if after else 0.0 for n in histogram.after]
    top = max(shares_before + shares_after)
    line_after = _line([share / top for share in shares_after])
    return Steps(
        before=_line([share / top for share in shares_before]) if before else "",
        after=line_after if after else "",
        area=f"{line_after}Z" if after else "",
        labels=_labels(histogram.edges),
        top=percent(top, 1),
        bins=_bins(histogram, before, after),
    )


def _line(heights: list[float]) -> str:
    wide = WIDTH / len(heights)
    path = [f"M0 {HEIGHT}"]
    for place, height in enumerate(heights):
        path.append(f"V{HEIGHT * (1 - height):.1f}H{wide * (place + 1):.1f}")
    return "".join([*path, f"V{HEIGHT}"])


def _labels(edges: list[int]) -> list[Label]:
    bins = len(edges) - 1
    wide = WIDTH / bins
    every = -(-bins // _MOST_LABELS)
    last = bins - 1
    places = [place for place in range(0, bins, every) if last - place >= every or place == last]
    labels = [Label(round(wide * place, 1), f"{edges[place]:,}") for place in places if place != last]
    return [*labels, Label(round(wide * last, 1), f"≥{edges[last]:,}")]


def _bins(histogram: Histogram, before: int, after: int) -> list[Bin]:
    rows = []
    last = len(histogram.before) - 1
    for place, (one, other) in enumerate(zip(histogram.before, histogram.after, strict=True)):
        low, high = histogram.edges[place], histogram.edges[place + 1] - 1
        words = say("bin.open", low=low) if place == last else say("bin.closed", low=low, high=high)
        if place != last and low == high:
            words = Words(f"{low:,}", f"{low:,}")
        rows.append(Bin(words, one, other, percent(one, before), percent(other, after)))
    return rows
