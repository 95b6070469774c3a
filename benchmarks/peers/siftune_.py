"""siftune: texts to verified clusters. Usage: siftune_.py INPUT.jsonl KEPT.json [plain|fast] [process]."""

import json
import sys
import time

import numpy as np
import polars as pl

from curation import dedup, fast
from curation.dedup import Search

rows = pl.read_ndjson(sys.argv[1])
texts = rows["text"] if "process" in sys.argv else rows["text"].to_list()  # as a library it is given a list
if "plain" in sys.argv:
    sys.modules["llvmlite"] = None  # as if the extra were not installed
    fast.FAST_FROM = 10**12
    fast._compiled.cache_clear()
elif "process" not in sys.argv:  # imports count where the process does, as in every other program here
    assert fast.accelerator(10**9), "the extra is not here: pip install siftune[fast]"
start, used = time.perf_counter(), time.process_time()
settings = Search(threshold=0.8, ngram=5, permutations=128, bands=25, rows=5)  # those of the recipe
first = dedup.cluster(texts, settings, seed=42).first
seconds, used = time.perf_counter() - start, time.process_time() - used
kept = np.flatnonzero(first == np.arange(len(texts)))
if "process" in sys.argv:
    rows[kept].write_ndjson(sys.argv[2] + ".jsonl")
json.dump(kept.tolist(), open(sys.argv[2], "w"))
print(json.dumps({"seconds": seconds, "cpu": used}))
