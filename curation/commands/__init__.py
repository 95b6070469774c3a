"""The commands of `siftune`, a module each; cli.py puts them together. Nothing heavy is imported at the top."""
