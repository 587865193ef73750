"""Writes a picture of a page as a PNG of at most 256 colours: a third of the size, and nobody sees the difference.

Pages have few colours; what else there is are the edges of letters. The 256 most frequent colours stay as they are, the
others become the nearest of them.
"""

import struct
import zlib
from typing import Any

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = 256
ROWS = 512


def png(pixels: Any) -> bytes:
    """Encode an array of rows of red, green, blue (uint8) as PNG 1.2, 11.2.2: colour type 3, eight bits."""
    height, width, _ = pixels.shape
    whole = pixels.astype(np.uint32)
    packed = (whole[..., 0] << 16) | (whole[..., 1] << 8) | whole[..., 2]
    found, inverse, counts = np.unique(packed, return_inverse=True, return_counts=True)
    kept = found[np.argsort(-counts, kind="stable")[:COLOURS]]
    indexes = _nearest(_channels(found), _channels(kept))[inverse].reshape(height, width).astype(np.uint8)
    rows = np.hstack([np.zeros((height, 1), np.uint8), indexes])  # filter 0 packs best for indexes
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", _channels(kept).astype(np.uint8).tobytes()))
    body = zlib.compress(rows.tobytes(), 9)
    return SIGNATURE + b"".join(_chunk(*c) for c in (*chunks, (b"IDAT", body), (b"IEND", b"")))


def _channels(packed: Any) -> Any:
    return np.stack([packed >> 16 & 255, packed >> 8 & 255, packed & 255], axis=-1).astype(np.int32)


def _nearest(found: Any, kept: Any) -> Any:
    """Index of the nearest kept colour for each that was found, some rows at a time to spare memory."""
    parts = (found[i : i + ROWS, None, :] - kept[None, :, :] for i in range(0, len(found), ROWS))
    return np.concatenate([(part**2).sum(axis=2).argmin(axis=1) for part in parts])


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
