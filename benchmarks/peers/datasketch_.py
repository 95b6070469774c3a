"""datasketch 2.0: bulk MinHash (xxhash) and MinHashLSH; a text goes when an earlier one is a candidate of it.

Usage: datasketch_.py INPUT.jsonl KEPT.json. Prints the seconds from texts in memory to the answer.
"""

import json
import sys
import time

import xxhash
from datasketch import MinHash, MinHashLSH

texts = [json.loads(line)["text"] for line in open(sys.argv[1], encoding="utf-8")]
start, used = time.perf_counter(), time.process_time()
grams = ({text[i : i + 5].encode() for i in range(max(1, len(text) - 4))} for text in texts)
hashes = MinHash.bulk(grams, num_perm=128, hashfunc=xxhash.xxh32_intdigest)
lsh = MinHashLSH(num_perm=128, params=(16, 8))
kept = []
for index, minhash in enumerate(hashes):
    if not lsh.query(minhash):
        kept.append(index)
    lsh.insert(index, minhash, check_duplication=False)
seconds, used = time.perf_counter() - start, time.process_time() - used
json.dump(kept, open(sys.argv[2], "w"))
print(json.dumps({"seconds": seconds, "cpu": used}))
