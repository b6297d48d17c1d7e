"""Kubernetes manifests beyond one object: whether a cluster takes the next version of them, whether a site's settings
arrive everywhere, and which path goes to which service. Part of test_deployment_files.py."""

import copy
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import kubernetes_validate
import yaml

from suite import ROOT

TOOLS = Path(sys.prefix) / "bin"
# The oldest and the newest Kubernetes that the manifests are for.
KUBERNETES = ["1.29", "1.37"]
# Public and internal port of each.
PORTS = {
    **{"undulator": (8080, 9080), "auth": (8081, 9081), "icat": (8082, 9082), "download": (8083, 9083)},
    **{"search": (8084, 9084), "logbook": (8085, 9085)},
}
# What a cluster refuses to change in an object that is there: these fields of `spec`, …
IMMUTABLE = {
    "Deployment": ["selector"],
    "Job": ["selector", "template", "completions", "completionMode", "podFailurePolicy"],
    "Service": ["clusterIP", "ipFamilies"],
}
# … and of a StatefulSet all but these ("updates to statefulset spec for fields other than … are forbidden", 1.29).
MUTABLE_OF_STATEFUL_SET = {
    "replicas", "ordinals", "template", "updateStrategy", "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
}
# Custom resources, for which the validator has no schema: the keys that stand in ours (Gateway API 1.4).
HTTP_ROUTE = {
    "": {"apiVersion", "kind", "metadata", "spec"},
    "spec": {"parentRefs", "hostnames", "rules"},
    "parentRefs": {"name", "namespace"},
    "rules": {"matches", "timeouts", "backendRefs"},
    "matches": {"path"},
    "path": {"type", "value"},
    "timeouts": {"request", "backendRequest"},
    "backendRefs": {"name", "port"},
}

def run_tool(*command, stdin=None, env=None, cwd=ROOT):
    return subprocess.run([*map(str, command)], input=stdin, env=env, cwd=cwd, text=True, capture_output=True)


def render_kustomization(directory):
    """The objects of one kustomization, each accepted by the schemas of Kubernetes without an unknown field."""
    done = run_tool(TOOLS / "kubectl", "kustomize", directory)
    assert done.returncode == 0 and not done.stderr, done.stderr
    objects = list(yaml.safe_load_all(done.stdout))
    for thing in objects:
        if thing["kind"] == "HTTPRoute":
            check_http_route(thing)
            continue
        for version in KUBERNETES:
            try:
                kubernetes_validate.validate(thing, version, strict=True)
            except kubernetes_validate.ValidationError as e:
                path = ".".join(map(str, e.path))
                raise SystemExit(f"{directory}: {thing['kind']} {thing['metadata']['name']}, {path}: {e.message}") from e
        for broken in misspell_fields(thing):
            try:
                kubernetes_validate.validate(broken, KUBERNETES[0], strict=True)
            except kubernetes_validate.ValidationError:
                continue
            raise SystemExit(f"an unknown field in a {thing['kind']} was accepted")
    return objects


def check_http_route(thing):
    assert thing["apiVersion"] == "gateway.networking.k8s.io/v1"

    def check_value(place, value):
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and place in HTTP_ROUTE:
                assert item.keys() <= HTTP_ROUTE[place], (place, item)
                for key, inner in item.items():
                    check_value(key, inner)

    check_value("", thing)


def misspell_fields(thing):
    """Copies with one field that does not exist."""
    places = [lambda t: t, lambda t: t["metadata"]]
    if "spec" in thing:
        places.append(lambda t: t["spec"])
    if "template" in thing.get("spec", {}):
        places += [lambda t: t["spec"]["template"]["spec"], lambda t: t["spec"]["template"]["spec"]["containers"][0]]
    for place in places:
        broken = copy.deepcopy(thing)
        place(broken)["colour"] = "red"
        yield broken


def longest_prefix(prefixes, path):
    """As proxies choose: whole segments, the longest wins."""
    fitting = [p for p in prefixes if path == p or path.startswith(p.rstrip("/") + "/")]
    return prefixes[max(fitting, key=len)] if fitting else None


def documented_paths():
    """Every path of the interface and the service that has it, by the OpenAPI documents."""
    for service in ["auth", "icat", "download", "logbook", "search"]:
        document = json.loads((ROOT / "services" / service / "openapi.json").read_text())
        for path in document["paths"]:
            yield service, path


def check_prefixes(where, prefixes):
    """`prefixes` says which service a path goes to; the whole interface arrives, and nothing internal does."""
    for service, path in documented_paths():
        assert longest_prefix(prefixes, path) == service, f"{where}: {path} goes to {longest_prefix(prefixes, path)}"
    for internal in ["/authn.db/authenticate", "/sessions/resolve", "/icat.lucene/datafile", "/metrics", "/health/ready"]:
        assert longest_prefix(prefixes, internal) is None, f"{where}: {internal} is reachable"


def check_routes(where, objects):
    for thing in objects:
        prefixes = {}
        if thing["kind"] == "HTTPRoute":
            for rule in thing["spec"]["rules"]:
                (backend,) = rule["backendRefs"]
                service = backend["name"].removeprefix("undulator-")
                assert backend["port"] == PORTS[service][0], (where, backend)
                prefixes.update({match["path"]["value"]: service for match in rule["matches"]})
        elif thing["kind"] == "Ingress":
            (rule,) = thing["spec"]["rules"]
            for path in rule["http"]["paths"]:
                assert path["pathType"] == "Prefix" and path["backend"]["service"]["port"] == {"name": "http"}, path
                prefixes[path["path"]] = path["backend"]["service"]["name"].removeprefix("undulator-")
        else:
            continue
        check_prefixes(f"{where} {thing['kind']}", prefixes)


def render_with(base, more):
    """The objects of an overlay over `base`, which must lie in k8s/."""
    with tempfile.TemporaryDirectory(dir=ROOT / "k8s/overlays") as tmp:
        text = f"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../../{base}]\n{more}"
        (Path(tmp) / "kustomization.yaml").write_text(text)
        done = run_tool(TOOLS / "kubectl", "kustomize", tmp)
        assert done.returncode == 0 and not done.stderr, done.stderr
        return list(yaml.safe_load_all(done.stdout))


def immutable_changes(before, after):
    """What a cluster that has `before` would refuse of `after`."""
    names = {(o["kind"], o["metadata"]["name"]): o for o in before}
    refused = []
    for thing in after:
        kind, name = thing["kind"], thing["metadata"]["name"]
        old = names.get((kind, name))
        fields = IMMUTABLE.get(kind, [])
        if kind == "StatefulSet":
            fields = sorted(thing["spec"].keys() - MUTABLE_OF_STATEFUL_SET)
        for field in fields if old else []:
            if old["spec"].get(field) != thing["spec"].get(field):
                refused.append(f"{kind} {name}: spec.{field}")
        if kind == "ConfigMap" and old and old.get("immutable") and old["data"] != thing["data"]:
            refused.append(f"{kind} {name}: data")
    return refused


def check_upgrades():
    """A changed setting, another image and another version can be applied over what is there."""
    setting = (
        "configMapGenerator:\n  - name: undulator-config\n    behavior: merge\n    literals: [UNDULATOR_SITE=another]\n"
    )
    image = "images:\n  - name: undulator\n    digest: sha256:" + "1" * 64 + "\n"
    version = (
        "labels:\n  - pairs: { app.kubernetes.io/version: 9.9.9 }\n    includeSelectors: false\n"
        "    fields:\n      - { path: spec/template/metadata/labels, create: true, kind: StatefulSet }\n"
    )
    for base in ["base", "overlays/small"]:
        before = render_with(base, "")
        for name, more in [("setting", setting), ("image", image), ("version", version)]:
            after = render_with(base, more)
            assert before != after, (base, name)
            refused = immutable_changes(before, after)
            assert not refused, f"{base}: another {name} would be refused: {refused}"
    # The controls: what a cluster has refused before.
    claims = "labels:\n  - pairs: { app.kubernetes.io/version: 9.9.9 }\n    includeTemplates: true\n"
    small = render_with("overlays/small", "")
    assert immutable_changes(small, render_with("overlays/small", claims)) == ["StatefulSet undulator: spec.volumeClaimTemplates"]
    job = {"kind": "Job", "metadata": {"name": "migrate"}, "spec": {"template": {"spec": {"image": "undulator:1"}}}}
    other = copy.deepcopy(job)
    other["spec"]["template"]["spec"]["image"] = "undulator:2"
    assert immutable_changes([job], [other]) == ["Job migrate: spec.template"]


def site_settings():
    """The gateway's namespace and the host name of an overlay arrive in every object that has them."""
    def with_site(component, namespace, hostname):
        text = (ROOT / "k8s/overlays/example/site.yaml").read_text()
        assert text.count("gateway-namespace: gateway") == text.count("hostname: data.example.org") == 1
        text = text.replace("gateway-namespace: gateway", f"gateway-namespace: {namespace}")
        text = text.replace("hostname: data.example.org", f"hostname: {hostname}")
        with tempfile.TemporaryDirectory(dir=ROOT / "k8s/overlays") as tmp:
            overlay = (ROOT / "k8s/overlays/example/kustomization.yaml").read_text()
            (Path(tmp) / "kustomization.yaml").write_text(overlay.replace("components/http-route", f"components/{component}"))
            (Path(tmp) / "site.yaml").write_text(text)
            return render_kustomization(Path(tmp))

    for component in ["http-route", "ingress"]:
        rendered = with_site(component, "traefik", "icat.example.net")
        text = json.dumps([o for o in rendered if o["kind"] in ["NetworkPolicy", "HTTPRoute", "Ingress"]])
        assert '"gateway"' not in text.replace('"name": "gateway"', "") and "data.example.org" not in text, component
        assert text.count('"traefik"') == (6 if component == "http-route" else 5), text.count('"traefik"')
        assert "icat.example.net" in text, component
        check_routes(component, rendered)
        assert not [o for o in rendered if o["kind"] == "ConfigMap" and o["metadata"]["name"] == "undulator-site"]
