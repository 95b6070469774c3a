"""Personal data: found with checksums where a number has one, right inside Chinese text, and replaced by its kind.

words.py reads rules/personal_data.yaml; numbers.py, accounts.py, names.py, parties.py, addresses.py and replies.py find
where patterns.py says; search.py runs them over a frame behind cheap guards; pseudonyms.py numbers and replaces;
residual.py looks once more, with patterns of its own, at what leaves us.
"""

from curation.privacy.guards import GUARDS
from curation.privacy.numbers import iban, identity_card, luhn
from curation.privacy.patterns import Hit
from curation.privacy.pseudonyms import bare, examples, hits_of, mask, masked, masked_list, masked_lists, placeholder
from curation.privacy.replies import ASKED, LONGEST, asked, kinds
from curation.privacy.search import EVERYTHING, FINDERS, Masking, find, masking, scan
from curation.privacy.words import KINDS, WORDS

__all__ = [
    "ASKED", "EVERYTHING", "FINDERS", "GUARDS", "KINDS", "LONGEST", "WORDS", "Hit", "Masking", "asked", "bare",
    "examples", "find", "hits_of", "iban", "identity_card", "kinds", "luhn", "mask", "masked", "masked_list",
    "masked_lists", "masking", "placeholder", "scan",
]  # fmt: skip
