"""report.json as Markdown for a pull request or an issue: no text of a log can become markup there."""

import re
from collections.abc import Callable, Iterable

from curation.report import people, sentences
from curation.report.model import Comparison, Delta, Generation, KeptExample, PrecisionRow, Report, Training, Turn
from curation.report.text import one_line
from curation.report.words import Language, Words, change, figure, mend_name, name_of, percent, say, size

_TEXT, _NAME = 200, 120  # characters of a log's text, of a name
_ROWS, _EXAMPLES = 60, 5
_PLAIN_ASCII = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ,;!?'\"()/+-=%")
_UNITS = {"messages": 0, "clean_messages": 0, "turns": 1}  # the rest are examples


def render(report: Report, *, language: Language = "en") -> str:
    """Return the report as GitHub-flavoured Markdown in one language."""
    parts = [
        *_opening(report, language),
        *_funnel(report, language),
        *_rules(report, language),
        *_types(report, language),
        *_also(report, language),
        *_examples(report, language),
        *_review(report, language),
        *(_comparison(report, report.comparison, language) if report.comparison else []),
        *(_training(report.training, language) if report.training else []),
        *_provenance(report, language),
    ]
    return "\n\n".join(parts) + "\n"


def code(text: str, most: int = _TEXT) -> str:
    """Show a log's text as it is, on one line.

    ASCII signs become entities: Markdown reads none of them as syntax, no | ends a table cell, no http: or www.
    becomes a link, and GitHub links no @name or #1 inside <code>.
    """
    shown = one_line(text, most)
    return f"<code>{''.join(_entity(char) for char in shown)}</code>" if shown else ""


def _entity(char: str) -> str:
    return char if char in _PLAIN_ASCII or not char.isascii() else f"&#{ord(char)};"


def _words(words: Words, language: Language) -> str:
    """Our own sentence; names in it may come from a pack, so nothing in it is markup either."""
    text = one_line(words.into(language), 1000)
    escaped = "".join(_entity(char) if char in "\\`*_[]<>|~&#@$" else char for char in text)
    # A name at the beginning of a paragraph could make it a list, or a heading of the line before.
    return re.sub(r"^([-+=]|\d+(?=[.)]))", lambda found: f"&#{ord(found[1][0])};{found[1][1:]}", escaped)


def _table(language: Language, heads: Iterable[str], rows: list[list[str]], more: int = 0) -> str:
    """Write a table; a head that begins with > belongs to a column of numbers."""
    keys = list(heads)
    titles = [_words(say(key.removeprefix(">")), language) for key in keys]
    lines = [titles, ["---:" if key.startswith(">") else "---" for key in keys], *rows[:_ROWS]]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    more += max(0, len(rows) - _ROWS)
    return f"{text}\n\n{_words(say('more-rows', n=more), language)}" if more else text


def _opening(report: Report, language: Language) -> list[str]:
    sign = {"pass": "✅", "fail": "❌", "more": "⚠️", "none": "⚪"}[report.gate.state]
    verdict = say(f"gate.{report.gate.state}").into(language)
    colon = say("colon").into(language)
    parts = [
        f"# {say('title').into(language)}{colon}{code(report.name, 80)}",
        f"{sign} **{verdict}** — {_words(sentences.headline(report), language)}",
    ]
    warnings = [f"- ⚠️ {_words(warning, language)}" for warning in sentences.warnings(report)[:_ROWS]]
    if warnings:
        parts.append("\n".join(warnings))
    if report.gate.checks:
        rows = [
            [
                _words(name_of("check", check.name), language),
                figure(check.value),
                _words(sentences.limit(check), language),
                ("✅ " if check.passed else "❌ ")
                + say("gate.passed" if check.passed else "gate.failed").into(language),
            ]
            for check in report.gate.checks
        ]
        parts.append(_table(language, ["gate.check", ">gate.value", ">gate.limit", "gate.result"], rows))
    return parts


def _funnel(report: Report, language: Language) -> list[str]:
    rows = []
    for step, before in zip(report.funnel, [None, *report.funnel], strict=False):
        same = before is not None and _UNITS.get(before.stage) == _UNITS.get(step.stage)
        shown = change(before.n, step.n) if before is not None and same else ""
        rows.append([say(f"stage.{step.stage}").into(language), f"{step.n:,}", shown])
    ledger = [_words(words, language) for words in sentences.ledger(report)]
    balance = say("ledger.balanced" if report.ledger.balanced else "ledger.unbalanced").into(language)
    sign = "✅" if report.ledger.balanced else "❌"
    kinds = [
        [say(f"kind.{kind}").into(language), *(f"{n:,}" for n in (row.found, row.keep, row.review, row.drop))]
        for kind, row in (("pair", report.counts.pairs), ("dialogue", report.counts.dialogues))
    ]
    return [
        _heading("funnel", language),
        _table(language, ["funnel.stage", ">n", ">change"], rows),
        f"{sign} {ledger[0]} ({balance})  \n{ledger[1]}",
        _table(
            language, ["verdicts.kind", ">card.candidates", ">action.keep", ">action.review", ">action.drop"], kinds
        ),
    ]


def _rules(report: Report, language: Language) -> list[str]:
    rows = [
        [
            code(rule.rule, _NAME),
            _words(sentences.why(rule), language),
            say(f"action.{rule.action}").into(language),
            f"{rule.hits:,}",
            f"{rule.alone:,}" if rule.action != "note" else "–",
            code(rule.examples[0].text, 60) if rule.examples else "",
        ]
        for rule in report.rules
    ]
    mends = [
        [
            _words(mend_name(mend.mend), language),
            f"{mend.hits:,}",
            code(mend.examples[0].before, 60) if mend.examples else "",
            code(mend.examples[0].after, 60) if mend.examples else "",
        ]
        for mend in report.mends
    ]
    heads = ["rules.rule", "rules.why", "rules.action", ">rules.hits", ">rules.alone", "rules.example"]
    return [
        _heading("rules", language),
        _table(language, heads, rows) if rows else say("rules.none").into(language),
        _heading("mends", language),
        _table(language, ["mends.mend", ">mends.hits", "before", "after"], mends)
        if mends
        else say("mends.none").into(language),
    ]


def _types(report: Report, language: Language) -> list[str]:
    before, after = (sum(getattr(row, when) for row in report.query_types) for when in ("before", "after"))
    names = sentences.type_names(report)
    varied = [[_words(measure, language), one, other] for measure, one, other in sentences.variety(report)]
    rows = [
        [
            _words(names[row.id], language),
            f"{row.before:,} ({percent(row.before, before)})",
            f"{row.after:,} ({percent(row.after, after)})"
            if row.after
            else f"❌ {say('types.missing').into(language)}"
            if row.before >= sentences.FEW
            else "0",
        ]
        for row in sentences.asked(report)
    ]
    return [
        _heading("types", language),
        _table(language, ["types.type", ">before", ">after"], rows) if rows else say("types.none").into(language),
        "\n".join(
            f"- {_words(words, language)}" for words in [*sentences.missing(report), *sentences.diversity(report)]
        ),
        *([_table(language, ["diversity.measure", ">before", ">after"], varied)] if varied else []),
    ]


def _also(report: Report, language: Language) -> list[str]:
    languages = [
        [_words(name_of("language", row.language), language), f"{row.before:,}", f"{row.after:,}"]
        for row in report.languages
    ]
    private = [
        [
            _words(name_of("personal", row.kind), language),
            f"{row.found:,}",
            f"{row.left:,}" + (" ❌" if row.left else ""),
        ]
        for row in report.personal_data
    ]
    said = [*sentences.duplicates(report), sentences.reasoning(report)]
    return [
        _heading("also", language),
        "\n".join(f"- {_words(words, language)}" for words in said),
        _table(language, ["language", ">before", ">after"], languages)
        if languages
        else say("languages.none").into(language),
        _table(language, ["personal-data.kind", ">found", ">personal-data.left"], private)
        if private
        else say("personal-data.none").into(language),
    ]


def _review(report: Report, language: Language) -> list[str]:
    """What people decided: precision by rule against the gate, what was missed, and how far people agree."""
    found = report.review
    parts = [_heading("review", language)]
    if found is None:
        return [*parts, "\n\n".join(_words(say(key), language) for key in ("review.none", "review.how"))]
    signs = {"pass": "✅", "fail": "❌", "more": "⚠️"}
    rows = [
        [
            code(row.rule, _NAME),
            f"{row.n:,} / {row.population:,}",
            f"{row.right:,}",
            percent(row.right, row.n),
            f"{percent(row.low, 1)} – {percent(row.high, 1)}",
            f"{row.alone_right:,} / {row.alone_n:,}" if row.alone_n else "–",
            f"{signs[row.state]} {_words(say(f'precision.{row.state}', **_more(row)), language)}",
        ]
        for row in found.rules
    ]
    heads = ["rules.rule", ">review.sampled", ">review.right", ">review.share", ">review.interval", ">review.alone"]
    said = [
        *people.counts(found),
        *([people.missed(found.kept)] if found.kept else []),
        *people.undecided(report),
        *people.blank(report),
    ]
    parts.append("\n".join(f"- {_words(words, language)}" for words in said))
    if rows:
        parts.append(_words(say("review.precision.caption", gate=percent(found.gate, 1)), language))
        parts.append(_table(language, [*heads, "review.result"], rows))
    agreed = [
        [_words(row.who, language), f"{row.n:,}", row.share, row.kappa, _words(row.word, language)]
        for row in people.agreement(found)
    ]
    heads = ["review.who", ">review.common", ">review.percent", ">review.kappa", "review.meaning"]
    return [*parts, *([_table(language, heads, agreed)] if agreed else [])]


def _more(row: PrecisionRow) -> dict[str, int]:
    return {"n": row.more} if row.state == "more" else {}


def _examples(report: Report, language: Language) -> list[str]:
    parts = [_heading("kept", language)]
    parts += [_beside(example, language) for example in report.kept_examples[:_EXAMPLES]]
    if not report.kept_examples:
        parts.append(say("kept.none").into(language))
    rows = [
        [
            " ".join(code(rule, _NAME) for rule in sentences.behind(report, example.rules)[:8]),
            code(example.source, _NAME),
            _talk(example.turns, language),
        ]
        for example in report.dropped_examples[:_EXAMPLES]
    ]
    parts.append(_heading("dropped", language))
    parts.append(
        _table(language, ["dropped.because", "source", "dropped.text"], rows)
        if rows
        else say("dropped.none").into(language)
    )
    return parts


def _comparison(report: Report, other: Comparison, language: Language) -> list[str]:
    def deltas(rows: Iterable[Delta], name: Callable[[str], str]) -> str:
        shown = []
        for row in rows:
            changed = f"{row.new - row.old:+.4g}".replace("-", "−") if row.new != row.old else "0"
            shown.append([name(row.key), figure(row.old), figure(row.new), changed])
        return _table(language, ["comparison.what", ">comparison.old", ">comparison.new", ">change"], shown)

    types = sentences.type_names(report)
    moved = [
        [say(f"moved.{row.old}").into(language), say(f"moved.{row.new}").into(language), f"{row.n:,}"]
        for row in other.moved
    ]
    parts = [_heading("comparison", language), _words(sentences.compared(other), language)]
    parts.append(deltas(other.counts, lambda key: say(f"delta.{key}").into(language)))
    if other.rules:
        parts += [f"**{say('comparison.rules').into(language)}**", deltas(other.rules, lambda key: code(key, _NAME))]
    if other.query_types:
        parts += [
            f"**{say('comparison.types').into(language)}**",
            deltas(other.query_types, lambda key: _words(types.get(key, name_of("type", key)), language)),
        ]
    parts.append(f"**{say('comparison.moved').into(language)}**")
    heads = ["comparison.old", "comparison.new", ">comparison.count"]
    parts.append(_table(language, heads, moved) if moved else say("comparison.moved.none").into(language))
    return parts


def _training(told: Training, language: Language) -> list[str]:
    said = [*sentences.training(told), sentences.mixture(told)]
    rows = [
        [
            say(f"training.kind.{one.kind}").into(language),
            code(one.question),
            code(one.base),
            code(one.tuned) + _faults(one, language),
        ]
        for one in told.generations[: 2 * _EXAMPLES]
    ]
    parts = [_heading("training", language), "\n".join(f"- {_words(words, language)}" for words in said)]
    if told.notes:
        parts.append("\n".join(f"- {_words(Words(note, note), language)}" for note in told.notes))
    if rows:
        heads = ["verdicts.kind", "training.question", "training.base", "training.tuned"]
        parts.append(_table(language, heads, rows, more=len(told.generations) - len(rows)))
    return parts


def _faults(one: Generation, language: Language) -> str:
    flags = one.tuned_flags or ([] if one.tuned_stopped else ["no-stop"])
    said = [_words(name_of("flag", flag), language) for flag in flags[:6]]
    return f" ({', '.join(said)})" if said else ""


def _beside(example: KeptExample, language: Language) -> str:
    row = [code(example.source, _NAME), _talk(example.raw, language), _talk(example.turns, language)]
    return _table(language, ["source", "kept.raw", "kept.curated"], [row])


def _talk(turns: list[Turn], language: Language) -> str:
    colon = say("colon").into(language)
    shown = [f"{_words(name_of('role', turn.role), language)}{colon}{code(turn.text)}" for turn in turns[:8]]
    if len(turns) > len(shown):
        shown.append(say("more-turns", n=len(turns) - len(shown)).into(language))
    return "<br>".join(shown)


def _provenance(report: Report, language: Language) -> list[str]:
    origin = report.provenance
    files = [[code(file.name, _NAME), f"{file.records:,}", size(file.bytes)] for file in report.files]
    inputs = [
        [code(file.name, _NAME), size(file.bytes), code(file.encoding, 20), code(file.sha256[:16])]
        for file in origin.inputs
    ]
    packs = [[code(pack.name, _NAME), f"{pack.rules:,}", code(pack.sha256[:16])] for pack in origin.packs]
    parts = [_heading("files", language)]
    parts.append(_table(language, ["file", ">records", ">size"], files) if files else say("files.none").into(language))
    parts.append(_heading("provenance", language))
    facts = [
        ("provenance.version", origin.siftune),
        ("seed", str(origin.seed)),
        ("provenance.recipe", origin.recipe_sha256),
    ]
    parts.append(
        "\n".join(f"- {say(key).into(language)}{say('colon').into(language)}{code(value)}" for key, value in facts)
    )
    if inputs:
        parts.append(_table(language, ["provenance.inputs", ">size", "encoding", "sha"], inputs))
    if packs:
        parts.append(_table(language, ["provenance.packs", ">provenance.rules", "sha"], packs))
    return parts


def _heading(key: str, language: Language) -> str:
    return f"## {say(key).into(language)}"
