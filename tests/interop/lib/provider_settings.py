"""What `undulator.toml` says about identity providers: everything that depends on names of settings and on routes."""

import json
import tempfile

from oidc_provider import CLIENT, SECRET

# Below `public_url`, and before the name of a provider.
ROUTES = "/auth/v1/oidc"
# Files that are deleted at the end of the test.
SECRET_FILES = []


def write_secret(text):
    """A file with a secret: the product reads secrets of providers from files."""
    file = tempfile.NamedTemporaryFile("w", prefix="undulator-secret-")
    file.write(text)
    file.flush()
    SECRET_FILES.append(file)
    return file.name


def render_table(name, settings):
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in settings.items() if value is not None]
    return "\n".join([f"[[{name}]]", *lines, ""])


def render_provider(name, issuer, **more):
    return render_table("auth.providers", {
        **{"name": name, "kind": "oidc", "display_name": name.title(), "configuration_url": f"{issuer}/.well-known/openid-configuration"},
        **{"client_id": CLIENT, "client_secret_file": write_secret(SECRET), "scope": "openid profile email", "mechanism": "oidc", "username_claim": "preferred_username"},
        # Only here: a provider on this machine has no certificate.
        "allow_http": True, **more,
    })


def render_ldap(mechanism, url, **more):
    return render_table("auth.providers", {"name": mechanism, "kind": "ldap", "url": url, **more})


def render_oidc_plugin(name, issuer, **more):
    """An authenticator plugin that takes a provider's tokens."""
    configuration_url = f"{issuer}/.well-known/openid-configuration"
    return render_table("auth.plugins", {"name": name, "kind": "oidc", "configuration_url": configuration_url, "allow_http": True, **more})
