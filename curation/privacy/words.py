"""The words of rules/personal_data.yaml: placeholders, cues and lists, made into patterns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from curation import documents
from curation.errors import PackError
from curation.resources import shipped


class KindText(BaseModel):
    """One kind of personal data: the words of its placeholder in both languages, and why it is masked."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)
    why: str = Field(min_length=10)


class PersonalDataText(BaseModel):
    """The file as written. Lists are one text each, their entries parted by white space."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    about: str
    kinds: dict[str, KindText]
    public_numbers: str
    public_addresses: str
    cues: dict[str, list[str]]
    not_personal: str
    surnames: str
    not_names: str
    titles: str
    given_names: str
    words_like_names: str
    doubtful_surnames: str
    parties: str
    relatives: str
    professions: str
    english_parties: str
    english_relatives: str
    organisations: str
    first_names: str
    names_and_words: str
    provinces: str
    cities: str


@dataclass(frozen=True)
class Words:
    """The file made ready to look up."""

    kinds: dict[str, KindText]
    public_number: re.Pattern[str]
    public_addresses: frozenset[str]
    cues: dict[str, str]  # one alternation each, for re.IGNORECASE
    not_personal: str  # alternation
    not_personal_backwards: str  # one of them in small letters, from its last to its first
    not_personal_ends: frozenset[str]  # the last characters of them
    surname: str  # alternation, two characters first
    surnames: frozenset[str]
    not_names: frozenset[str]
    title: str
    given: str  # a class of characters
    words_like_names: frozenset[str]
    doubtful_surnames: frozenset[str]
    party: str  # alternations, longest first; English ones for re.IGNORECASE
    relative: str
    profession: str
    english_party: str
    english_relative: str
    organisations: frozenset[str]  # casefolded
    first_names: frozenset[str]  # casefolded
    names_and_words: frozenset[str]  # casefolded
    province: str
    city: str


def load(path: Path) -> Words:
    """Read the file; raises PackError with file, line, fault and cure."""
    data, node = documents.load(path, PackError)
    text = documents.validate(PersonalDataText, data, path, node, PackError)
    return Words(
        kinds=text.kinds,
        public_number=re.compile("|".join(text.public_numbers.split())),
        public_addresses=frozenset(text.public_addresses.split()),
        cues={name: "|".join(f"(?:{_border(pattern)})" for pattern in cues) for name, cues in text.cues.items()},
        not_personal="|".join(map(re.escape, text.not_personal.split())),
        not_personal_backwards=one_of([word[::-1].lower() for word in text.not_personal.split()]),
        not_personal_ends=frozenset(word[-1] for word in text.not_personal.split()),
        surname=one_of(text.surnames.split()),
        surnames=frozenset(text.surnames.split()),
        not_names=frozenset(text.not_names.split()),
        title=_longest_first(text.titles),
        given=f"[{''.join(text.given_names.split())}]",
        words_like_names=frozenset(text.words_like_names.split()),
        doubtful_surnames=frozenset(text.doubtful_surnames.split()),
        party=_longest_first(text.parties),
        relative=_longest_first(text.relatives),
        profession=_longest_first(text.professions),
        english_party=_longest_first(text.english_parties),
        english_relative=_longest_first(text.english_relatives),
        organisations=frozenset(text.organisations.casefold().split()),
        first_names=frozenset(name.casefold() for name in text.first_names.split()),
        names_and_words=frozenset(text.names_and_words.casefold().split()),
        province=one_of(text.provinces.split()),
        city=one_of(text.cities.split()),
    )


def one_of(words: list[str]) -> str:
    """Return a pattern for any of `words`, grouped by first character: `re` tries alternatives one by one."""
    by_first: dict[str, list[str]] = {}
    for word in sorted(words, key=len, reverse=True):
        by_first.setdefault(re.escape(word[0]), []).append(re.escape(word[1:]))
    single = "".join(first for first, rests in by_first.items() if set(rests) == {""})
    longer = [f"{first}(?:{'|'.join(rests)})" for first, rests in by_first.items() if set(rests) != {""}]
    known = "".join(by_first)
    return f"(?=[{known}])(?:{'|'.join([f'[{single}]'] * bool(single) + longer)})"


def _longest_first(words: str) -> str:
    return "|".join(sorted(map(re.escape, words.split()), key=len, reverse=True))


def _border(pattern: str) -> str:
    """A cue in Latin script begins and ends at a word's border; Han cues stand anywhere."""
    return pattern if re.search("[\u4e00-\u9fff]", pattern) else rf"(?<![A-Za-z])(?:{pattern})(?![A-Za-z])"


PATH = shipped("rules") / "personal_data.yaml"
WORDS = load(PATH)
KINDS = WORDS.kinds
