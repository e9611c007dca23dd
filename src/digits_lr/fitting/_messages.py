"""Messages between processes: pickles, and beside them the arrays, which are not copied."""

import io
import pickle
from collections.abc import Sequence
from typing import Any

Message = list[Any]  # bytes of some kind: a pickle, then the arrays that it refers to


class _Pickler(pickle.Pickler):
    """Pickles the numbers of the objects that both ends have, instead of copies of them."""

    numbers: dict[int, int]

    def persistent_id(self, one: Any) -> int | None:
        return self.numbers.get(id(one))


class _Unpickler(pickle.Unpickler):
    """Gives the objects of this end for their numbers."""

    shared: Sequence[Any]

    def persistent_load(self, number: int) -> Any:
        return self.shared[number]


def pack(content: Any, shared: Sequence[Any] = ()) -> Message:
    """Pickle `content`, in which the objects of `shared` stand for those of the other end."""
    file, arrays = io.BytesIO(), list[pickle.PickleBuffer]()
    pickler = _Pickler(file, protocol=5, buffer_callback=arrays.append)
    pickler.numbers = {id(one): number for number, one in enumerate(shared)}
    pickler.dump(content)
    return [file.getbuffer(), *(array.raw() for array in arrays)]


def unpack(message: Message, shared: Sequence[Any] = ()) -> Any:
    """Return the content of `message`, which is left empty: what it held takes much memory."""
    unpickler = _Unpickler(io.BytesIO(message.pop(0)), buffers=[*message])
    unpickler.shared = shared
    message.clear()
    return unpickler.load()


def send(pipe: Any, message: Message) -> None:
    """Write `message`, which is left empty."""
    pickle.dump([pickle.PickleBuffer(part) for part in message], pipe, protocol=5)
    message.clear()
    pipe.flush()


def receive(pipe: Any) -> Message:
    """Read a message, or raise EOFError or UnpicklingError if the other end is gone."""
    message: Message = pickle.load(pipe)
    return message
