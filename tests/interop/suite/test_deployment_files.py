#!/usr/bin/env python3
"""Dockerfile, docker-compose.yml and k8s/: accepted by the tools that will read them, and no setting that the program
does not know. Needs no daemon and no cluster; the tools are Python packages in .venv (scripts/lib/install.sh)."""

# needs: deployment_checks
# seconds: 26

import json
import os
import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

import yaml

from manifests import KUBERNETES, PORTS, TOOLS, check_routes, render_kustomization, run_tool, site_settings, check_upgrades
from suite import PROGRAM, ROOT, Suite

VERSION = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
NAME = "app.kubernetes.io/name"


def select_settings(variables):
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
        return run_tool(PROGRAM, "config", "check", env={"PATH": os.environ["PATH"], **replaced}, cwd=tmp)


class Variables:
    """Every variable that an environment sets is known, and would be refused if it were misspelt."""

    def __init__(self):
        self.known = set()
        self.failures = []

    def check(self, where, variables):
        done = config_check(select_settings(variables))
        if done.returncode != 0:
            self.failures.append(f"{where}: exit code {done.returncode}, {done.stderr.strip()}")
        self.known.update(select_settings(variables))

    def finish(self):
        assert not self.failures, "\n".join(self.failures)
        for name in sorted(self.known):
            done = config_check({name + "X": "1"})
            assert done.returncode == 3, (name + "X", done.returncode, done.stderr)


def parse_seconds(text):
    units = {"s": 1, "m": 60, "h": 3600}
    return sum(int(n) * units[unit] for n, unit in re.findall(r"(\d+)([smh])", text))


def parse_port(address):
    return int(address.rsplit(":", 1)[1])


def check_dockerfile(variables):
    done = run_tool(TOOLS / "hadolint", ROOT / "Dockerfile")
    assert done.returncode == 0, done.stdout
    text = (ROOT / "Dockerfile").read_text()
    for line in ["USER 65532:65532", 'ENTRYPOINT ["undulator"]', 'CMD ["serve"]']:
        assert f"\n{line}\n" in text, line
    variables.check("Dockerfile", dict(re.findall(r"\b(UNDULATOR_\w+)=(\S+)", text)))
    command = json.loads(re.search(r"^HEALTHCHECK .*?CMD (\[[^\n]*\])$", text, re.M | re.S).group(1))
    with Suite() as suite:
        assert run_tool(*command, env=suite.env).returncode != 0, "healthy before it was started"
        suite.start()
        done = run_tool(*command, env=suite.env)
        assert done.returncode == 0, done.stderr
        # A port that answers, but not that it is ready.
        public = {**suite.env, "UNDULATOR_HTTP__INTERNAL_BIND": suite.env["UNDULATOR_HTTP__BIND"]}
        assert run_tool(*command, env=public).returncode != 0, "healthy on the public port"
        suite.kill()
        assert run_tool(*command, env=suite.env).returncode != 0, "healthy after it was killed"


def check_compose_file(variables):
    def check_configuration(text, *more):
        env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "DATA_PATH": "/srv"}
        return run_tool(TOOLS / "docker-compose", "--project-directory", ROOT, "-f", "-", "config", *more, stdin=text, env=env)

    text = (ROOT / "docker-compose.yml").read_text()
    done = check_configuration(text, "--format", "json")
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    read = yaml.safe_load(text)
    for place in [read, read["services"]["auth"], read["services"]["auth"]["healthcheck"], read["networks"]["data"]]:
        place["colour"] = "red"
        assert check_configuration(json.dumps(read), "-q").returncode != 0, "an unknown key was accepted"
        del place["colour"]

    services = json.loads(done.stdout)["services"]
    assert sorted(services) == ["auth", "download", "icat", "logbook", "nats", "postgres", "search"], sorted(services)
    for name, service in services.items():
        assert service["read_only"] if name != "postgres" else True, name
        if name not in PORTS:
            assert list(service["networks"]) == ["data"] and not service.get("ports"), f"{name} can be reached from outside"
            continue
        public, internal = PORTS[name]
        environment = service["environment"]
        assert service["command"] == ["serve", name]
        assert parse_port(environment["UNDULATOR_HTTP__BIND"]) == public, name
        assert parse_port(environment["UNDULATOR_HTTP__INTERNAL_BIND"]) == internal, name
        assert [p["target"] for p in service.get("ports", [])] == [public], name
        for key, value in select_settings(environment).items():
            for host, number in re.findall(r"://(?:[^@/]*@)?(\w+):(\d+)", value):
                assert host == "nats" or int(number) in PORTS[host], (name, key, value)
        mounted = [s["target"] for s in service["secrets"]] + [v["target"] for v in service.get("volumes", [])]
        for key, path in select_settings(environment).items():
            if key.endswith("_FILE"):
                assert path in mounted, (name, key, path)
        if name == "logbook":
            assert environment["UNDULATOR_LOGBOOK__ATTACHMENTS_DIR"] in mounted, "attachments would go with the container"
        if name == "search":
            assert environment["UNDULATOR_SEARCH__INDEX_DIR"] in mounted, "the index would go with the container"
        drain = environment.get("UNDULATOR_HTTP__DRAIN_TIMEOUT", "30s")
        assert parse_seconds(service["stop_grace_period"]) > parse_seconds(drain), name
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


def is_optional(variable):
    return variable.get("valueFrom", {}).get("secretKeyRef", {}).get("optional", False)


def selector_matches(selector, labels):
    return all(labels.get(key) == value for key, value in selector.items())


def selects_pod(selector, labels):
    """A selector with `matchLabels` and, with the only operator that is used here, `matchExpressions`."""
    expressions = selector.get("matchExpressions", [])
    assert all(e["operator"] == "In" for e in expressions), expressions
    return selector_matches(selector.get("matchLabels", {}), labels) and all(labels.get(e["key"]) in e["values"] for e in expressions)


def check_restricted_pod(pod):
    """What the pod security standard of that name asks for, and the suite's own rules."""
    whole = pod["securityContext"]
    assert whole["runAsNonRoot"] is True and whole["runAsUser"] == whole["runAsGroup"] == 65532
    assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert all({"emptyDir", "secret", "persistentVolumeClaim"} & v.keys() for v in pod["volumes"])
    assert all("sizeLimit" in v["emptyDir"] for v in pod["volumes"] if "emptyDir" in v)
    for container in pod["containers"] + pod.get("initContainers", []):
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False and own["readOnlyRootFilesystem"] is True
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert container["imagePullPolicy"] == "IfNotPresent"
        resources = container["resources"]
        assert "memory" in resources["limits"] and "cpu" not in resources["limits"]
        assert {"cpu", "memory", "ephemeral-storage"} <= resources["requests"].keys()


def check_migration(about, pod, config):
    """Where several pods share a database, one container of each brings the schema of its service up to date first."""
    if config.get("UNDULATOR_DATABASE__MIGRATE", "auto") == "auto":
        assert "initContainers" not in pod, about
        return set()
    (container,) = pod["initContainers"]
    (service,) = container["env"]
    assert container["args"] == ["migrate", "$(SERVICE)"] and service["name"] == "SERVICE", about
    assert service["valueFrom"]["fieldRef"]["fieldPath"] == f"metadata.labels['{NAME}']", about
    assert container["image"] == pod["containers"][0]["image"], about
    assert container["envFrom"] == pod["containers"][0]["envFrom"], about
    # The role that may change schemas is known to this container alone.
    assert "migrate" not in {m["name"] for m in pod["containers"][0]["volumeMounts"]}, about
    return {"migrate"}


def check_references(where, objects, variables):
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
        check_restricted_pod(pod)
        own_image = where == "k8s/overlays/example"
        image = f"registry.example.org/undulator@sha256:{'0' * 64}" if own_image else f"undulator:{VERSION}"
        assert container["image"] == image, (about, container["image"])
        assert labels["app.kubernetes.io/part-of"] == "undulator", about
        assert labels["app.kubernetes.io/version"] == VERSION, about
        assert ("ServiceAccount", pod["serviceAccountName"]) in named, about
        volumes = {v["name"] for v in pod["volumes"]}
        volumes |= {c["metadata"]["name"] for c in workload["spec"].get("volumeClaimTemplates", [])}
        config = named["ConfigMap", container["envFrom"][0]["configMapRef"]["name"]]["data"]
        for_migration = check_migration(about, pod, config)
        assert {m["name"] for m in container["volumeMounts"]} | for_migration == volumes, about
        environment = {
            "UNDULATOR_DATA_DIR": "/var/lib/undulator",
            "UNDULATOR_HTTP__BIND": "[::]:8080",
            "UNDULATOR_HTTP__INTERNAL_BIND": "[::]:9080",
        }
        for source in container["envFrom"]:
            environment.update(named["ConfigMap", source["configMapRef"]["name"]]["data"])
        # What may come from a Secret need not be there.
        environment.update({e["name"]: e["value"] for e in container.get("env", []) if not is_optional(e)})
        variables.check(about, environment)
        # It refers to settings and image, which change, and a Job cannot.
        assert kind != "Job", about
        assert selector_matches(workload["spec"]["selector"]["matchLabels"], labels), about
        assert container["args"] == ["serve", *([name] if name != "undulator" else [])], about
        if name == "logbook":
            (claim,) = [v["name"] for v in pod["volumes"] if "persistentVolumeClaim" in v]
            (path,) = [m["mountPath"] for m in container["volumeMounts"] if m["name"] == claim]
            assert environment["UNDULATOR_LOGBOOK__ATTACHMENTS_DIR"] == path, about
        if name == "search" and environment.get("UNDULATOR_SEARCH__ENGINE") == "opensearch":
            # The index is not in a volume, so that several pods can search.
            assert "volumeClaimTemplates" not in workload["spec"], about
        elif name == "search":
            (claim,) = [c["metadata"]["name"] for c in workload["spec"]["volumeClaimTemplates"]]
            (path,) = [m["mountPath"] for m in container["volumeMounts"] if m["name"] == claim]
            assert environment["UNDULATOR_SEARCH__INDEX_DIR"] == path, about
            assert workload["spec"]["replicas"] == 1, about
        ports = {p["name"]: p["containerPort"] for p in container["ports"]}
        pods[name] = labels, ports
        assert (ports["http"], ports["mgmt"]) == PORTS[name], about
        assert parse_port(environment["UNDULATOR_HTTP__BIND"]) == ports["http"], about
        assert parse_port(environment["UNDULATOR_HTTP__INTERNAL_BIND"]) == ports["mgmt"], about
        for probe in ["startup", "liveness", "readiness"]:
            assert container[f"{probe}Probe"]["httpGet"]["port"] == "mgmt", about
        drain = sum(parse_seconds(environment.get(f"UNDULATOR_HTTP__DRAIN_{w}", "30s")) for w in ["DELAY", "TIMEOUT"])
        assert pod["terminationGracePeriodSeconds"] > drain, about
        budgets = [
            o for o in objects
            if o["kind"] == "PodDisruptionBudget" and selector_matches(o["spec"]["selector"]["matchLabels"], labels)
        ]
        assert len(budgets) == (1 if workload["spec"]["replicas"] > 1 else 0), f"{about}: disruption budgets"

    for thing in objects:
        if thing["kind"] == "Service":
            (ports,) = [ports for labels, ports in pods.values() if selector_matches(thing["spec"]["selector"], labels)]
            for p in thing["spec"]["ports"]:
                assert p["port"] == ports[p["targetPort"]], (where, thing["metadata"]["name"], p)
            services[thing["metadata"]["name"]] = {p["port"] for p in thing["spec"]["ports"]}
    for thing in objects:
        for key, value in thing.get("data", {}).items():
            for host, number in re.findall(r"//(undulator[\w-]*):(\d+)", value):
                assert int(number) in services[host], (where, key, value)
    check_network_policies(where, objects, pods)
    check_routes(where, objects)
    return len(workloads)


def check_network_policies(where, objects, pods):
    """Between the suite's own pods, what one policy lets out another lets in, and the other way round."""

    def list_rules(direction, peers):
        found = set()
        for policy in (o for o in objects if o["kind"] == "NetworkPolicy"):
            spec = policy["spec"]
            own = [n for n, (labels, _) in pods.items() if selects_pod(spec["podSelector"], labels)]
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

    out, into = list_rules("egress", "to"), list_rules("ingress", "from")
    assert out == into, f"{where}: let out or in on one side only: {sorted(out ^ into)}"


def main():
    variables = Variables()
    check_dockerfile(variables)
    containers = check_compose_file(variables)
    api_keys(variables)
    objects = workloads = 0
    directories = sorted(p.parent for p in (ROOT / "k8s").glob("*/**/kustomization.yaml") if "components" not in p.parts)
    for directory in directories:
        rendered = render_kustomization(directory)
        objects += len(rendered)
        where = str(directory.relative_to(ROOT))
        # The parts of the base refer to each other.
        if directory.parent.name != "base":
            workloads += check_references(where, rendered, variables)
    check_upgrades()
    site_settings()
    variables.finish()
    print(
        f"{containers} containers, {objects} objects of {len(directories)} kustomizations for Kubernetes "
        f"{' and '.join(KUBERNETES)}, {workloads} workloads, {len(variables.known)} variables"
    )


if __name__ == "__main__":
    main()
