"""Who runs the map steps of a curation (steps.py), and where what they make is kept: every engine gives the same bytes.

=========  ==========================================================================================================
memory     one shard with everything in it
shards     shards of whole conversations on disk, one after the other, or some at a time in worker processes
ray        the same shards, run by the machines of a Ray cluster that all see the folder
=========  ==========================================================================================================
"""

from curation.engines.choice import Wanted, chosen
from curation.engines.disk import Disk
from curation.engines.memory import Memory
from curation.engines.protocol import Engine, Read

__all__ = ["Disk", "Engine", "Memory", "Read", "Wanted", "chosen"]
