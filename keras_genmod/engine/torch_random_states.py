"""Whether the random numbers of a recording go on by themselves."""

import pickle
import random
import sys
import threading

import numpy as np
import torch
from torch.utils._python_dispatch import _disable_current_modes

from keras_genmod.engine.torch_calls import Draws


class RandomStates:
    """What generators stand at while a function is recorded.

    A program seeds generators from tensors, as the function does; from others, and from
    torch's global ones, it draws where they stand. So one that the function puts into a
    state by other means (`torch.manual_seed`, `fork_rng`, a checkpoint that runs a
    forward pass again) would give other numbers later. So would Python's and NumPy's,
    which are told to be this function's where no other thread did anything meanwhile.
    """

    def __init__(self):
        self._global = _global_states()
        self._host, self._threads = _host_states(), _other_threads()
        #: Generators that are not seeded, by their number: where they stood at first,
        #: and where all stood last.
        self.first: dict[int, torch.Tensor] = {}
        self.last: dict[int, torch.Tensor] = {}

    def before(self, drawn: list[Draws], generators: dict) -> str | None:
        """Says what is wrong with a call that draws, before it, or `None`."""
        for draws in drawn:
            if draws.seed is not None:
                continue
            state = _state(generators[draws.number])
            if not torch.equal(self.last.setdefault(draws.number, state), state):
                return "it sets a random generator"
            self.first.setdefault(draws.number, state)
        return self._changed()

    def after(self, drawn: list[Draws], generators: dict) -> None:
        """Notes where generators stand after a call that draws."""
        for draws in drawn:
            self.last[draws.number] = _state(generators[draws.number])
        self._global = _global_states()

    def at_end(self) -> str | None:
        """Says what is wrong after all calls, or `None`."""
        threads, self._threads = self._threads, {}  # frames hold what is in them
        if self._host != _host_states() and threads == _other_threads():
            return "it draws random numbers of Python's or NumPy's"
        return self._changed()

    def goes_on_from(self, other: "RandomStates") -> bool:
        """Whether generators stood at first where those of another recording ended."""
        return all(
            number in other.last and torch.equal(other.last[number], state)
            for number, state in self.first.items()
        )

    def _changed(self):
        states = _global_states()
        same = len(states) == len(self._global) and all(
            map(torch.equal, states, self._global)
        )
        return None if same else "it sets torch's global random generator"


def _state(generator):
    with _disable_current_modes():
        return generator.get_state()


def _global_states():
    with _disable_current_modes():
        states = [torch.get_rng_state()]
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            states.append(torch.cuda.get_rng_state())
    return states


def _host_states():
    return random.getstate(), pickle.dumps(np.random.get_state(legacy=False))


def _other_threads():
    """Returns where other threads are: the same frames again if they only wait."""
    frames = sys._current_frames()
    del frames[threading.get_ident()]
    return {thread: (frame, frame.f_lasti) for thread, frame in frames.items()}
