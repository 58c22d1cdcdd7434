"""A dialog that asks for one of a few answers, by their letters or from a list."""

from typing import TypeVar

from textual import on
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

Answer = TypeVar("Answer")


class Menu(ModalScreen[Answer]):
    """Ends with an answer. The action `answer` takes the id of the option that was picked, as the keys do."""

    def answers(self, *options: Option) -> OptionList:
        """The list of the answers, their texts shown as they are."""
        return OptionList(*options, id="answers", compact=True, markup=False)

    @on(OptionList.OptionSelected)
    async def _selected(self, event: OptionList.OptionSelected) -> None:
        await self.run_action(f"answer({event.option_id or ''!r})")
