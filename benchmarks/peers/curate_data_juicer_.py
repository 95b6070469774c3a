"""Data-Juicer 1.6.1: its command on the recipe nearest to ours, two processes. Usage: curate_data_juicer_.py INPUT OUT."""

import os
import subprocess
import sys
from pathlib import Path

source, target = Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute()
recipe = target.with_suffix(".yaml")
recipe.write_text(f"""project_name: bench
dataset_path: {source}
export_path: {target}
np: 2
use_cache: false
process:
  - fix_unicode_mapper:
  - whitespace_normalization_mapper:
  - clean_email_mapper:
  - text_length_filter:
      min_len: 20
      max_len: 300
  - character_repetition_filter:
      rep_len: 10
      max_ratio: 0.5
  - word_repetition_filter:
      rep_len: 5
      max_ratio: 0.5
  - document_minhash_deduplicator:
      tokenization: character
      window_size: 5
      lowercase: false
      num_permutations: 128
      jaccard_threshold: 0.8
      num_bands: 16
      num_rows_per_band: 8
""")
command = [str(Path(sys.executable).parent / "dj-process"), "--config", str(recipe)]
env = os.environ | {"HF_DATASETS_OFFLINE": "1"}
done = subprocess.run(command, check=False, capture_output=True, text=True, env=env)
if done.returncode:
    sys.exit(done.stderr[-2000:])
