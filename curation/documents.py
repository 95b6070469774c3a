"""YAML and TOML files that people write by hand: read them, check them, and say the line of every fault."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from curation.errors import UsageError, did_you_mean

Model = TypeVar("Model", bound=BaseModel)


Source = yaml.Node | str | None  # what knows the lines: YAML's node tree, or the text of a TOML file


LARGEST = 2**63 - 1  # what Polars and NumPy take


def load(path: Path, error: type[UsageError]) -> tuple[Any, Source]:
    """Return the document's data, and what `line_of` finds the line of every value in."""
    data, node = _parsed(path, error)
    if (place := _too_large(data, ())) is not None:
        name = ".".join(map(str, place))
        raise error(
            f"{path}:{line_of(node, place)}: '{name}': no number may be larger than {LARGEST}; quote what is text"
        )
    return data, node


def _too_large(value: Any, place: tuple[str | int, ...]) -> tuple[str | int, ...] | None:  # noqa: ANN401
    """Return the place of the first whole number beyond 64 bits, keys left aside."""
    if isinstance(value, int):
        return place if abs(value) > LARGEST else None
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return next((found for key, one in inner if (found := _too_large(one, (*place, key))) is not None), None)


def _parsed(path: Path, error: type[UsageError]) -> tuple[Any, Source]:
    """Read the document as its ending says."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise error(f"{path}: there is no such file") from None
    except UnicodeDecodeError as fault:
        raise error(f"{path}: not UTF-8 (byte {fault.start}); save it as UTF-8") from None
    except OSError as fault:
        raise error(f"{path}: cannot be read: {fault.strerror}") from None
    if path.suffix.lower() == ".toml":
        import tomllib

        try:
            return tomllib.loads(text), text
        except RecursionError:
            raise error(f"{path}: not TOML: it nests too deeply") from None
        except tomllib.TOMLDecodeError as fault:
            what, line = re.match(r"(.*?)(?: \(at line (\d+).*)?$", str(fault)).groups()  # type: ignore[union-attr]
            raise error(f"{path}{f':{line}' if line else ''}: not TOML: {what}") from None
    try:
        _shallow(text)
        loader = _UniqueKeys(text)
        node = loader.get_single_node()
        _unfold(node, {})
        return (None if node is None else loader.construct_document(node)), node
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line = f":{mark.line + 1}" if mark else ""
        cure = _INDENTATION if "find expected" in str(fault.problem) else ""
        cure = _TAB if "cannot start any token" in str(fault.problem) and mark and _is_tab(text, mark.line) else cure
        raise error(f"{path}{line}: not YAML: {fault.problem}{cure}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as fault:  # a date such as 2024-13-45 is a ValueError
        what = "it nests too deeply" if isinstance(fault, RecursionError) else str(fault).splitlines()[0]
        raise error(f"{path}: {'' if 'alias' in what else 'not YAML: '}{what}") from None


_INDENTATION = " (look at the indentation of this line and those before it)"
_TAB = " (a tab; YAML is indented by spaces)"


def _is_tab(text: str, line: int) -> bool:
    """Tell whether a line (from 0) is indented by a tab."""
    written = text.splitlines()[line] if line < len(text.splitlines()) else ""
    return "\t" in written[: len(written) - len(written.lstrip())]


DEEPEST = 100  # levels; what people write has ten. The parser in C ends the whole process at some ten thousand.
_BRACKET = re.compile(r"[\[{]|([\]}])")
_NESTED = re.compile(r"^ {200}|(?:[-?:] +){50}", re.MULTILINE)


def _shallow(text: str) -> None:
    """Raise YAMLError for a document that nests too deeply; the events are counted only where it looks like one."""
    depth = deepest = 0
    for bracket in _BRACKET.finditer(text):
        depth = max(0, depth - 1) if bracket[1] else depth + 1
        deepest = max(deepest, depth)
    if deepest <= DEEPEST and not _NESTED.search(text):
        return
    depth = 0
    for event in yaml.parse(text, Loader=_UniqueKeys):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise yaml.YAMLError("it nests too deeply")


MOST_VALUES = 1_000_000  # that a document stands for; aliases of aliases of aliases are billions in a few lines


def _unfold(node: yaml.Node | None, known: dict[int, int]) -> int:
    """Count the values that a node stands for, aliases written out; raises YAMLError for too many, or a circle."""
    if not isinstance(node, yaml.CollectionNode):
        return 1
    if id(node) not in known:
        known[id(node)] = 0  # until it is counted
        pairs = isinstance(node, yaml.MappingNode)
        inner = [one for pair in node.value for one in pair] if pairs else node.value
        known[id(node)] = 1 + sum(_unfold(one, known) for one in inner)
    if known[id(node)] == 0:
        raise yaml.YAMLError("an alias (*name) stands inside what it names")
    if known[id(node)] > MOST_VALUES:
        raise yaml.YAMLError("its aliases (*name) stand for more than a million values")
    return known[id(node)]


class _UniqueKeys(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A safe loader that refuses a key given twice, which YAML would let the last one win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(None, None, "a key must be a word", key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(None, None, f"'{key.value}' is given twice", key.start_mark)
            seen.add(key.value)
        found: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return found


def line_of(node: Source, place: tuple[str | int, ...]) -> int | None:
    """Return the 1-based line where `place` (keys and indices from the top) stands, as deep as it exists."""
    if node is None:
        return None
    if isinstance(node, str):
        return _line_in_toml(node, tuple(map(str, place)))
    here: yaml.Node = node
    line = here.start_mark.line + 1
    for step in place:
        if isinstance(here, yaml.MappingNode):
            found = next(((k, v) for k, v in here.value if k.value == str(step)), None)
            if found is None:
                break
            key, here = found
            line = key.start_mark.line + 1
        elif isinstance(here, yaml.SequenceNode) and isinstance(step, int) and step < len(here.value):
            here = here.value[step]
            line = here.start_mark.line + 1
        else:
            break
    return line


def _line_in_toml(text: str, place: tuple[str, ...]) -> int | None:
    """Find `place` by the headers and keys of a TOML text, each parsed on its own line."""
    import tomllib

    table: tuple[str, ...] = ()
    arrays: Counter[tuple[str, ...]] = Counter()
    line, deepest, inside = None, 0, False  # inside a text of several lines
    for number, written in enumerate(text.splitlines(), 1):
        outside = not inside
        inside ^= (written.count('"""') + written.count("'''")) % 2 == 1
        header = outside and written.lstrip().startswith("[")
        try:
            inner: Any = tomllib.loads(written if header else f"{written.partition('=')[0]}=0")
        except tomllib.TOMLDecodeError:
            continue
        steps: list[str] = []
        while isinstance(inner, (dict, list)) and inner:
            if isinstance(inner, dict):
                steps.append(next(iter(inner)))
            inner = inner[steps[-1]] if isinstance(inner, dict) else inner[0]
        if header:
            table = tuple(steps)
            if written.lstrip().startswith("[["):
                arrays[table] += 1
                table = (*table, str(arrays[table] - 1))
        here = table if header else (*table, *steps)
        if outside and len(here) > deepest and here == place[: len(here)]:
            line, deepest = number, len(here)
    return line


def validate(model: type[Model], data: Any, path: Path, node: Source, error: type[UsageError]) -> Model:  # noqa: ANN401
    """Check `data` against `model`; the first fault becomes `error` with file, line, fault and cure."""
    if not isinstance(data, dict):
        raise error(f"{path}: expected a mapping of settings, found {type(data).__name__}")
    try:
        return model.model_validate(data)
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        place = tuple(first["loc"])
        line = line_of(node, place)
        where = f"{path}:{line}" if line else str(path)
        raise error(f"{where}: {_fault(model, first, place)}") from None


_FEW = 8  # values that are all told: the nearest may be quite another, as 'review' of 'remove'


def _fault(model: type[BaseModel], first: Any, place: tuple[str | int, ...]) -> str:  # noqa: ANN401
    """Say one pydantic error in our words."""
    if place and place[-1] == "[key]":  # pydantic's way to say that the key itself is wrong
        place = place[:-1]
    elif len(place) > 1 and place[-1] in ("str", "int") and place[-1] not in _fields(model, place[:-1]):
        place = place[:-1]  # the member of a union, no part of the document
    name = ".".join(str(step) for step in place)
    if first["type"] == "extra_forbidden":
        return f"there is no setting '{name}'{did_you_mean(str(place[-1]), _fields(model, place[:-1]))}"
    if first["type"] == "missing":
        return f"'{name}' is missing"
    if first["type"] == "literal_error" and isinstance(first["input"], str):
        known = re.findall("'([^']*)'", first["ctx"]["expected"])
        near = did_you_mean(first["input"], known).partition("; known")[0]
        if near:
            every = f" It may be {first['ctx']['expected']}" if len(known) <= _FEW else ""
            return f"'{name}': there is no '{first['input']}'{near}{every}"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "list_type":
        message = "expected a list: put [ ] around it, or each item on a line of its own behind '- '"
    return f"'{name}': {message[:1].lower()}{message[1:]}" if name else message


def _fields(model: type[BaseModel], place: tuple[str | int, ...]) -> list[str]:
    """Return the names that may stand at `place` of `model`."""
    current: type[BaseModel] = model
    for step in place:
        field = current.model_fields.get(str(step))
        if field is None:
            continue
        inner = _inner(field.annotation)
        if inner is not None:
            current = inner
    return [field.alias or name for name, field in current.model_fields.items()]


def _inner(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401
    """Return the model inside an annotation such as ``list[Source]``, or None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _inner(part)
        if found is not None:
            return found
    return None
