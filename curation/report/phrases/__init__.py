"""Everything that siftune's reports say: (key, Chinese, English), a module for each part of a report."""
