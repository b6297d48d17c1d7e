#!/usr/bin/env python3
"""Dockerfile, docker-compose.yml and k8s/: accepted by the tools that will read them, and no setting that the program
does not know. Needs no daemon and no cluster; the tools are Python packages in .venv (scripts/lib/install.sh)."""

import copy
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from suite import PROGRAM, ROOT, Suite

try:
    import kubernetes_validate
    import yaml
except ImportError:
    python = ROOT / ".venv/bin/python"
    if Path(sys.prefix) == ROOT / ".venv" or not python.exists():
        raise
    os.execv(python, [python, *sys.argv])

TOOLS = Path(sys.prefix) / "bin"
# The oldest and the newest Kubernetes that the manifests are for.
KUBERNETES = ["1.29", "1.37"]
# Public and internal port of each.
PORTS = {
    **{"undulator": (8080, 9080), "auth": (8081, 9081), "icat": (8082, 9082), "download": (8083, 9083)},
    "logbook": (8085, 9085),
}
VERSION = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
NAME = "app.kubernetes.io/name"


def run(*command, stdin=None, env=None, cwd=ROOT):
    return subprocess.run([*map(str, command)], input=stdin, env=env, cwd=cwd, text=True, capture_output=True)


def settings(variables):
    return {name: value for name, value in variables.items() if name.startswith("UNDULATOR_")}


def config_check(variables):
    """What the program says of these variables. Files stand for the secrets, which this machine does not have."""
    with tempfile.TemporaryDirectory() as tmp:
        secret = Path(tmp) / "secret"
        secret.write_text("postgres://undulator:secret@postgres/undulator\n")
        replaced = {
            name: str(secret) if name.endswith("_FILE") else tmp if name.endswith("_DIR") else value
            for name, value in variables.items()
        }
        return run(PROGRAM, "config", "check", env={"PATH": os.environ["PATH"], **replaced}, cwd=tmp)


class Variables:
    """Every variable that an environment sets is known, and would be refused if it were misspelt."""

    def __init__(self):
        self.known = set()
        self.failures = []

    def check(self, where, variables):
        done = config_check(settings(variables))
        if done.returncode != 0:
            self.failures.append(f"{where}: exit code {done.returncode}, {done.stderr.strip()}")
        self.known.update(settings(variables))

    def finish(self):
        assert not self.failures, "\n".join(self.failures)
        for name in sorted(self.known):
            done = config_check({name + "X": "1"})
            assert done.returncode == 3, (name + "X", done.returncode, done.stderr)


def seconds(text):
    units = {"s": 1, "m": 60, "h": 3600}
    return sum(int(n) * units[unit] for n, unit in re.findall(r"(\d+)([smh])", text))


def port(address):
    return int(address.rsplit(":", 1)[1])


def dockerfile(variables):
    done = run(TOOLS / "hadolint", ROOT / "Dockerfile")
    assert done.returncode == 0, done.stdout
    text = (ROOT / "Dockerfile").read_text()
    for line in ["USER 65532:65532", 'ENTRYPOINT ["undulator"]', 'CMD ["serve"]']:
        assert f"\n{line}\n" in text, line
    variables.check("Dockerfile", dict(re.findall(r"\b(UNDULATOR_\w+)=(\S+)", text)))
    command = json.loads(re.search(r"^HEALTHCHECK .*?CMD (\[[^\n]*\])$", text, re.M | re.S).group(1))
    with Suite() as suite:
        assert run(*command, env=suite.env).returncode != 0, "healthy before it was started"
        suite.start()
        done = run(*command, env=suite.env)
        assert done.returncode == 0, done.stderr
        # A port that answers, but not that it is ready.
        public = {**suite.env, "UNDULATOR_HTTP__INTERNAL_BIND": suite.env["UNDULATOR_HTTP__BIND"]}
        assert run(*command, env=public).returncode != 0, "healthy on the public port"
        suite.kill()
        assert run(*command, env=suite.env).returncode != 0, "healthy after it was killed"


def compose(variables):
    def config(text, *more):
        env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "DATA_PATH": "/srv"}
        return run(TOOLS / "docker-compose", "--project-directory", ROOT, "-f", "-", "config", *more, stdin=text, env=env)

    text = (ROOT / "docker-compose.yml").read_text()
    done = config(text, "--format", "json")
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    read = yaml.safe_load(text)
    for place in [read, read["services"]["auth"], read["services"]["auth"]["healthcheck"], read["networks"]["data"]]:
        place["colour"] = "red"
        assert config(json.dumps(read), "-q").returncode != 0, "an unknown key was accepted"
        del place["colour"]

    services = json.loads(done.stdout)["services"]
    assert sorted(services) == ["auth", "download", "icat", "logbook", "nats", "postgres"], sorted(services)
    for name, service in services.items():
        assert service["read_only"] if name != "postgres" else True, name
        if name not in PORTS:
            assert list(service["networks"]) == ["data"] and not service.get("ports"), f"{name} can be reached from outside"
            continue
        public, internal = PORTS[name]
        environment = service["environment"]
        assert service["command"] == ["serve", name]
        assert port(environment["UNDULATOR_HTTP__BIND"]) == public, name
        assert port(environment["UNDULATOR_HTTP__INTERNAL_BIND"]) == internal, name
        assert [p["target"] for p in service["ports"]] == [public], name
        for key, value in settings(environment).items():
            for host, number in re.findall(r"://(?:[^@/]*@)?(\w+):(\d+)", value):
                assert host == "nats" or int(number) in PORTS[host], (name, key, value)
        mounted = [s["target"] for s in service["secrets"]] + [v["target"] for v in service.get("volumes", [])]
        for key, path in settings(environment).items():
            if key.endswith("_FILE"):
                assert path in mounted, (name, key, path)
        if name == "logbook":
            assert environment["UNDULATOR_LOGBOOK__ATTACHMENTS_DIR"] in mounted, "attachments would go with the container"
        drain = environment.get("UNDULATOR_HTTP__DRAIN_TIMEOUT", "30s")
        assert seconds(service["stop_grace_period"]) > seconds(drain), name
        variables.check(f"compose {name}", environment)
    return len(services)


def api_keys(variables):
    """Keys of programs in the form that the files show them in."""
    shown = 0
    for path in ["docker-compose.yml", "k8s/base/common/undulator.env", "docs/src/operators.md"]:
        for keys in re.findall(r"API_KEYS='?(\[\{.*?\}\])", (ROOT / path).read_text()):
            variables.check(f"{path}: {keys}", {"UNDULATOR_IDENTITY__API_KEYS": keys.replace("…", "0" * 64)})
            shown += 1
    assert shown == 3, shown


def render(directory):
    """The objects of one kustomization, each accepted by the schemas of Kubernetes without an unknown field."""
    done = run(TOOLS / "kubectl", "kustomize", directory)
    assert done.returncode == 0 and not done.stderr, done.stderr
    objects = list(yaml.safe_load_all(done.stdout))
    for thing in objects:
        for version in KUBERNETES:
            try:
                kubernetes_validate.validate(thing, version, strict=True)
            except kubernetes_validate.ValidationError as e:
                path = ".".join(map(str, e.path))
                raise SystemExit(f"{directory}: {thing['kind']} {thing['metadata']['name']}, {path}: {e.message}") from e
        for broken in misspelt(thing):
            try:
                kubernetes_validate.validate(broken, KUBERNETES[0], strict=True)
            except kubernetes_validate.ValidationError:
                continue
            raise SystemExit(f"an unknown field in a {thing['kind']} was accepted")
    return objects


def misspelt(thing):
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


def optional(variable):
    return variable.get("valueFrom", {}).get("secretKeyRef", {}).get("optional", False)


def selects(selector, labels):
    return all(labels.get(key) == value for key, value in selector.items())


def restricted(pod):
    """What the pod security standard of that name asks for, and the suite's own rules."""
    whole, (container,) = pod["securityContext"], pod["containers"]
    own = container["securityContext"]
    assert whole["runAsNonRoot"] is True and whole["runAsUser"] == whole["runAsGroup"] == 65532
    assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own["allowPrivilegeEscalation"] is False and own["readOnlyRootFilesystem"] is True
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert pod["automountServiceAccountToken"] is False
    assert all({"emptyDir", "secret", "persistentVolumeClaim"} & v.keys() for v in pod["volumes"])
    limits = container["resources"]
    assert "memory" in limits["limits"] and "cpu" not in limits["limits"] and {"cpu", "memory"} <= limits["requests"].keys()


def whole(where, objects, variables):
    """What a schema cannot see: names that must fit together."""
    named = {(o["kind"], o["metadata"]["name"]): o for o in objects}
    workloads = [o for o in objects if "template" in o.get("spec", {})]
    pods, services = {}, {}
    for workload in workloads:
        template, kind = workload["spec"]["template"], workload["kind"]
        labels, pod = template["metadata"]["labels"], template["spec"]
        (container,) = pod["containers"]
        name = labels[NAME]
        about = f"{where} {kind} {name}"
        restricted(pod)
        assert container["image"] == f"undulator:{VERSION}", (about, container["image"])
        assert labels["app.kubernetes.io/part-of"] == "undulator", about
        assert labels["app.kubernetes.io/version"] == VERSION, about
        assert ("ServiceAccount", pod["serviceAccountName"]) in named, about
        volumes = {v["name"] for v in pod["volumes"]}
        volumes |= {c["metadata"]["name"] for c in workload["spec"].get("volumeClaimTemplates", [])}
        assert {m["name"] for m in container["volumeMounts"]} == volumes, about
        environment = {
            "UNDULATOR_DATA_DIR": "/var/lib/undulator",
            "UNDULATOR_HTTP__BIND": "[::]:8080",
            "UNDULATOR_HTTP__INTERNAL_BIND": "[::]:9080",
        }
        for source in container["envFrom"]:
            environment.update(named["ConfigMap", source["configMapRef"]["name"]]["data"])
        # What may come from a Secret need not be there.
        environment.update({e["name"]: e["value"] for e in container.get("env", []) if not optional(e)})
        variables.check(about, environment)
        if kind == "Job":
            assert workload["metadata"]["name"].endswith("-" + VERSION.replace(".", "-")), about
            assert container["args"] == ["migrate"], about
            pods[name] = labels, {}
            continue
        assert selects(workload["spec"]["selector"]["matchLabels"], labels), about
        assert container["args"] == ["serve", *([name] if name != "undulator" else [])], about
        if name == "logbook":
            (claim,) = [v["name"] for v in pod["volumes"] if "persistentVolumeClaim" in v]
            (path,) = [m["mountPath"] for m in container["volumeMounts"] if m["name"] == claim]
            assert environment["UNDULATOR_LOGBOOK__ATTACHMENTS_DIR"] == path, about
        ports = {p["name"]: p["containerPort"] for p in container["ports"]}
        pods[name] = labels, ports
        assert (ports["http"], ports["mgmt"]) == PORTS[name], about
        assert port(environment["UNDULATOR_HTTP__BIND"]) == ports["http"], about
        assert port(environment["UNDULATOR_HTTP__INTERNAL_BIND"]) == ports["mgmt"], about
        for probe in ["startup", "liveness", "readiness"]:
            assert container[f"{probe}Probe"]["httpGet"]["port"] == "mgmt", about
        drain = sum(seconds(environment.get(f"UNDULATOR_HTTP__DRAIN_{w}", "30s")) for w in ["DELAY", "TIMEOUT"])
        assert pod["terminationGracePeriodSeconds"] > drain, about
        budgets = [
            o for o in objects
            if o["kind"] == "PodDisruptionBudget" and selects(o["spec"]["selector"]["matchLabels"], labels)
        ]
        assert len(budgets) == (1 if workload["spec"]["replicas"] > 1 else 0), f"{about}: disruption budgets"

    for thing in objects:
        if thing["kind"] == "Service":
            (ports,) = [ports for labels, ports in pods.values() if selects(thing["spec"]["selector"], labels)]
            for p in thing["spec"]["ports"]:
                assert p["port"] == ports[p["targetPort"]], (where, thing["metadata"]["name"], p)
            services[thing["metadata"]["name"]] = {p["port"] for p in thing["spec"]["ports"]}
    for thing in objects:
        for key, value in thing.get("data", {}).items():
            for host, number in re.findall(r"//(undulator[\w-]*):(\d+)", value):
                assert int(number) in services[host], (where, key, value)
    flows(where, objects, pods)
    return len(workloads)


def flows(where, objects, pods):
    """Between the suite's own pods, what one policy lets out another lets in, and the other way round."""

    def rules(direction, peers):
        found = set()
        for policy in (o for o in objects if o["kind"] == "NetworkPolicy"):
            spec = policy["spec"]
            own = [n for n, (labels, _) in pods.items() if selects(spec["podSelector"]["matchLabels"], labels)]
            assert own, f"{where}: policy {policy['metadata']['name']} selects nothing"
            for rule in spec.get(direction, []):
                for peer in rule[peers]:
                    selector = peer.get("podSelector", {}).get("matchLabels", {})
                    if NAME not in selector or "app.kubernetes.io/part-of" not in selector:
                        continue
                    other = selector[NAME]
                    assert other in pods, f"{where}: policy {policy['metadata']['name']} names {other}"
                    for p in rule["ports"]:
                        for name in own:
                            source, target = (name, other) if direction == "egress" else (other, name)
                            found.add((source, target, pods[target][1].get(p["port"], p["port"])))
        return found

    out, into = rules("egress", "to"), rules("ingress", "from")
    assert out == into, f"{where}: let out or in on one side only: {sorted(out ^ into)}"


def main():
    variables = Variables()
    dockerfile(variables)
    containers = compose(variables)
    api_keys(variables)
    objects = workloads = 0
    directories = sorted(p.parent for p in (ROOT / "k8s").glob("*/**/kustomization.yaml") if "components" not in p.parts)
    for directory in directories:
        rendered = render(directory)
        objects += len(rendered)
        where = str(directory.relative_to(ROOT))
        # The parts of the base refer to each other.
        if directory.parent.name != "base":
            workloads += whole(where, rendered, variables)
    variables.finish()
    print(
        f"{containers} containers, {objects} objects of {len(directories)} kustomizations for Kubernetes "
        f"{' and '.join(KUBERNETES)}, {workloads} workloads, {len(variables.known)} variables"
    )


if __name__ == "__main__":
    main()
