"""Numbers that a person gives have limits: what is beyond them is a sentence with what is allowed."""

from collections.abc import Callable

import pytest
from farpair import values


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (values.threads, "100000"),
        (values.threads, "0"),
        (values.threads, "-1"),
        (values.bytes_of, "5"),
        (values.bytes_of, "999999"),
        (values.bytes_of, "0.5K"),
        (values.bytes_of, "0"),
        (values.whole_number, "2147483648"),
        (values.whole_number, "99999999999999999999"),
        (values.speed, "0.000001"),
        (values.speed, "0"),
        (values.speed, "9999999"),
    ],
)
def test_a_number_beyond_its_limits_is_refused_with_what_is_allowed(
    check: Callable[[str], object], text: str
) -> None:
    with pytest.raises(ValueError, match=r"from [0-9.]+ to [0-9,]+$|1 MB at least"):
        check(text)


def test_numbers_within_their_limits_are_what_they_say() -> None:
    assert values.threads("1024") == 1024
    assert values.bytes_of("1MB") == values.bytes_of("1000000") == 10**6
    assert values.bytes_of("999999TB") == 999_999 * 10**12
    assert values.speed("0.01") == 0.01
