"""What the parts of the screen say to each other."""

from dataclasses import dataclass

from textual.message import Message

from .app_state import Change, ModelChanged


@dataclass
class StateChanged(Message):
    """The app's state has changed. A screen that is behind draws only the newest change of each model."""

    change: Change

    def can_replace(self, message: Message) -> bool:
        """Whether this message says all that `message` does."""
        if not isinstance(message, StateChanged):
            return False
        new, old = self.change, message.change
        if isinstance(new, ModelChanged):
            return isinstance(old, ModelChanged) and old.index == new.index
        return True


@dataclass
class Chosen(Message):
    """The person chose the model at `index` in the list."""

    index: int


@dataclass
class BatchChosen(Message):
    """The person chose the batch whose pair is to be shown; None: the whole cluster's again."""

    batch: int | None


@dataclass
class FilterTyped(Message):
    """The filter of the live table is being written, and so far is `text`."""

    text: str

    def can_replace(self, message: Message) -> bool:
        """Whether this message says all that `message` does."""
        return isinstance(message, FilterTyped)


@dataclass
class FilterKept(Message):
    """The filter is written."""
