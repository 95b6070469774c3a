"""report.json in a terminal: the verdict, the funnel and the busiest rules, on one screen."""

from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from curation.report import people, sentences
from curation.report.model import Comparison, Delta, Report, Review
from curation.report.text import one_line, without_escapes
from curation.report.words import Language, Words, change, figure, say

_RULES = 10
_WORST = 3  # sampled rules
_LEAST_EVIDENCE = 12  # cells
_STYLE = {"pass": "bold green", "fail": "bold red", "more": "bold yellow", "none": "bold"}
_ACTION_STYLE = {"drop": "red", "review": "yellow", "note": "dim", "keep": "green"}
_UNITS = {"messages": 0, "clean_messages": 0, "turns": 1}  # the rest are examples


def render(report: Report, console: Console, *, language: Language = "en") -> None:
    """Print the report; nothing in it can colour, move, link or rename the terminal.

    Everything is a `Text`, which rich never reads as markup, and escape sequences are taken out before.
    """
    console.print(_funnel(report, language))
    if report.rules:
        console.print(_rules(report, console, language))
    for words in sentences.ledger(report):
        console.print(_safe(words, language))
    console.print(_together(sentences.diversity(report), language))
    if report.review:
        _review(report.review, console, language)
    if report.comparison:
        render_comparison(report.comparison, console, language=language)
    if report.training:
        for words in [*sentences.training(report.training), sentences.mixture(report.training)]:
            console.print(_safe(words, language))
    for warning in sentences.warnings(report):
        console.print(Text.assemble(("! ", "bold yellow"), _safe(warning, language)))
    state, colon = report.gate.state, say("colon").into(language)
    verdict = f"{say('verdict').into(language)}{colon}{say(f'gate.{state}').into(language)}"
    console.print(Text.assemble((verdict, _STYLE[state]), " — ", _safe(sentences.headline(report), language)))


def _review(found: Review, console: Console, language: Language) -> None:
    """Print what people decided, the rules that stand worst against the gate first; `decisions stats` has all."""
    states = Counter(row.state for row in found.rules)
    worst = sorted(found.rules, key=lambda row: ("fail", "more", "pass").index(row.state))
    missed = [people.missed(found.kept)] if found.kept else []
    said = [people.counts(found)[:2] + missed, [people.precision(row, found.gate) for row in worst[:_WORST]]]
    if len(found.rules) > _WORST:
        said.append([say("review.states", passed=states["pass"], failed=states["fail"], more=states["more"])])
    for part in said:
        if part:
            console.print(_together(part, language))


def _together(said: Sequence[Words], language: Language) -> Text:
    """Put sentences into one paragraph."""
    space = "" if language == "zh" else " "
    return Text(clean(space.join(words.into(language) for words in said), 3000))


def render_comparison(other: Comparison, console: Console, *, language: Language = "en") -> None:
    """Print what is otherwise than in another run."""
    console.print(_safe(sentences.compared(other), language))
    console.print(_deltas("comparison", other.counts, language))
    if other.rules:
        console.print(_deltas("comparison.rules", other.rules[:_RULES], language, more=len(other.rules) - _RULES))
    if not other.moved:
        console.print(_safe(say("comparison.moved.none"), language))
        return
    table = _table("comparison.moved", language)
    for key in ("comparison.old", "comparison.new"):
        table.add_column(say(key).into(language), no_wrap=True)
    table.add_column(say("comparison.count").into(language), justify="right")
    for row in other.moved:
        table.add_row(say(f"moved.{row.old}").into(language), say(f"moved.{row.new}").into(language), f"{row.n:,}")
    console.print(table)


def _deltas(title: str, rows: Sequence[Delta], language: Language, *, more: int = 0) -> Table:
    table = _table(title, language)
    table.add_column(say("comparison.what").into(language), no_wrap=True)
    for key in ("comparison.old", "comparison.new", "change"):
        table.add_column(say(key).into(language), justify="right", no_wrap=True)
    for row in rows:
        name = say(f"delta.{row.key}").into(language) if title == "comparison" else clean(row.key, 40)
        changed = f"{row.new - row.old:+,.4g}".replace("-", "−") if row.new != row.old else "0"
        table.add_row(Text(name), figure(row.old), figure(row.new), changed)
    if more > 0:
        table.caption = Text(say("more-rows", n=more).into(language))
    return table


def clean(text: str, most: int) -> str:
    """Return at most `most` characters of a log's text on one line, without anything a terminal obeys."""
    return one_line(without_escapes(text[: 50 * most]), most)


def _safe(words: Words, language: Language) -> Text:
    return Text(clean(words.into(language), 1000))


def _table(title: str, language: Language) -> Table:
    heading = Text(say(title).into(language), style="bold")
    return Table(
        title=heading, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, min_width=cell_len(heading.plain)
    )


def _funnel(report: Report, language: Language) -> Table:
    table = _table("funnel", language)
    table.add_column(say("funnel.stage").into(language), no_wrap=True)
    table.add_column(say("n").into(language), justify="right", no_wrap=True)
    table.add_column(say("change").into(language), justify="right", no_wrap=True)
    for step, before in zip(report.funnel, [None, *report.funnel], strict=False):
        same = before is not None and _UNITS.get(before.stage) == _UNITS.get(step.stage)
        shown = change(before.n, step.n) if before is not None and same else ""
        table.add_row(say(f"stage.{step.stage}").into(language), f"{step.n:,}", shown)
    return table


def _rules(report: Report, console: Console, language: Language) -> Table:
    """Give the names and numbers their room first; the evidence takes what is left, or stays away."""
    rules = report.rules[:_RULES]
    names = [clean(rule.rule, 40) for rule in rules]
    actions = [say(f"action.{rule.action}").into(language) for rule in rules]
    widths = [max(map(cell_len, names)), max(map(cell_len, actions)), 9, 9]
    table = _table("rules", language)
    table.add_column(say("rules.rule").into(language), width=widths[0], no_wrap=True)
    table.add_column(say("rules.action").into(language), width=max(widths[1], 6), no_wrap=True)
    table.add_column(say("rules.hits").into(language), width=widths[2], justify="right", no_wrap=True)
    table.add_column(say("rules.alone").into(language), width=widths[3], justify="right")
    left = console.width - sum(widths) - 3 * len(widths) - 3
    if left >= _LEAST_EVIDENCE:
        title = say("rules.evidence").into(language)
        table.add_column(title, max_width=left, no_wrap=True, overflow="ellipsis")
    for name, action, rule in zip(names, actions, rules, strict=True):
        alone = f"{rule.alone:,}" if rule.action != "note" else "–"
        cells = [Text(name), Text(action, style=_ACTION_STYLE[rule.action]), Text(f"{rule.hits:,}"), Text(alone)]
        if left >= _LEAST_EVIDENCE:
            cells.append(Text(clean(rule.examples[0].evidence, 60) if rule.examples else "", style="dim"))
        table.add_row(*cells)
    if len(report.rules) > _RULES:
        table.caption = Text(say("more-rows", n=len(report.rules) - _RULES).into(language))
    return table
