"""Settings of all tests."""

from hypothesis import settings

# A busy machine is slow, not wrong: a timing never decides a test.
settings.register_profile("default", deadline=None)
settings.load_profile("default")
