"""datatrove 0.10.1: four stages, two workers, character n-grams put in for words. Usage: datatrove_.py INPUT KEPT."""

import json
import shutil
import sys
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import minhash
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter


class Characters:
    def word_tokenize(self, text: str) -> list[str]:
        return list(text)


minhash.load_word_tokenizer = lambda _language: Characters()
minhash.simplify_text = lambda text, _config: text

if __name__ == "__main__":
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    work = Path(str(target) + ".datatrove")
    shutil.rmtree(work, ignore_errors=True)
    parts = work / "in"
    parts.mkdir(parents=True)
    lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
    for part in range(2):
        (parts / f"{part}.jsonl").write_text("".join(lines[part::2]), encoding="utf-8")
    config = minhash.MinhashConfig(n_grams=5, num_buckets=16, hashes_per_bucket=8)

    def run(steps: list, tasks: int) -> None:
        LocalPipelineExecutor(steps, tasks=tasks, workers=2, logging_dir=None, start_method="fork").run()

    run([JsonlReader(str(parts)), minhash.MinhashDedupSignature(str(work / "sig"), config=config)], 2)
    run([minhash.MinhashDedupBuckets(str(work / "sig"), str(work / "buckets"), config=config)], 16)
    run([minhash.MinhashDedupCluster(str(work / "buckets"), str(work / "remove"), config=config)], 1)
    run([JsonlReader(str(parts)), minhash.MinhashDedupFilter(str(work / "remove")), JsonlWriter(str(work / "out"), compression=None)], 2)  # fmt: skip
    kept = [
        int(json.loads(line)["id"]) for file in (work / "out").glob("*.jsonl") for line in file.open(encoding="utf-8")
    ]
    json.dump(sorted(kept), target.open("w"))
