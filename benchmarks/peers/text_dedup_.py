"""text-dedup 0.4: its command, two processes, characters as words. Usage: text_dedup_.py INPUT KEPT."""

import json
import subprocess
import sys
from pathlib import Path

from datasets import load_from_disk

source, target = Path(sys.argv[1]), Path(sys.argv[2])
tokens, work = Path(str(target) + ".tokens.jsonl"), str(target) + ".text-dedup"
with tokens.open("w", encoding="utf-8") as file:
    for line in source.open(encoding="utf-8"):
        row = json.loads(line)
        row["tokens"] = " ".join(f"x{ord(c):x}" for c in row["text"])  # every character a word, blanks and marks too
        file.write(json.dumps(row) + "\n")
command = [
    sys.executable, "-m", "text_dedup.minhash", "--path", "json", "--data_files", str(tokens), "--split", "train",
    "--column", "tokens", "--output", work, "--cache_dir", work + ".cache", "--num_proc", "2", "--ngram", "5",
    "--min_length", "1", "--num_perm", "128", "--threshold", "0.8", "--b", "16", "--r", "8",
]  # fmt: skip
subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
json.dump(sorted(int(i) for i in load_from_disk(work)["id"]), target.open("w"))
