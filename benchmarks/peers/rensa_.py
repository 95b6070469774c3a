"""rensa 0.5: RMinHashDeduplicator.add_pairs. Usage: rensa_.py INPUT.jsonl KEPT.json."""

import json
import sys
import time

from rensa import RMinHashDeduplicator

texts = [json.loads(line)["text"] for line in open(sys.argv[1], encoding="utf-8")]
start, used = time.perf_counter(), time.process_time()
found = RMinHashDeduplicator(threshold=0.8, num_perm=128, use_lsh=True, num_bands=16, seed=42)
pairs = [(str(i), [text[k : k + 5] for k in range(max(1, len(text) - 4))]) for i, text in enumerate(texts)]
added = found.add_pairs(pairs)
seconds, used = time.perf_counter() - start, time.process_time() - used
kept = [i for i, new in enumerate(added) if new]
json.dump(kept, open(sys.argv[2], "w"))
print(json.dumps({"seconds": seconds, "cpu": used}))
