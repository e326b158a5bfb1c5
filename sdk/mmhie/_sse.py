"""Server-sent events, decoded from bytes that may be cut anywhere."""

from collections.abc import Iterator


class Decoder:
    """Yields the data of each complete event.

    Lines end at CR, LF or CR LF and nothing else: `splitlines` would also cut at U+2028 and U+0085,
    which model text may contain. Bytes are decoded a whole line at a time, so a character cut
    between two chunks is whole again here.
    """

    def __init__(self) -> None:
        self._tail = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The data of every event that `chunk` completes; an event never completed is dropped."""
        *lines, self._tail = _lines(self._tail + chunk)
        for line in lines:
            if line:
                self._take(line)
            elif self._data:
                data, self._data = b"\n".join(self._data), []
                yield data

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))


def _lines(block: bytes) -> list[bytes]:
    """Complete lines and the rest; a CR at the very end stays in the rest, its LF may follow."""
    held = b"\r" if block.endswith(b"\r") else b""
    whole = block.removesuffix(held).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    *lines, rest = whole.split(b"\n")
    return [*lines, rest + held]
