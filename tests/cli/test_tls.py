"""A server with a certificate of its own, and clients that trust it or not."""

from __future__ import annotations

import ipaddress
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from napari_annotate_jobs.errors import StoreAccessError
from napari_annotate_jobs.stores.http import HttpStore, ImageCache, _wire


def certificate(folder, address):
    """Write a key and a certificate for an address, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "jobs")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def trust(monkeypatch):
    """Return what makes clients trust a certificate, beside none other."""

    def only(path):
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        _wire._trust.cache_clear()

    yield only
    _wire._trust.cache_clear()


@pytest.mark.slow
def test_a_server_with_a_certificate_of_its_own(tmp_path, trust):
    cert, key = certificate(tmp_path, "127.0.0.1")
    (tmp_path / "other").mkdir()
    other, _ = certificate(tmp_path / "other", "127.0.0.2")
    command = [
        str(Path(sys.executable).with_name("napari-annotate-jobs")), "serve",
        str(tmp_path / "home"),
        "--port", "0", "--tls-cert", str(cert), "--tls-key", str(key),
    ]  # fmt: skip
    cache = ImageCache(tmp_path / "cache" / "images")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            token = server.stdout.readline().split()[-1]
            said = server.stdout.readline()
            address = re.search(r"https://127\.0\.0\.1:\d+", said)
            assert address is not None, said

            def opened(where=address[0]):
                return HttpStore(where, token=token, cache=cache, patient=False)

            trust(other)
            with pytest.raises(StoreAccessError, match="certificate") as caught:
                opened()
            assert caught.value.words.short == "server not trusted"
            assert token not in str(caught.value)
            trust(cert)
            with opened() as store:
                assert store.person == "owner"
                assert list(store.jobs()) == []
            # The name counts as well, and nothing goes out unencrypted.
            with pytest.raises(StoreAccessError, match="certificate"):
                opened(address[0].replace("127.0.0.1", "localhost"))
            with pytest.raises(StoreAccessError):
                HttpStore(
                    address[0].replace("https", "http"),
                    token=token,
                    cache=ImageCache(tmp_path / "elsewhere" / "images"),
                    patient=False,
                )
        finally:
            server.terminate()
            server.wait(60)
