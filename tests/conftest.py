"""Settings of all tests."""

import os

from hypothesis import settings

from tests.support.command import NAMES

# A busy machine is slow, not wrong: a timing never decides a test.
settings.register_profile("default", deadline=None)
settings.load_profile("default")

# Tests say what they set: what a shell or a container has set is not theirs.
for name in (*NAMES, "NIBRS_SOURCE"):
    os.environ.pop(name, None)
