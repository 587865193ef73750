"""A binary heap of 64-bit keys in the front of an array, least on top; compiled together with the index."""

from cloudhall.domains.compute.placement.columns import Ints
from cloudhall.domains.compute.placement.jit import shared


@shared
def push(heap: Ints, count: int, key: int) -> None:
    """Add a key to a heap of `count`."""
    place = count
    while place > 0 and heap[(place - 1) // 2] > key:
        heap[place] = heap[(place - 1) // 2]
        place = (place - 1) // 2
    heap[place] = key


@shared
def sink(heap: Ints, count: int, place: int, key: int) -> None:
    """Put a key where `place` is vacant, and let it sink to where it belongs."""
    while 2 * place + 1 < count:
        child = 2 * place + 1
        if child + 1 < count and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = key


@shared
def pop(heap: Ints, count: int) -> None:
    """Take the least key off a heap of `count`."""
    if count > 1:
        sink(heap, count - 1, 0, heap[count - 1])


@shared
def to_heap(keys: Ints, count: int) -> None:
    """Make the first `count` keys a heap."""
    for place in range(count // 2 - 1, -1, -1):
        sink(keys, count, place, keys[place])


@shared
def lower_part(keys: Ints, count: int, keep: int) -> int:
    """Bring the least `keep` of `count` keys to the front; answers the least of the others (quickselect)."""
    low, high = 0, count - 1
    while low < high:
        pivot = keys[(low + high) // 2]
        left, right = low, high
        while left <= right:
            while keys[left] < pivot:
                left += 1
            while keys[right] > pivot:
                right -= 1
            if left <= right:
                keys[left], keys[right] = keys[right], keys[left]
                left += 1
                right -= 1
        if keep <= right:
            high = right
        elif keep >= left:
            low = left
        else:
            break
    return int(keys[keep])
