"""Pictures with a palette are PNG files that hold the colours they were given, as far as a palette can."""

import struct
import zlib
from typing import Any

import numpy as np

import palette


def unpacked(data: bytes) -> Any:
    """Pixels of a PNG as `palette` writes them; every chunk's sum is checked."""
    assert data.startswith(palette.SIGNATURE)
    chunks, at = dict[bytes, bytes](), len(palette.SIGNATURE)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length) == (zlib.crc32(name + body),)
        chunks[name], at = body, at + 12 + length
    width, height, depth, kind, *_ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, kind) == (8, 3)
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    return np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)[rows[:, 1:]]


def test_few_colours_stay_as_they_are() -> None:
    pixels = np.random.default_rng(1).integers(0, 5, (20, 31, 3)).astype(np.uint8) * 60
    assert np.array_equal(unpacked(palette.png(pixels)), pixels)


def test_of_many_colours_the_frequent_ones_stay_and_the_others_are_near() -> None:
    pixels = np.full((64, 64, 3), 200, np.uint8)
    pixels[:20] = np.random.default_rng(2).integers(0, 256, (20, 64, 3))
    seen = unpacked(palette.png(pixels))
    assert np.array_equal(seen[20:], pixels[20:])
    assert np.abs(seen.astype(int) - pixels).mean() < 30
