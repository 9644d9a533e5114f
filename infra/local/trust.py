"""A trust store for Java with the certificate authorities this machine trusts.

The Java of the Python package brings its own list. Behind a proxy that inspects TLS that list is not enough, while pip,
which goes by the machine's, works: downloads by Java must succeed where pip's did.
"""

import hashlib
import ssl
import struct
from pathlib import Path

PASSWORD = "changeit"  # noqa: S105 (it guards public certificates; Java asks for one)
_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def certificates() -> list[bytes]:
    """The authorities this machine trusts, DER; none where no bundle file is known."""
    named = ssl.get_default_verify_paths().cafile  # SSL_CERT_FILE, if set
    for bundle in (named, *_BUNDLES):
        if bundle and Path(bundle).is_file():
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            try:
                context.load_verify_locations(bundle)
            except (ssl.SSLError, OSError):
                continue
            return context.get_ca_certs(binary_form=True)
    return []


def key_store(trusted: list[bytes]) -> bytes:
    """A JKS key store of trusted certificates.

    Source: the format as in OpenJDK's sun.security.provider.JavaKeyStore: magic, version 2, count, entries (tag 2,
    alias, date, "X.509", certificate), then SHA-1 over password in UTF-16, a fixed phrase and all before.
    """
    body = struct.pack(">III", 0xFEEDFEED, 2, len(trusted))
    for number, certificate in enumerate(trusted):
        body += struct.pack(">I", 2) + _utf(f"ca{number}") + struct.pack(">Q", 0)
        body += _utf("X.509") + struct.pack(">I", len(certificate)) + certificate
    seal = hashlib.sha1(PASSWORD.encode("utf-16-be") + b"Mighty Aphrodite" + body)  # noqa: S324 (the format's choice)
    return body + seal.digest()


def options(folder: Path) -> list[str]:
    """Flags that make Java trust what this machine trusts; none where that is not known. Writes into `folder`."""
    trusted = certificates()
    if not trusted:
        return []
    store = folder / "trusted.jks"
    store.write_bytes(key_store(trusted))
    return [f"-Djavax.net.ssl.trustStore={store}", f"-Djavax.net.ssl.trustStorePassword={PASSWORD}"]


def _utf(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode("ascii")
