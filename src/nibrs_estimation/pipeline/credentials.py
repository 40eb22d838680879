"""Removal of passwords from settings and texts that are recorded or shown."""

from __future__ import annotations

import re

HIDDEN = "***"
#: An address within a text. For a setting that is an address, see `mask_address`: its password may contain anything.
_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<rest>\S+)")
_WHOLE_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<rest>.*)", re.DOTALL)
#: A password in a libpq connection string.
_PASSWORD = re.compile(r"(?P<name>\w*password\s*=\s*)(?:'(?:[^'\\]|\\.)*'?|\S+)", re.IGNORECASE)


def mask_credentials(text: str) -> str:
    """A text without the user, password, query and fragment of addresses, and without the value of ``password=``.

    A text that begins with an address is treated as one address: an unencoded password may contain spaces.
    """
    pattern = _WHOLE_ADDRESS if _WHOLE_ADDRESS.match(text) else _ADDRESS
    masked = pattern.sub(lambda found: found["scheme"] + _mask_rest(found["rest"]), text)
    return _PASSWORD.sub(lambda found: found["name"] + HIDDEN, masked)


def mask_address(text: str) -> str:
    """The same for a setting that is an address, even if it has no scheme."""
    return mask_credentials(text) if "://" in text else _mask_rest(text)


def _mask_rest(rest: str) -> str:
    before, at, after = rest.rpartition("@")
    if "?" in before or "#" in before:
        # A password with a question mark, or a query with an @: it is unknown which part is the secret.
        return HIDDEN
    host = re.split(r"[?#]", after, maxsplit=1)[0]
    return f"{HIDDEN}@{host}" if at else host
