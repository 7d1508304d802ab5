"""Where the server listens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.types import ExporterSettings
from exporter.errors import UsageError
from exporter.web.listening import Listen, is_loopback, listen


def settings(host: str = "127.0.0.1", port: int = 8080, auth: str | None = None) -> ExporterSettings:
    return ExporterSettings("acme", listen_host=host, listen_port=port, auth=auth)


def test_the_configuration_says_where() -> None:
    assert listen(settings("::1", 0), {}) == Listen("::1", 0, None)
    assert listen(settings("0.0.0.0", 80, "bearer"), {}) == Listen("0.0.0.0", 80, "bearer")


def test_a_port_in_the_environment_means_every_interface() -> None:
    assert listen(settings(auth="cloud_run"), {"PORT": "9000"}) == Listen("0.0.0.0", 9000, "cloud_run")


@pytest.mark.parametrize(
    ("where", "environ"),
    [
        (settings(), {"PORT": "8080"}),
        (settings("0.0.0.0"), {}),
        (settings("10.0.0.1"), {}),
        (settings("example.com"), {}),
    ],
    ids=["PORT", "every interface", "address", "name"],
)
def test_beyond_loopback_somebody_must_be_asked(where: ExporterSettings, environ: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"exporter\.auth: is missing: an address beyond loopback needs") as raised:
        listen(where, environ)
    assert raised.value.exit_status == 2
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("port", ["", "0", "65536", "-1", "+80", "8080 ", "http", "٨٠", "8_0", "1e3", "080000"])
def test_a_bad_port_is_refused(port: str) -> None:
    with pytest.raises(UsageError, match=r"\$PORT is .* from 1 to 65535"):
        listen(settings(auth="bearer"), {"PORT": port})


@given(st.integers(1, 65535))
def test_every_port_is_taken(port: int) -> None:
    assert listen(settings(auth="iap"), {"PORT": str(port)}).port == port


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "::", "10.0.0.1", "localhost.example.com", "127.0.0.1.nip.io", "2130706433", "0x7f.1"]
)
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)
