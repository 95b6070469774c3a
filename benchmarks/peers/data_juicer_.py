"""Data-Juicer 1.6.1: its command, two processes, tokenization=character. Usage: data_juicer_.py INPUT KEPT."""

import json
import os
import subprocess
import sys
from pathlib import Path

source, target = Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute()
work = Path(str(target) + ".data-juicer")
work.mkdir(exist_ok=True)
(work / "recipe.yaml").write_text(f"""project_name: bench
dataset_path: {source}
export_path: {work / "out.jsonl"}
np: 2
use_cache: false
process:
  - document_minhash_deduplicator:
      tokenization: character
      window_size: 5
      lowercase: false
      num_permutations: 128
      jaccard_threshold: 0.8
      num_bands: 16
      num_rows_per_band: 8
""")
command = [str(Path(sys.executable).parent / "dj-process"), "--config", str(work / "recipe.yaml")]
done = subprocess.run(
    command, check=False, capture_output=True, text=True, env=os.environ | {"HF_DATASETS_OFFLINE": "1"}
)
if done.returncode:
    sys.exit(done.stderr[-2000:])
kept = [int(json.loads(line)["id"]) for line in (work / "out.jsonl").open(encoding="utf-8")]
json.dump(sorted(kept), target.open("w"))
