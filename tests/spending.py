"""What a bound on work costs, told apart from how busy the machine is: seconds of processors, not of the clock."""

import resource
import time


def processor_seconds() -> float:
    """What this process has spent so far, and its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
