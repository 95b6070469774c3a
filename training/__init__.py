"""siftune's training half: a curated run folder in, a QLoRA adapter with its card, losses and samples out.

It reads the run folder alone and never imports `curation`. Importing it costs no torch: the libraries of the
`train` extra are imported inside the functions that need them.
"""
