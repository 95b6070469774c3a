"""The shape of report.json: every number a report may show, and nothing that has to be computed.

The renderers in this folder read a `Report` and nothing else. Every text of a log in here is masked already.
The order of the fields is the order in the file.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Action = Literal["note", "review", "drop"]
Kind = Literal["pair", "dialogue"]
Stage = Literal["messages", "clean_messages", "turns", "candidates", "passed_rules", "unique", "exported"]

SCHEMA_ID = "urn:siftune:schema:report:1"


def _six_digits(value: object) -> object:
    """Round a share, so that 1.0000000000000002 is 1 and the file is the same on every machine."""
    return round(value, 6) if isinstance(value, float) else value


Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, BeforeValidator(_six_digits), Field(ge=0, le=1)]


class _Part(BaseModel):
    """A part of the report: it never changes, has no unknown key, and its numbers are finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class GateCheck(_Part):
    """One promise that the recipe asks of the result."""

    name: str = Field(description="What is measured, e.g. exported_examples.")
    value: float = Field(description="What this run has.")
    limit: float = Field(description="What the recipe asks for.")
    sense: Literal["at_least", "at_most"] = Field(description="On which side of the limit is good.")
    passed: bool = Field(description="Whether the value is on the good side; the limit itself is good.")


class Gate(_Part):
    """Whether the result may be used without a further look."""

    state: Literal["pass", "fail", "more", "none"] = Field(
        description="more: nothing failed, but of a sampled rule it takes more decisions to tell; none: nothing asked."
    )
    checks: list[GateCheck] = Field(description="In the order of the recipe.")
    more: Count = Field(default=0, description="Decisions that it takes at least until every sampled rule is told.")


class Ledger(_Part):
    """Where every input line went: nothing disappears."""

    lines: Count = Field(description="Records found in the input files.")
    unreadable: Count = Field(description="Records that could not be read as a message.")
    messages: Count = Field(description="Messages read.")
    example: Count = Field(description="Messages that live in at least one kept example.")
    held: Count = Field(description="Messages that wait for a person.")
    dropped: Count = Field(description="Messages that a rule dropped.")
    balanced: bool = Field(description="Whether the counts add up exactly.")

    @model_validator(mode="after")
    def _balanced_is_true_only_of_a_sum_that_adds_up(self) -> Self:
        total = self.example + self.held + self.dropped
        if self.balanced and total != self.messages:
            raise ValueError(f"called balanced, but {total} fates stand for {self.messages} messages")
        return self


class Verdicts(_Part):
    """Examples of one kind by verdict."""

    found: Count = Field(description="Candidates; keep + review + drop.")
    keep: Count = Field(description="Kept.")
    review: Count = Field(description="Held for a person.")
    drop: Count = Field(description="Dropped.")


class Counts(_Part):
    """The headline counts."""

    conversations: Count = Field(description="Conversations in the input.")
    mended_messages: Count = Field(description="Messages whose text was repaired.")
    pairs: Verdicts = Field(description="Question and answer examples.")
    dialogues: Verdicts = Field(description="Multi-turn examples.")
    exported_train: Count = Field(description="Examples written to the train files.")
    exported_val: Count = Field(description="Examples written to the validation files.")


class FunnelStep(_Part):
    """How much is left after one stage; the unit changes where messages become turns and turns examples."""

    stage: Stage = Field(description="The stage.")
    n: Count = Field(description="How many left it.")


class RuleExample(_Part):
    """One place where a rule fired."""

    source: str = Field(description="file:line.")
    conversation: str = Field(description="The conversation's id; empty for an unreadable line.")
    role: str | None = Field(description="Who spoke; null for an example or a line.")
    text: str = Field(description="The text, masked.")
    evidence: str = Field(description="The part of the text that made the rule fire, or a word about it.")


class Together(_Part):
    """A rule that fires on the same records as another."""

    rule: str = Field(description="The other rule.")
    n: Count = Field(description="Records on which both fired.")


class RuleRow(_Part):
    """What one rule did."""

    rule: str = Field(description="pack/name, e.g. zh/filler-only.")
    on: Literal["line", "message", "example"] = Field(description="What the rule looks at.")
    action: Action = Field(description="What a hit leads to.")
    why: str = Field(description="Why the rule exists, in its author's words.")
    why_zh: str | None = Field(default=None, description="The same in Chinese, where the pack has it.")
    why_en: str | None = Field(default=None, description="The same in English, where the pack has it.")
    hits: Count = Field(description="How often it fired.")
    alone: Count = Field(description="Dropped or held with no other rule of that strength behind it.")
    together: list[Together] = Field(
        default=[], max_length=3, description="The rules that fire most often on the same records."
    )
    examples: list[RuleExample] = Field(max_length=3, description="Some hits, chosen by the seed.")


class MendExample(_Part):
    """One text before and after a mend."""

    source: str = Field(description="file:line.")
    before: str = Field(description="The text before, masked.")
    after: str = Field(description="The text after.")


class MendRow(_Part):
    """What one mend did."""

    mend: str = Field(description="The mend, e.g. html-entity.")
    hits: Count = Field(description="Messages it changed.")
    examples: list[MendExample] = Field(max_length=3, description="Some changes, chosen by the seed.")


class PersonalData(_Part):
    """Personal data of one kind; numbers only, never the data."""

    kind: str = Field(description="The kind, e.g. phone.")
    found: Count = Field(description="Found in the input.")
    left: Count = Field(description="Still found in the exported text; should be 0.")


class QueryTypeRow(_Part):
    """How often customers ask for one thing."""

    id: str = Field(description="The query type's id in its pack.")
    zh: str = Field(description="Its Chinese name.")
    en: str = Field(description="Its English name.")
    before: Count = Field(description="Candidates of this type.")
    after: Count = Field(description="Exported examples of this type.")


class Diversity(_Part):
    """How varied the exported examples are; null where there are too few to say."""

    evenness: Share | None = Field(description="Normalised entropy of query types: 1 = all equally often.")
    effective_types: float | None = Field(ge=0, description="exp(entropy): as varied as this many types.")
    distinct_questions: Share | None = Field(
        description="Different question skeletons per example, expected among 100."
    )
    distinct_openings: Share | None = Field(
        description="Different openings of answers per example, expected among 100."
    )


class Scores(_Part):
    """How varied one side is, before or after curation; null where there is nothing to measure."""

    type_coverage: Share | None = Field(description="Share of the query types that have an example.")
    evenness: Share | None = Field(description="Normalised entropy of query types: 1 = all equally often.")
    effective_types: float | None = Field(ge=0, description="exp(entropy): as varied as this many types.")
    skeletons: Count = Field(description="Different sentence skeletons of questions.")
    common_skeletons: Share | None = Field(description="Share of questions that the ten most common skeletons hold.")
    effective_skeletons: float | None = Field(ge=0, description="exp(entropy) of the skeletons.")
    distinct_1: Share | None = Field(description="Different words (characters in Chinese) per word.")
    distinct_2: Share | None = Field(description="Different pairs of them per pair.")
    distinct_3: Share | None = Field(description="Different triples of them per triple.")
    nearest: Share | None = Field(description="Mean similarity of a question to the one most like it (MinHash).")


class TemplateRow(_Part):
    """A sentence skeleton that many questions share."""

    skeleton: str = Field(description="The question without names, numbers and products.")
    before: Count = Field(description="Candidates.")
    after: Count = Field(description="Exported examples.")


class Variety(_Part):
    """Diversity before and after curation."""

    compared: Count = Field(description="Questions on each side that wording and nearness were measured on.")
    before: Scores = Field(description="Of the candidates.")
    after: Scores = Field(description="Of the exported examples.")
    templates: list[TemplateRow] = Field(max_length=10, description="The most common skeletons.")
    thin_below: Count = Field(description="From this many exported examples on, a type is not thin.")
    thin_types: list[str] = Field(description="Ids of query types with some exported examples, but fewer than that.")
    budget: Count | None = Field(description="How many examples the recipe has room for; null: all.")


class Histogram(_Part):
    """Counts by length. Bin i is edges[i] <= length < edges[i + 1]; the last bin has no upper end."""

    edges: list[int] = Field(description="Ends of the bins, rising; one more than there are bins.")
    before: list[Count] = Field(max_length=200, description="Candidates in each bin.")
    after: list[Count] = Field(description="Exported examples in each bin.")

    @model_validator(mode="after")
    def _edges_stand_around_the_bins(self) -> Self:
        if len(self.before) != len(self.after) or len(self.edges) != len(self.before) + 1:
            raise ValueError(f"{len(self.edges)} edges, {len(self.before)} bins before, {len(self.after)} after")
        if sorted(set(self.edges)) != self.edges:
            raise ValueError("the edges do not rise")
        return self


class Lengths(_Part):
    """How long the texts are."""

    question: Histogram = Field(description="Characters of a question.")
    answer: Histogram = Field(description="Characters of an answer.")
    turns: Histogram = Field(description="Turns of a dialogue.")


class LanguageRow(_Part):
    """Examples in one language."""

    language: str = Field(description="A language code, e.g. zh; und when it cannot be told.")
    before: Count = Field(description="Candidates.")
    after: Count = Field(description="Exported examples.")


class DuplicatePair(_Part):
    """Two examples that say the same."""

    similarity: Share = Field(description="1 = the same text after normalising.")
    kept: str = Field(description="The text that stayed, masked.")
    dropped: str = Field(description="The text that left, masked.")


class BorderlinePair(_Part):
    """Two examples that are nearly similar enough to be the same; neither left for it."""

    similarity: Share = Field(description="Below the threshold.")
    one: str = Field(description="A text, masked.")
    other: str = Field(description="The other text, masked.")


class Duplicates(_Part):
    """What deduplication found."""

    threshold: Share = Field(description="From this similarity on, two examples are the same.")
    clusters: Count = Field(description="Groups of two or more.")
    dropped: Count = Field(description="Examples dropped as duplicates.")
    largest: Count = Field(description="Examples in the largest group.")
    conflicts: Count = Field(description="Same question, contradicting answers.")
    canned: Count = Field(default=0, description="Examples beyond the most that one canned answer may have.")
    asked_again: Count = Field(default=0, description="Examples whose question a better one asks too.")
    seen_before: Count = Field(default=0, description="Examples that an earlier set holds.")
    pairs: list[DuplicatePair] = Field(description="Merged pairs, the least similar first.")
    borderline: list[BorderlinePair] = Field(default=[], description="Pairs not merged, the most similar first.")


class Reasoning(_Part):
    """Examples that carry a chain of thought."""

    records: Count = Field(description="Found with one.")
    kept: Count = Field(description="Kept with one.")


class Turn(_Part):
    """What one side said."""

    role: str = Field(description="user, assistant or system.")
    text: str = Field(description="The text, masked.")


class ReviewerRow(_Part):
    """One person who reviewed."""

    name: str = Field(description="What they are called.")
    decided: Count = Field(description="Records they decided, undone ones left out.")


class AgreementRow(_Part):
    """How far two people agree, on the records that both decided; keep and edit are the same word here."""

    one: str = Field(description="A reviewer.")
    other: str = Field(description="Another reviewer.")
    n: Count = Field(description="Records that both decided.")
    agreement: Share | None = Field(description="Share of the same word; null for no record.")
    kappa: float | None = Field(description="Cohen's kappa: agreement beyond chance; null where chance agrees always.")


class RepeatRow(_Part):
    """How far one person agrees with themselves: sampled records that came back, unmarked and blind."""

    name: str = Field(description="The reviewer.")
    n: Count = Field(description="Records that came back and were decided again.")
    agreement: Share | None = Field(description="Share of the same word; null for no record.")
    kappa: float | None = Field(description="Cohen's kappa: agreement beyond chance; null where chance agrees always.")


class PrecisionRow(_Part):
    """How often people confirmed what one rule dropped: random sample, bulk decisions left out."""

    rule: str = Field(description="pack/name.")
    on: Literal["message", "example"] = Field(description="What the rule drops.")
    population: Count = Field(description="Records that the rule drops in this run.")
    n: Count = Field(description="Sampled records that were decided.")
    right: Count = Field(description="Of these, people would drop them too.")
    unsure: Count = Field(description="Sampled records that people could not decide, or disagree on; not in n.")
    precision: Share | None = Field(description="right / n.")
    low: Share = Field(description="Lower end of the 95 % Wilson interval.")
    high: Share = Field(description="Upper end of the 95 % Wilson interval.")
    state: Literal["pass", "fail", "more"] = Field(description="The interval against the gate; more: undecided yet.")
    more: Count = Field(description="At least so many further decisions are needed.")
    alone_n: Count = Field(description="Of n, records that no other rule drops.")
    alone_right: Count = Field(description="Of alone_n, people would drop them too.")
    seen: Count = Field(default=0, description="Of n, decided with what the rules said on the screen: not blind.")


class MissRate(_Part):
    """How often people would drop what was kept: random sample of kept examples."""

    population: Count = Field(description="Examples that the rules keep.")
    n: Count = Field(description="Sampled examples that were decided.")
    missed: Count = Field(description="Of these, people would drop them.")
    edited: Count = Field(description="Of these, people rewrote them.")
    unsure: Count = Field(description="Sampled examples that people could not decide; not in n.")
    seen: Count = Field(default=0, description="Of n, decided with what the rules said on the screen: not blind.")
    rate: Share | None = Field(description="missed / n.")
    low: Share = Field(description="Lower end of the 95 % Wilson interval.")
    high: Share = Field(description="Upper end of the 95 % Wilson interval.")


class Review(_Part):
    """What people decided, and what that says of the rules."""

    keep: Count = Field(description="Records to keep.")
    drop: Count = Field(description="Records to drop.")
    edit: Count = Field(description="Examples rewritten.")
    unsure: Count = Field(description="Records that people could not decide; nothing follows.")
    disagree: Count = Field(description="Records that people disagree on; they are held.")
    bulk: Count = Field(description="Of all these, decided many at once; not in any precision.")
    stale: Count = Field(description="Decisions on another text than today's; back in the queue.")
    unknown: Count = Field(description="Decisions on records that are not in this run.")
    gate: Share = Field(description="What the lower end of a rule's precision must reach.")
    reviewers: list[ReviewerRow] = Field(description="By name.")
    agreement: list[AgreementRow] = Field(description="Every two reviewers with a record in common.")
    repeats: list[RepeatRow] = Field(default=[], description="Every reviewer to whom records came back, by name.")
    rules: list[PrecisionRow] = Field(description="Drop rules with a sampled decision, the worst precision first.")
    kept: MissRate | None = Field(description="Null where no kept example was sampled.")


class KeptExample(_Part):
    """A kept example beside the messages it came from."""

    id: str = Field(description="The example's id.")
    kind: Kind = Field(description="pair or dialogue.")
    query_type: str = Field(description="The query type's id.")
    source: str = Field(description="file:line of its first message.")
    raw: list[Turn] = Field(description="The messages as they were in the log, masked.")
    turns: list[Turn] = Field(description="The turns as exported.")
    score: float = Field(description="How much the selection wants it; higher is better.")


class Evidence(_Part):
    """What a rule found in a record."""

    rule: str = Field(description="The rule.")
    text: str = Field(description="What it found, masked.")


class DroppedExample(_Part):
    """A dropped example and the rules behind it."""

    id: str = Field(description="The example's id.")
    kind: Kind = Field(description="pair or dialogue.")
    rules: list[str] = Field(description="All rules that dropped it.")
    evidence: list[Evidence] = Field(default=[], description="What they found, the strongest first.")
    source: str = Field(description="file:line of its first message.")
    turns: list[Turn] = Field(description="Its turns, masked.")


class FileRow(_Part):
    """A file of the run folder."""

    name: str = Field(description="Its name in the run folder.")
    records: Count = Field(description="Records in it.")
    bytes: Count = Field(description="Its size.")


class InputRow(_Part):
    """An input file."""

    name: str = Field(description="Its name.")
    sha256: str = Field(description="Of its bytes.")
    bytes: Count = Field(description="Its size.")
    encoding: str = Field(description="How its bytes were read, e.g. gb18030.")


class PackRow(_Part):
    """A rule pack."""

    name: str = Field(description="Its name.")
    sha256: str = Field(description="Of its bytes.")
    rules: Count = Field(description="Rules in it.")


class Provenance(_Part):
    """What was run on what."""

    siftune: str = Field(description="The version.")
    recipe_sha256: str = Field(description="Of the recipe.")
    seed: int = Field(description="The seed of every random choice.")
    inputs: list[InputRow] = Field(description="In the order of the command line.")
    packs: list[PackRow] = Field(description="In the order of the recipe.")


class Delta(_Part):
    """One number in two runs."""

    key: str = Field(description="What is counted; for a rule its name, for a query type its id.")
    old: float = Field(description="In the run compared with.")
    new: float = Field(description="In this run.")


class Moved(_Part):
    """Examples whose verdict is another one now; `absent`: the run does not have the example."""

    old: Literal["keep", "review", "drop", "absent"] = Field(description="Verdict in the run compared with.")
    new: Literal["keep", "review", "drop", "absent"] = Field(description="Verdict in this run.")
    n: Count = Field(description="How many examples.")


class Comparison(_Part):
    """The run beside another one."""

    name: str = Field(description="The other run's name.")
    recipe_sha256: str = Field(description="Of the other run's recipe.")
    same_recipe: bool = Field(description="Whether both ran by the same recipe.")
    same_packs: bool = Field(description="Whether both ran by the same rule packs.")
    same_inputs: bool = Field(description="Whether both read the same bytes.")
    counts: list[Delta] = Field(description="The headline numbers.")
    rules: list[Delta] = Field(description="Hits of the rules that changed, the largest change first.")
    query_types: list[Delta] = Field(description="Exported examples by type where that changed.")
    moved: list[Moved] = Field(description="Examples by old and new verdict, where they differ.")


class Loss(_Part):
    """The losses at one step, in nats per trained token; null where nothing was measured."""

    step: Count
    train: float | None = None
    domain: float | None = Field(default=None, description="On the validation records.")
    general: float | None = Field(default=None, description="On general records that were held out.")


class Generation(_Part):
    """One question, answered by the base model and by the tuned one."""

    kind: Literal["domain", "general"]
    question: str = Field(description="The question, masked.")
    reference: str | None = Field(description="The agent's own answer, masked; null where there is none.")
    base: str = Field(description="The base model's answer, masked.")
    tuned: str = Field(description="The tuned model's answer, masked.")
    tuned_stopped: bool = Field(description="Whether the tuned model ended by itself.")
    base_flags: list[str] = Field(default=[], description="What is plainly wrong with the base model's answer.")
    tuned_flags: list[str] = Field(default=[], description="What is plainly wrong with the tuned model's answer.")


class Training(_Part):
    """What a training on this run did; read from the adapter's training.json."""

    model: str = Field(description="The base model.")
    device: str
    domain: Count = Field(description="Records of this run in the mixture.")
    general: Count = Field(description="General records in the mixture.")
    share_wanted: Share = Field(description="General records, as a share of the whole mixture, that was asked for.")
    share_records: Share = Field(description="The share reached, in records.")
    share_tokens: Share = Field(description="The share reached, in tokens.")
    steps: Count = Field(description="Optimiser steps done.")
    planned_steps: Count
    best_step: Count | None = Field(description="The step whose adapter was kept; null: the last one.")
    stopped_early: bool
    losses: list[Loss] = Field(max_length=1000, description="By step, rising.")
    domain_before: float | None = Field(description="Validation loss of the base model.")
    domain_after: float | None = Field(description="Validation loss of the adapter.")
    general_before: float | None = Field(description="General loss of the base model: what it knew.")
    general_after: float | None = Field(description="General loss of the adapter: what it still knows.")
    divergence: float | None = Field(
        default=None, description="KL(base to tuned) on general answers, in nats per token: how far it has moved."
    )
    tokens_before: float | None = Field(default=None, description="Mean answer of the base model, in tokens.")
    tokens_after: float | None = Field(default=None, description="Mean answer of the adapter, in tokens.")
    generations: list[Generation] = Field(max_length=60)
    notes: list[str] = Field(description="What the training has to say, in English.")


class Report(_Part):
    """What one curation did, in numbers and in examples."""

    schema_version: Literal["siftune/report/1"] = Field(description="Changes when the shape does.")
    name: str = Field(description="The run's name.")
    gate: Gate
    ledger: Ledger
    counts: Counts
    funnel: list[FunnelStep] = Field(description="From the first stage to the last.")
    rules: list[RuleRow] = Field(description="Rules that fired, in the order to read them in.")
    mends: list[MendRow]
    personal_data: list[PersonalData]
    query_types: list[QueryTypeRow]
    missing_types: list[str] = Field(description="Ids of query types with no exported example.")
    diversity: Diversity
    variety: Variety | None = Field(default=None, description="Before and after; null in reports of older versions.")
    lengths: Lengths
    languages: list[LanguageRow]
    duplicates: Duplicates
    cot: Reasoning
    review: Review | None = Field(default=None, description="Null where nobody decided anything yet.")
    kept_examples: list[KeptExample] = Field(max_length=12, description="Chosen by the seed.")
    dropped_examples: list[DroppedExample] = Field(max_length=12, description="Chosen by the seed.")
    files: list[FileRow]
    provenance: Provenance
    comparison: Comparison | None = Field(default=None, description="With another run, where one was given.")
    training: Training | None = Field(default=None, description="Of the adapter, where there is one.")


def without_examples(report: Report) -> Report:
    """Return the report without any text of the log or of a model, for people outside; the numbers stay."""
    told = report.training
    return report.model_copy(
        update={
            "rules": [row.model_copy(update={"examples": []}) for row in report.rules],
            "mends": [row.model_copy(update={"examples": []}) for row in report.mends],
            "duplicates": report.duplicates.model_copy(update={"pairs": [], "borderline": []}),
            "kept_examples": [],
            "dropped_examples": [],
            "training": told.model_copy(update={"generations": []}) if told else None,
        }
    )


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of report.json; schemas/report.schema.json is this, written down."""
    schema = Report.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **schema}
