"""What holds for all tests."""

import os

from hypothesis import settings

# CI tries the same examples every time, so that its verdict is about the change; elsewhere they are new each time.
settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")
