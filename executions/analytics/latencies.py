"""Exact percentiles of many latencies: sorted (value, how many up to it) pairs, which need not be merged to be asked.

A block is two arrays: the distinct values in order, and for each place how many latencies lie before it (one more
place than there are values: the last is how many there are). Whole milliseconds, so nothing is rounded.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence

Block = tuple["array[int]", "array[int]"]
FOUR_BYTES = "I" if array("I").itemsize == 4 else "L"


def block(values: Iterable[int]) -> Block:
    """Return these latencies as a block."""
    return _of(Counter(values))


def merged(blocks: Iterable[Block]) -> Block:
    """Return the latencies of several blocks as one."""
    counted: Counter[int] = Counter()
    for values, before in blocks:
        for place, value in enumerate(values):
            counted[value] += before[place + 1] - before[place]
    return _of(counted)


def _of(counted: Counter[int]) -> Block:
    values = array(FOUR_BYTES, sorted(counted))
    before = array(FOUR_BYTES, [0])
    total = 0
    for value in values:
        total += counted[value]
        before.append(total)
    return values, before


def packed(one: Block) -> bytes:
    """Return a block as bytes, for the database."""
    values, before = one
    return values.tobytes() + before.tobytes()


def unpacked(raw: bytes | memoryview) -> Block:
    """Return the block that these bytes hold."""
    both = array(FOUR_BYTES)
    both.frombytes(raw)
    half = len(both) // 2
    return both[:half], both[half:]


def percentiles(blocks: Sequence[Block], *wanted: int) -> list[int | None]:
    """Return for each wanted percentile the smallest latency that so many percent do not exceed; None without any."""
    blocks = [one for one in blocks if one[0]]
    return [_percentile(blocks, percent) if blocks else None for percent in wanted]


def _percentile(blocks: Sequence[Block], percent: int) -> int:
    """Halve a span of values and ask each block how many lie below: nothing is merged.

    The percentile of all lies between the least and the greatest of the blocks' own ones, which is a short span.
    """
    own = [values[bisect_left(before, -(-before[-1] * percent // 100)) - 1] for values, before in blocks]
    low, high = min(own), max(own)
    if low == high:
        return low
    rank = -(-sum([before[-1] for _, before in blocks]) * percent // 100)
    while low < high:
        middle = (low + high) // 2
        # A list is summed faster than a generator, and this is the innermost of all loops.
        if sum([before[bisect_right(values, middle)] for values, before in blocks]) >= rank:
            high = middle
        else:
            low = middle + 1
    return low
