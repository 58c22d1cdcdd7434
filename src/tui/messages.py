"""The messages between the parts of the screen."""

from dataclasses import dataclass

from textual.message import Message

from .app_state import Change, ModelChanged


@dataclass
class StateChanged(Message):
    """The app's state has changed. A screen that lags behind draws only the newest change of each model."""

    change: Change

    def can_replace(self, message: Message) -> bool:
        """Whether this message makes `message` unnecessary."""
        if not isinstance(message, StateChanged):
            return False
        new, old = self.change, message.change
        if isinstance(new, ModelChanged):
            return isinstance(old, ModelChanged) and old.index == new.index
        return True


@dataclass
class Chosen(Message):
    """The user chose the model at `index` in the list."""

    index: int


@dataclass
class BatchChosen(Message):
    """The user chose the batch whose pair is to be shown; None for the whole cluster's."""

    batch: int | None


@dataclass
class FilterTyped(Message):
    """The filter of the live table is being typed; it is `text` so far."""

    text: str

    def can_replace(self, message: Message) -> bool:
        """Whether this message says all that `message` does."""
        return isinstance(message, FilterTyped)


@dataclass
class FilterKept(Message):
    """The filter is complete."""
