"""Which language a longer text in Latin letters is in: langdetect, or the faster py3langid of an extra.

Both are asked for the same few languages, with what they hold for sure as a probability; neither fetches anything.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

# Languages of Latin letters that support desks write in. langdetect knows 55 and py3langid 97: on short text the rare
# ones are guesses.
LATIN = ("en", "es", "fr", "de", "it", "pt", "nl", "vi", "id", "pl", "tr", "sv")
DETECTORS = ("langdetect", "py3langid")


@cache
def detector(name: str) -> Callable[[str], tuple[str, float]]:
    """Return a function from text to language (ISO 639-1, or ``und``) and probability; raises ValueError by name."""
    if name == "langdetect":
        return _langdetect()
    if name == "py3langid":
        return _py3langid()
    raise ValueError(f"there is no language detector '{name}'; known are {' and '.join(DETECTORS)}")


def _langdetect() -> Callable[[str], tuple[str, float]]:
    from langdetect import LangDetectException
    from langdetect import detector_factory as factory

    factory.init_factory()
    wanted = dict.fromkeys(LATIN, 1.0)

    def detect(text: str) -> tuple[str, float]:
        one = factory._factory.create()
        one.seed = 0  # unseeded, one text in 25 changes its language between calls
        one.set_prior_map(wanted)
        one.append(text)
        try:
            best = one.get_probabilities()[0]
        except (LangDetectException, IndexError):
            return "und", 0.0
        return str(best.lang), float(best.prob)

    return detect


def _py3langid() -> Callable[[str], tuple[str, float]]:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        raise ValueError("py3langid is not installed; pip install 'siftune[langid]', or use langdetect") from None
    one = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    one.set_languages(list(LATIN))

    def detect(text: str) -> tuple[str, float]:
        lang, probability = one.classify(text)
        return str(lang), float(probability)

    return detect
