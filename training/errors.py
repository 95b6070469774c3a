"""Every mistake a user can make while training, as a tree; each message is place, fault and cure on one line.

::

    TrainingError           exit 4   something went wrong while running
    ├ GateError             exit 1   the run's quality gate failed, and nobody said that it may be trained on
    ├ ConfigError           exit 2   a setting or an option is wrong
    ├ RunError              exit 3   the run folder or a general data file cannot be used
    ├ ModelError            exit 4   the base model cannot be loaded, or its chat template cannot be used
    ├ DeviceError           exit 4   the machine cannot do it: out of memory, several GPUs without a choice
    └ MissingExtraError     exit 4   a library of the `train` extra is not installed

A message never contains the text of a record: logs hold personal data, and errors are pasted into tickets.
Anything that is not in this tree is a bug and keeps its traceback.
"""

from __future__ import annotations


class TrainingError(Exception):
    """Something a user can mend. `exit_code` is what the command line exits with."""

    exit_code = 4


class GateError(TrainingError):
    """The run missed its own quality gate."""

    exit_code = 1


class ConfigError(TrainingError):
    """A setting is unknown, out of range, or contradicts another one."""

    exit_code = 2


class RunError(TrainingError):
    """Input data: the run folder is missing, unfinished or empty, or a record in a file is malformed."""

    exit_code = 3


class ModelError(TrainingError):
    """The base model or its tokenizer cannot be loaded or used."""


class DeviceError(TrainingError):
    """The machine cannot do what the settings ask for."""


class MissingExtraError(TrainingError):
    """A library of the `train` extra is not installed."""
