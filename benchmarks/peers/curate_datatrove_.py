"""datatrove 0.10.1 on the pipeline nearest to our recipe, two workers. Usage: curate_datatrove_.py INPUT OUT.

Characters are put in for words: its tokenizers for words are made for web pages, and need models.
"""

import shutil
import sys
from pathlib import Path

import datatrove.utils.text
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import minhash
from datatrove.pipeline.filters import GopherRepetitionFilter, LambdaFilter
from datatrove.pipeline.formatters import FTFYFormatter, PIIFormatter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter


class Characters:
    def word_tokenize(self, text: str) -> list[str]:
        return list(text)


datatrove.utils.text.load_word_tokenizer = lambda _language: Characters()
minhash.load_word_tokenizer = lambda _language: Characters()
minhash.simplify_text = lambda text, _config: text


def fits(document: object) -> bool:
    return 20 <= len(document.text) <= 300


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

    clean = str(work / "clean")
    mends = [FTFYFormatter(), PIIFormatter(remove_ips=False)]
    # Character n-grams of short texts come again by themselves: only what is told by lines and paragraphs filters.
    repeats = GopherRepetitionFilter(top_n_grams=(), dup_n_grams=((10, 0.5),))
    run([JsonlReader(str(parts)), *mends, LambdaFilter(fits), repeats, JsonlWriter(clean, compression=None)], 2)
    run([JsonlReader(clean), minhash.MinhashDedupSignature(str(work / "sig"), config=config)], 2)
    run([minhash.MinhashDedupBuckets(str(work / "sig"), str(work / "buckets"), config=config)], 16)
    run([minhash.MinhashDedupCluster(str(work / "buckets"), str(work / "remove"), config=config)], 1)
    run([JsonlReader(clean), minhash.MinhashDedupFilter(str(work / "remove")), JsonlWriter(str(work / "out"), compression=None)], 2)  # fmt: skip
    with target.open("w", encoding="utf-8") as file:
        for path in sorted((work / "out").glob("*.jsonl")):
            file.write(path.read_text(encoding="utf-8"))
