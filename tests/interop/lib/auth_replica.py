"""Two processes of the service auth on one PostgreSQL database, beside one catalogue, and the key with which both sign."""

import json
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from suite import Suite


def write_signing_key(directory):
    """The only key of `auth.keys_dir`."""
    directory = Path(directory)
    directory.mkdir(mode=0o700)
    key = ed25519.Ed25519PrivateKey.generate()
    file = directory / "only.pem"
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    file.chmod(0o600)
    (directory / "active").write_text("only\n")
    return key


class AuthReplica(Suite):
    """A process with nothing but auth, with the settings of a facility, which has the catalogue."""

    def __init__(self, facility):
        super().__init__()
        self.services, self.passwords = ["auth"], facility.passwords
        self.env = facility.env | {
            "UNDULATOR_CONFIG": str(facility.dir / "undulator.toml"),
            "UNDULATOR_DATA_DIR": str(self.dir),
            "UNDULATOR_HTTP__BIND": f"127.0.0.1:{self.public}",
            "UNDULATOR_HTTP__INTERNAL_BIND": f"127.0.0.1:{self.internal}",
            "UNDULATOR_ICAT__URL": facility.url,
        }


def post_json(server, path, body, **more):
    """Status and JSON."""
    status, _, text = server.request("POST", path, body=body, **more)
    return status, json.loads(text) if text else None
