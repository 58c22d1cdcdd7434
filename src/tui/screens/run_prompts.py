"""The dialogs that ask for the next run's settings: the rows of a batch, and the device."""

from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from ...engine.run_settings import from_text
from ...engine.text.escape import visible

DEVICES: Final = (
    ("auto", "auto   cuda where there is one, else mps, else xpu, else cpu"),
    ("cpu", "cpu    every core of this machine"),
    ("cuda", "cuda   the first GPU; type cuda:1 for the second"),
    ("mps", "mps    an Apple GPU"),
    ("xpu", "xpu    an Intel GPU"),
)


def _problem(setting: str, text: str) -> str:
    """Why `text` is not allowed for the run's `setting`, in a sentence; "" where it is."""
    try:
        from_text(setting, text)
    except ValueError as error:
        return f"{visible(str(error))}."
    return ""


def batch_problem(text: str) -> str:
    """Why `text` is not a batch size, in a sentence; "" where it is one. It may be written with commas."""
    return _problem("batch", text.replace(",", "").strip())


def device_problem(text: str) -> str:
    """Why `text` is not a device, in a sentence; "" where it is one."""
    return _problem("device", text.strip())


class BatchPrompt(ModalScreen[int | None]):
    """Ends with the batch size that was given, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back", show=False, id="batch.back")
    ]

    def __init__(self, batch: int) -> None:
        super().__init__()
        self._batch = batch

    def compose(self) -> ComposeResult:
        """Yield the parts."""
        with Vertical(classes="dialog small") as dialog:
            dialog.border_title = "rows in a batch of the next run"
            dialog.border_subtitle = "enter keeps it · esc goes back"
            field = Input(str(self._batch), id="batch-size", compact=True, max_length=16)
            field.cursor_blink = False
            yield field
            yield Static("", id="problem", markup=False)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self.query_one("#problem", Static).update(batch_problem(event.value), layout=False)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        if not batch_problem(event.value):
            self.dismiss(int(event.value.replace(",", "")))


class DevicePrompt(ModalScreen[str | None]):
    """Ends with the device that was typed or chosen, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back", show=False, id="device.back"),
        Binding("up", "move(-1)", "Up", show=False, id="device.up"),
        Binding("down", "move(1)", "Down", show=False, id="device.down"),
    ]

    def __init__(self, device: str) -> None:
        super().__init__()
        self._device = device

    def compose(self) -> ComposeResult:
        """Yield the parts."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "device of the next run"
            dialog.border_subtitle = "enter keeps it · esc goes back"
            field = Input(self._device, id="device-name", compact=True, max_length=16)
            field.cursor_blink = False
            yield field
            yield OptionList(
                *(Option(text, id=name) for name, text in DEVICES), id="devices", compact=True, markup=False
            )
            yield Static("", id="problem", markup=False)

    def on_mount(self) -> None:
        """Set up what needs the screen."""
        self.query_one(OptionList).can_focus = False

    def action_move(self, by: int) -> None:
        """Write the next device of the list into the field."""
        devices = self.query_one(OptionList)
        at = devices.highlighted
        chosen = (0 if by > 0 else len(DEVICES) - 1) if at is None else (at + by) % len(DEVICES)
        self.query_one(Input).value = DEVICES[chosen][0]

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        names = [name for name, _ in DEVICES]
        devices = self.query_one(OptionList)
        devices.highlighted = names.index(event.value.strip()) if event.value.strip() in names else None
        self.query_one("#problem", Static).update(device_problem(event.value), layout=False)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        if not device_problem(event.value):
            self.dismiss(event.value.strip())

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)
