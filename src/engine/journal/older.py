"""Converts journals and requests of older versions to the present format. Torch is not imported here."""

import re
from dataclasses import fields
from typing import Final

import msgspec

from ..run_settings import RunSettings

# JSON escapes quotes inside a text, so that none of these patterns matches within one.
_RENAMED: Final = (
    (re.compile(rb'"screen"(?=\s*:)'), b'"precision"'),
    (re.compile(rb'"screen_reason"(?=\s*:)'), b'"precision_reason"'),
    (re.compile(rb'("settled"\s*:\s*)"screen"'), rb'\1"screening"'),
)
_SETTINGS: Final = tuple(field.name for field in fields(RunSettings))
_Raw = dict[str, msgspec.Raw]  # the values remain undecoded
_LINE: Final = msgspec.json.Decoder(_Raw)


def upgraded(encoded: bytes) -> bytes:
    """The line of an event, or a request, in JSON, converted to the present format.

    Raises MsgspecError where `encoded` has to be parsed and is not a JSON object.
    """
    if b'"screen' in encoded:
        for old, new in _RENAMED:
            encoded = old.sub(new, encoded)
    if b'"weights"' in encoded:
        return _with_settings_of_their_own(encoded)
    return encoded


def _with_settings_of_their_own(encoded: bytes) -> bytes:
    """A request, or a line with one, with its settings moved from its own fields into the field `settings`."""
    whole = _LINE.decode(encoded)
    if "weights" in whole:
        _gather(whole)
    elif "event" in whole:
        event = _LINE.decode(whole["event"])
        if "request" not in event:
            return encoded
        request = _LINE.decode(event["request"])
        _gather(request)
        event["request"] = msgspec.Raw(msgspec.json.encode(request))
        whole["event"] = msgspec.Raw(msgspec.json.encode(event))
    return msgspec.json.encode(whole)


def _gather(request: _Raw) -> None:
    if "settings" not in request:
        given = {name: request.pop(name) for name in _SETTINGS if name in request}
        request["settings"] = msgspec.Raw(msgspec.json.encode(given))
