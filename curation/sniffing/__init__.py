"""How `siftune sniff` guesses: a module for each kind of log, on reasons and never on names of files."""
