"""Frames taken from a buffer: whatever the pieces they come in, the same bytes of the same streams."""

import random

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, StreamEnded

from cloudhall.drivers.objects.weed_frames import LONGEST, framed, merged, messages

PAIRS = [(":method", "POST"), (":scheme", "https"), (":path", "/"), (":authority", "a")]
DATA, PING, LAST, PADDED = 0, 6, 1, 8


def frame(body: bytes, *, stream: int = 1, kind: int = DATA, flags: int = 0) -> bytes:
    return len(body).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + body


def test_data_frames_of_one_stream_that_follow_each_other_become_one() -> None:
    assert merged(bytearray(frame(b"one") + frame(b"") + frame(b"two"))) == frame(b"onetwo")


@pytest.mark.parametrize(
    "between",
    [
        frame(b"\0" * 8, stream=0, kind=PING),
        frame(b"another", stream=3),
        frame(b"end", flags=LAST),
        frame(b"\x02padded\0\0", flags=PADDED),
    ],
)
def test_whatever_else_comes_stays_where_it_is(between: bytes) -> None:
    line = frame(b"one") + between + frame(b"two")
    assert merged(bytearray(line)) == line


def test_no_frame_grows_longer_than_the_protocol_allows() -> None:
    assert merged(bytearray(frame(b"x" * LONGEST) + frame(b"y"))) == frame(b"x" * LONGEST) + frame(b"y")
    assert merged(bytearray(frame(b"x" * (LONGEST - 1)) + frame(b"y"))) == frame(b"x" * (LONGEST - 1) + b"y")


def test_a_frame_that_is_not_whole_waits() -> None:
    line = frame(b"one")
    for cut in range(len(line)):
        buffer = bytearray(line[:cut])
        assert (merged(buffer), bytes(buffer)) == (b"", line[:cut])
        buffer += line[cut:]
        assert (merged(buffer), bytes(buffer)) == (line, b"")


@pytest.mark.parametrize("seed", range(20))
def test_h2_sees_the_same_bytes_and_the_same_flow_control(seed: int) -> None:
    """A real server's bytes, in pieces of random length, with and without merging."""
    rng = random.Random(seed)  # noqa: S311  the same each time
    sent = [rng.randbytes(rng.choice([0, 5, 500, 3_000])) for _ in range(20)]
    client, server = H2Connection(H2Configuration(client_side=True)), H2Connection(H2Configuration(client_side=False))
    client.initiate_connection()
    client.send_headers(1, PAIRS, end_stream=True)
    server.initiate_connection()
    server.receive_data(client.data_to_send())
    server.send_headers(1, [(":status", "200")])
    for message in sent:
        server.send_data(1, framed(message))
        if rng.random() < 0.2:
            server.ping(rng.randbytes(8))
    server.send_headers(1, [("grpc-status", "0")], end_stream=True)
    line, buffer, body, ended, at = server.data_to_send(), bytearray(), bytearray(), False, 0
    while at < len(line):
        piece = rng.choice([1, 9, 700, 16_384])
        buffer += line[at : at + piece]
        at += piece
        for event in client.receive_data(merged(buffer)):
            if isinstance(event, DataReceived):
                client.acknowledge_received_data(event.flow_controlled_length, 1)
                body += event.data
            ended = ended or isinstance(event, StreamEnded)
    assert messages(body) == sent
    assert (ended, bytes(buffer), bytes(body)) == (True, b"", b"")


def test_a_message_that_is_not_whole_waits() -> None:
    line = framed(b"one") + framed(b"")
    buffer = bytearray(line[:7])
    assert messages(buffer) == []
    buffer += line[7:]
    assert messages(buffer) == [b"one", b""]
