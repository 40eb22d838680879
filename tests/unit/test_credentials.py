"""Passwords inside other settings: none survives, whatever it is made of."""

import string
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nibrs_estimation.cli.settings import Settings
from nibrs_estimation.pipeline.credentials import mask_address, mask_credentials

# Capitals that nothing else in the addresses has, with whatever may stand around them, line breaks included.
SECRETS = st.tuples(st.text(max_size=6), st.text(string.ascii_uppercase, min_size=6, max_size=12), st.text(max_size=6))
SCHEMES = st.sampled_from(["http", "https", "tcp", "tls", "postgresql", "s3"])
FORMS = st.sampled_from(
    [
        "{scheme}://user:{secret}@host:9000/path",
        "{scheme}://{secret}@host:9000",
        "{scheme}://host:9000/path?token={secret}",
        "{scheme}://host:9000/path?token={secret}&other=1#end",
        "{scheme}://host:9000/path#{secret}",
        "{scheme}://user:{secret}@host/path?sslpassword={secret}",
    ]
)


@given(SECRETS, SCHEMES, FORMS)
@example(("\x85:", "AAAAAA", ""), "http", "{scheme}://{secret}@host:9000")
def test_no_secret_survives_in_a_setting(parts: tuple[str, str, str], scheme: str, form: str) -> None:
    for secret in ("".join(parts), quote("".join(parts), safe="")):
        address = form.format(scheme=scheme, secret=secret)
        settings = Settings(
            _env_file=None,
            s3_endpoint_url=address,
            dask_scheduler_address=address,
            pgdatabase=address,
            artifact_store=address,
            external_store=address,
            nibrs_source=address,
        )
        assert parts[1] not in str(settings.recorded())


@given(SECRETS, SCHEMES, FORMS)
def test_no_secret_survives_in_a_text(parts: tuple[str, str, str], scheme: str, form: str) -> None:
    address = form.format(scheme=scheme, secret=quote("".join(parts), safe=""))
    assert parts[1] not in mask_credentials(f"Timed out at {address} after 3 s; also {address}.")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://host:9000/bucket", "https://host:9000/bucket"),
        ("s3://bucket/prefix", "s3://bucket/prefix"),
        ("/home/me@work/scratch", "/home/me@work/scratch"),
        ("cde:/data/a@b.zip", "cde:/data/a@b.zip"),
        ("tcp://me:pass@host:8786", "tcp://***@host:8786"),
        ("http://me:p?w@host", "http://***"),
        ("host=h password='a b' user=me", "host=h password=*** user=me"),
    ],
)
def test_the_rest_stays(text: str, shown: str) -> None:
    assert mask_credentials(text) == shown


def test_an_address_without_a_scheme_is_one_where_a_setting_is_an_address() -> None:
    assert mask_address("me:pass@host:8786") == "***@host:8786"
    assert mask_address("host:8786") == "host:8786"
