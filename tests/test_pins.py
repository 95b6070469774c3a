"""The pins: each of constraints.txt is locked by hashes in .ci once, but torch, whose build is the machine's choice.

Actions of the workflows are pinned to commits.
"""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\]+)", re.MULTILINE)


def named(text: str) -> list[tuple[str, str]]:
    return [(re.sub(r"[-_.]+", "-", name).lower(), version) for name, version in PIN.findall(text)]


def locks() -> list[str]:
    return [(ROOT / ".ci" / name).read_text(encoding="utf-8") for name in ("train.lock", "dev.lock")]


def test_every_pin_is_locked_once_at_its_version() -> None:
    pinned = named((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    assert len(pinned) > 50
    locked = [one for text in locks() for one in named(text)]
    assert sorted(locked) == sorted(one for one in pinned if one[0] != "torch"), "run: make locks"


def test_every_locked_release_has_hashes_and_nothing_else_stands_there() -> None:
    for text in locks():
        for release in re.split(r"\n(?=\S)", text.strip()):
            first, *rest = (line.strip().rstrip("\\").strip() for line in release.splitlines())
            assert PIN.fullmatch(first), first
            assert rest
            assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in rest), first


def test_every_action_is_pinned_to_a_commit_and_named_by_its_version() -> None:
    used = [
        (path.name, line.strip())
        for path in sorted((ROOT / ".github" / "workflows").iterdir())
        for line in path.read_text(encoding="utf-8").splitlines()
        if "uses:" in line
    ]
    assert len(used) >= 8
    pinned = re.compile(r"- uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [one for one in used if not pinned.fullmatch(one[1])] == []


def test_only_the_job_that_makes_a_release_may_write() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / ".github" / "workflows").iterdir()}
    workflows = {name: yaml.safe_load(text) for name, text in texts.items()}
    rights = {name: workflow["permissions"] for name, workflow in workflows.items()}
    assert rights == {"test.yml": {"contents": "read"}, "release.yml": {}}
    jobs = {
        (name, job): said.get("permissions") for name, flow in workflows.items() for job, said in flow["jobs"].items()
    }
    assert {place: right for place, right in jobs.items() if right} == {
        ("release.yml", "release"): {"contents": "write"}
    }
