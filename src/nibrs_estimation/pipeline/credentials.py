"""Passwords that hide inside other settings: none is recorded or shown."""

from __future__ import annotations

import re

HIDDEN = "***"
#: An address as it stands in a text; in a setting of its own the password may hold anything, see `address_shown`.
_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<rest>\S+)")
_WHOLE_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<rest>.*)", re.DOTALL)
#: As libpq's connection strings write it.
_PASSWORD = re.compile(r"(?P<name>\w*password\s*=\s*)(?:'(?:[^'\\]|\\.)*'?|\S+)", re.IGNORECASE)


def without_credentials(text: str) -> str:
    """A text in which the addresses have no user, password, query or fragment, and ``password=`` no value.

    A text that begins with an address is taken as one as a whole: a password that nobody encoded may hold spaces.
    """
    pattern = _WHOLE_ADDRESS if _ADDRESS.match(text) else _ADDRESS
    shown = pattern.sub(lambda found: found["scheme"] + _shown(found["rest"]), text)
    return _PASSWORD.sub(lambda found: found["name"] + HIDDEN, shown)


def address_shown(text: str) -> str:
    """The same for a setting that is an address, even where it is written without a scheme."""
    return without_credentials(text) if "://" in text else _shown(text)


def _shown(rest: str) -> str:
    before, at, after = rest.rpartition("@")
    if "?" in before or "#" in before:
        # Password with a question mark, or query with an @: nobody can tell which part is the secret.
        return HIDDEN
    host = re.split(r"[?#]", after, maxsplit=1)[0]
    return f"{HIDDEN}@{host}" if at else host
