"""The loss curve as an SVG file of its own: readable in light and dark, without a plotting library."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 380  # px
LEFT, RIGHT, TOP, BOTTOM = 62, 150, 34, 52  # px around the plot; the lines' names stand on the right
LINES = (  # key in the history, name, CSS class
    ("loss", "training", "train"),
    ("eval_domain_loss", "validation", "domain"),
    ("eval_general_loss", "general", "general"),
)
STYLE = """
  .page{fill:#fff}.ink{fill:#1f2328}.soft{fill:#59636e}.grid{stroke:#d1d9e0}.mark{stroke:#59636e;stroke-dasharray:4 4}
  .train{--c:#8c959f}.domain{--c:#0969da}.general{--c:#bc4c00}
  path{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round}circle{fill:var(--c)}.name{fill:var(--c)}
  text{font:12px system-ui,-apple-system,"Segoe UI",sans-serif}.title{font-size:14px;font-weight:600}
  @media(prefers-color-scheme:dark){
  .page{fill:#0d1117}.ink{fill:#e6edf3}.soft{fill:#9198a1}.grid{stroke:#2a313c}.mark{stroke:#9198a1}
  .train{--c:#9198a1}.domain{--c:#4493f8}.general{--c:#f0883e}}
"""


def draw(
    history: Sequence[dict[str, float]],
    *,
    title: str,
    best_step: int | None,
    last_step: int,
    stopped_early: bool,
) -> str:
    """Return the SVG of a history of rows with ``step`` and losses in nats per trained token."""
    lines = [(name, css, [(row["step"], row[key]) for row in history if key in row]) for key, name, css in LINES]
    values = [value for _, _, points in lines for _, value in points]
    bottom, top, ticks = _scale(min(values, default=0.0), max(values, default=1.0))
    end = max(1, last_step)

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / end

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (top - value) / (top - bottom)

    parts = [f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>']
    parts.append(f'<text class="ink title" x="{LEFT}" y="20">{escape(title)}</text>')
    for tick in ticks:
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(f'<text class="soft" x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for step in _steps(end):
        parts.append(
            f'<text class="soft" x="{x(step):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{step}</text>'
        )
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        f'<text class="soft" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">'
        "optimiser step</text>"
    )
    parts.append(
        f'<text class="soft" x="16" y="{middle}" text-anchor="middle" transform="rotate(-90 16 {middle})">'
        "loss (nats per answer token)</text>"
    )
    parts += _marks(x, best_step=best_step, last_step=last_step, stopped_early=stopped_early)
    for _, css, points in lines:
        if points:
            path = "L".join(f"{x(step):.1f} {y(value):.1f}" for step, value in points)
            dots = "".join(f'<circle cx="{x(step):.1f}" cy="{y(value):.1f}" r="2.5"/>' for step, value in points)
            parts.append(f'<g class="{css}"><path d="M{path}"/>{dots}</g>')
    parts += _names([(name, css, points[-1][1], y(points[-1][1])) for name, css, points in lines if points])
    spoken = "; ".join(f"{name} from {points[0][1]:.2f} to {points[-1][1]:.2f}" for name, _, points in lines if points)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img"><title>{escape(title)}: {spoken}</title><style>{STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _scale(low: float, high: float) -> tuple[float, float, list[float]]:
    """Round the range of the values outwards to about five ticks."""
    span = max(high - low, 0.05)
    rough = span / 4
    power = 10.0 ** math.floor(math.log10(rough))
    unit = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    first, last = math.floor(low / unit), math.ceil(max(high, low + 0.05) / unit)
    return first * unit, last * unit, [round(number * unit, 10) for number in range(first, last + 1)]


def _steps(end: int) -> list[int]:
    """About six places on the step axis, whole numbers, first and last among them."""
    unit = max(1, math.ceil(end / 6))
    return [step for step in range(0, end, unit) if end - step >= unit / 2] + [end]


def _marks(x: Callable[[float], float], *, best_step: int | None, last_step: int, stopped_early: bool) -> list[str]:
    marks = []
    if best_step is not None:
        marks.append((best_step, f"best: step {best_step}"))
    if stopped_early:
        marks.append((last_step, f"stopped early: step {last_step}"))
    parts = []
    for row, (step, words) in enumerate(marks):
        anchor, shift = ("start", 5) if step < last_step * 0.6 else ("end", -5)
        parts.append(f'<line class="mark" x1="{x(step):.1f}" x2="{x(step):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(
            f'<text class="ink" x="{x(step) + shift:.1f}" y="{TOP + 12 + 16 * row}" text-anchor="{anchor}">'
            f"{words}</text>"
        )
    return parts


def _names(ends: list[tuple[str, str, float, float]]) -> list[str]:
    """The lines' names with their last value, at the right, pushed apart where they would touch."""
    parts, lowest = [], 0.0
    for name, css, value, place in sorted(ends, key=lambda end: end[3]):
        lowest = max(place, lowest + 16)
        parts.append(
            f'<g class="{css}"><text class="name" x="{WIDTH - RIGHT + 10}" y="{lowest + 4:.1f}">'
            f"{name} {value:.3f}</text></g>"
        )
    return parts
