"""What the parts of the screen say to each other."""

from dataclasses import dataclass

from textual.message import Message


@dataclass
class RunChanged(Message):
    """The run of the model at `index` in the list has new events, or was found, or its engine died.

    Says that there is something to draw, not what: a screen that is behind draws once for all of them.
    """

    index: int

    def can_replace(self, message: Message) -> bool:
        """Whether this message says all that `message` does."""
        return isinstance(message, RunChanged) and message.index == self.index


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
