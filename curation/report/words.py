"""How siftune's reports say things, in Chinese and in English; the folder `phrases` has what they say.

`{n:#message}` is a number with its noun: 1 message, 2,000 messages. Other numbers get thousands commas.
"""

from typing import Literal, NamedTuple

from curation.report.phrases import flow, opening, origin, people, reasons, texts, training
from curation.report.text import one_line

Language = Literal["zh", "en"]


class Words(NamedTuple):
    """The same thing said in both languages."""

    zh: str
    en: str

    def into(self, language: Language) -> str:
        """Return one of the two."""
        return self.zh if language == "zh" else self.en


class _Number(int):
    def __format__(self, spec: str) -> str:
        if spec.startswith("#"):
            return f"{int(self):,} {spec[1:]}{'' if self == 1 else 's'}"
        return format(int(self), spec or ",")


def say(key: str, **values: object) -> Words:
    """Say the sentence with that key, with the values in their places."""
    words = WORDS[key]
    shown = {
        name: _Number(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in values.items()
    }
    return Words(
        words.zh.format(**{name: v.zh if isinstance(v, Words) else v for name, v in shown.items()}),
        words.en.format(**{name: v.en if isinstance(v, Words) else v for name, v in shown.items()}),
    )


def name_of(group: str, key: str) -> Words:
    """Return the name of one of a group's things; a thing that has no name here is called by its key."""
    shown = one_line(key, 60)
    return WORDS.get(f"{group}.{key}", Words(shown, shown))


def mend_name(mend: str) -> Words:
    """Return the name of a mend; masking personal data is one too, called by the kind of data."""
    return name_of("personal" if f"personal.{mend}" in WORDS else "mend", mend)


def percent(part: float, whole: float) -> str:
    """Write a share: 46.3%; – where there is nothing to have a share of."""
    return f"{part / whole:.1%}" if whole else "–"


def change(before: int, after: int) -> str:
    """Write a change with a real minus sign: −12.3%; – where it began with nothing."""
    if not before:
        return "–"
    return f"{after / before - 1:+.1%}".replace("-", "−") if after != before else "±0%"


def figure(value: float) -> str:
    """Write a number with up to four digits after the point: 9,731 or 0.83."""
    return f"{value:,.4f}".rstrip("0").rstrip(".")


def size(count: int) -> str:
    """Write a file's size: 812 B, 1.2 MB."""
    if count < 1000:
        return f"{count} B"
    for unit, value in (("kB", count / 1e3), ("MB", count / 1e6), ("GB", count / 1e9)):
        if value < 999.95:
            return f"{value:.1f} {unit}"
    return f"{count / 1e12:,.1f} TB"


WORDS: dict[str, Words] = {
    key: Words(zh, en)
    for part in (opening, flow, texts, people, training, origin, reasons)
    for key, zh, en in part.PHRASES
}
