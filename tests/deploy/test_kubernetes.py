"""Kubernetes without a cluster: what kubectl would apply is valid, restricted, and says what the code says."""

import importlib
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from pydantic import SecretStr

from deploy.configuration import keys
from services.notifications.guard import PORTS
from shared.events.catalog import PUBLISHERS, TOPICS
from shared.hosting import PARTS, Service
from shared.messaging.broker import PARTITIONS
from shared.settings import SERVICES, PlatformSettings
from tests.deploy.manifests import KUBERNETES, OVERLAYS, pods, resources

CUSTOM = yaml.safe_load(Path(__file__).with_name("custom-resources.yaml").read_text("utf-8"))
"""JSON Schemas of the operators' resources, with the fields that we use and no other."""
COMPONENTS = {*PARTS, "migrate", "topics", "gateway", "cli"}
SUBMISSION = (465, 587)
"""Where mail servers take letters (RFC 8314)."""
OUR_OWN = re.compile("^mithaq:")


@cache
def services() -> dict[str, Service]:
    """Every service as the code makes it."""
    url = SecretStr("postgresql://nobody@127.0.0.1:1")
    nowhere = PlatformSettings(database_url=url, oidc_issuer="https://issuer.test")
    everything: list[Service] = importlib.import_module("services.__main__").all_services(nowhere)
    return {service.name: service for service in everything}


def parts_of(service: Service) -> set[str]:
    """The parts that a service has."""
    return {
        "api",
        *(["relay"] if service.name in PUBLISHERS else []),
        *(["reactions"] if service.reactions else []),
        *(["schedule"] if service.schedule else []),
        *(["workers"] if service.workers else []),
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_would_be_applied_is_valid(overlay: str) -> None:
    for resource in resources(overlay):
        name = f"{resource['kind']}/{resource['metadata']['name']}"
        if schema := CUSTOM.get(f"{resource['apiVersion']} {resource['kind']}"):
            errors = [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(resource["spec"])]
            assert not errors, name
        else:
            kubernetes_validate.validate(resource, "1.37", strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_is_in_one_namespace_under_the_usual_labels(overlay: str) -> None:
    for resource in resources(overlay):
        if resource["kind"] == "Namespace":
            assert resource["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
            continue
        assert resource["metadata"]["namespace"] == "mithaq"
    for resource in resources(overlay, "Deployment", "Job"):
        labels = resource["metadata"]["labels"]
        for label in ("name", "instance", "version", "component", "part-of", "managed-by"):
            assert labels[f"app.kubernetes.io/{label}"], f"{resource['metadata']['name']}: {label}"
        assert labels["app.kubernetes.io/component"] in COMPONENTS


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_service_has_a_deployment_for_each_of_its_parts_and_no_other(overlay: str) -> None:
    deployed: dict[str, set[str]] = {}
    for resource in resources(overlay, "Deployment"):
        labels = resource["metadata"]["labels"]
        service, part = labels["app.kubernetes.io/name"], labels["app.kubernetes.io/component"]
        if part not in PARTS:
            continue
        (container,) = resource["spec"]["template"]["spec"]["containers"]
        assert container["command"] + container["args"] == ["python", "-m", f"services.{service}", "--only", part]
        deployed.setdefault(service, set()).add(part)
    assert deployed == {name: parts_of(service) for name, service in services().items()}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_run_restricted(overlay: str) -> None:
    for pod in pods(overlay):
        context = pod["securityContext"]
        assert context["runAsNonRoot"] and context["runAsUser"] > 0, pod["name"]
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, pod["name"]
        assert pod["automountServiceAccountToken"] is False, pod["name"]
        assert not any("hostPath" in volume for volume in pod.get("volumes", [])), pod["name"]
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["readOnlyRootFilesystem"] is (pod["name"] != "kafka")
            assert container["resources"]["requests"] and container["resources"]["limits"]["memory"]
            assert re.search(r":v?\d", container["image"]), "an image is pinned to a version"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_keeps_running_is_probed_and_drains(overlay: str) -> None:
    for pod in pods(overlay):
        if pod["kind"] == "Job" or pod["name"] == "cli":
            continue
        for container in pod["containers"]:
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container), pod["name"]
            if OUR_OWN.match(container["image"]):
                assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
                assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
                assert container["lifecycle"]["preStop"]
                assert pod["terminationGracePeriodSeconds"] >= 30


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_secrets_are_files_and_no_manifest_holds_one(overlay: str) -> None:
    assert not resources(overlay, "Secret")
    for pod in pods(overlay):
        for container in pod["containers"]:
            for variable in container.get("env", []):
                assert "secretKeyRef" not in str(variable)
            assert not any("secretRef" in source for source in container.get("envFrom", []))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_setting_is_one_that_exists(overlay: str) -> None:
    known = {key for key, _ in keys()}
    used: set[str] = set()
    for config in resources(overlay, "ConfigMap"):
        used |= {key for key in config["data"] if key.isupper()}
    for pod in pods(overlay):
        for container in pod["containers"]:
            if OUR_OWN.match(container["image"]):
                used |= {variable["name"] for variable in container.get("env", [])}
        for volume in pod.get("volumes", []):
            for source in volume.get("projected", {}).get("sources", []):
                paths = [item["path"] for item in source["secret"].get("items", [])]
                used |= {path.upper() for path in paths if path.startswith("mithaq_")}
    assert {key for key in used if not key.startswith("OTEL_")} <= known


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_may_talk_to_anything_unless_it_is_said(overlay: str) -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in resources(overlay, "NetworkPolicy")}
    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, policy in policies.items():
        assert name == "default-deny" or policy.get("ingress") or policy.get("egress")
        for way in policy.get("ingress", []):
            assert way.get("from"), f"{name} lets everybody in"


@pytest.mark.parametrize(
    ("overlay", "named"),
    [("single-node", {"api"}), ("production", {"api", "documents", "documents-desk", "postgres", "kafka"})],
)
def test_who_may_call_any_address_is_named_in_the_operations_manual_and_calls_https_only(
    overlay: str, named: set[str]
) -> None:
    anywhere = {
        each["metadata"]["name"]: {port["port"] for port in way["ports"]}
        for each in resources(overlay, "NetworkPolicy")
        for way in each["spec"].get("egress", [])
        if not way.get("to")
    }
    assert {*anywhere} == named
    assert all(ports <= {443, 6443} for ports in anywhere.values())


def test_the_notifier_calls_receivers_and_mail_servers_and_never_an_inside_address() -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in resources("production", "NetworkPolicy")}
    (way,) = policies["notifier"]["egress"]
    (block,) = way["to"]
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} <= set(block["ipBlock"]["except"])
    assert {each["port"] for each in way["ports"]} == {*PORTS, *SUBMISSION}, "what the guard lets through, and mail"


def test_whoever_signs_in_to_the_documents_bucket_reaches_it_and_nobody_else_does() -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in resources("production", "NetworkPolicy")}
    letting = [spec for name, spec in policies.items() if name.startswith("documents")]
    assert all(spec["egress"] == [{"ports": [{"protocol": "TCP", "port": 443}]}] for spec in letting)
    reaching, signing_in = set(), set()
    for each in resources("production", "Deployment", "Job"):
        template, name = each["spec"]["template"], each["metadata"]["name"]
        labels = template["metadata"]["labels"].items()
        if any(spec["podSelector"]["matchLabels"].items() <= labels for spec in letting):
            reaching.add(name)
        if "documents-credentials" in str(template["spec"].get("volumes")):
            signing_in.add(name)
    assert reaching == signing_in > {"cli", "agreements-api"}


def test_every_topic_is_declared_and_keeps_everything() -> None:
    declared = {each["metadata"]["name"]: each["spec"] for each in resources("production", "KafkaTopic")}
    assert set(declared) == set(TOPICS)
    for spec in declared.values():
        assert spec["partitions"] == PARTITIONS
        assert spec["config"]["retention.ms"] == -1


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_writes_its_own_topics_and_reads_what_its_reactions_follow(service: str) -> None:
    users = {each["metadata"]["name"]: each["spec"] for each in resources("production", "KafkaUser")}
    acls = users[f"{service}-kafka"]["authorization"]["acls"]
    allowed = {
        operation: {
            (acl["resource"]["type"], acl["resource"]["name"], acl["resource"].get("patternType", "literal"))
            for acl in acls
            if operation in acl["operations"]
        }
        for operation in ("Write", "Read")
    }
    described = services()[service]
    reactions = described.reactions.all if described.reactions else []
    assert allowed["Write"] == ({("topic", f"{service}.", "prefix")} if service in PUBLISHERS else set())
    assert allowed["Read"] == {("topic", topic, "literal") for each in reactions for topic in each.topics} | (
        {("group", f"{service}.", "prefix")} if reactions else set()
    )
    assert all(each.group.startswith(f"{service}.") for each in reactions)


def test_reactions_are_scaled_on_the_lag_of_every_group() -> None:
    triggers: dict[str, set[str]] = {}
    for scaled in resources("production", "ScaledObject"):
        spec = scaled["spec"]
        assert spec["maxReplicaCount"] <= PARTITIONS
        triggers[spec["scaleTargetRef"]["name"]] = {each["metadata"]["consumerGroup"] for each in spec["triggers"]}
        assert all(each["metadata"]["allowIdleConsumers"] == "false" for each in spec["triggers"])
    assert triggers == {
        f"{name}-reactions": {each.group for each in service.reactions.all}
        for name, service in services().items()
        if service.reactions
    }


def test_every_service_has_a_database_a_login_and_a_backup() -> None:
    databases = {each["spec"]["name"] for each in resources("production", "Database")}
    assert databases == {f"mithaq_{service}" for service in SERVICES}
    (cluster,) = resources("production", "Cluster")
    logins = {each["name"]: each for each in cluster["spec"]["managed"]["roles"]}
    for service in SERVICES:
        assert logins[service]["inherit"] is False and logins[service]["inRoles"] == ["mithaq_app", "mithaq_relay"]
    assert cluster["spec"]["postgresql"]["synchronous"]["dataDurability"] == "required"
    (backup,) = resources("production", "ScheduledBackup")
    assert len(backup["spec"]["schedule"].split()) == 6


@pytest.mark.parametrize("service", SERVICES)
def test_an_api_is_scaled_and_survives_a_node_that_is_drained(service: str) -> None:
    scaled = {each["spec"]["scaleTargetRef"]["name"] for each in resources("production", "HorizontalPodAutoscaler")}
    guarded = {each["metadata"]["name"] for each in resources("production", "PodDisruptionBudget")}
    assert f"{service}-api" in scaled & guarded


def test_migrations_come_as_a_job_and_topics_too_where_no_operator_makes_them() -> None:
    commands = {
        overlay: {tuple(pod["containers"][0]["command"]) for pod in pods(overlay) if pod["kind"] == "Job"}
        for overlay in OVERLAYS
    }
    assert commands["single-node"] == {("mithaq", "db", "upgrade"), ("mithaq", "topics", "apply")}
    assert commands["production"] == {("mithaq", "db", "upgrade")}


@pytest.mark.parametrize("file", sorted(KUBERNETES.rglob("*.yaml")), ids=lambda file: str(file.relative_to(KUBERNETES)))
def test_every_file_is_used(file: Path) -> None:
    if file.name == "kustomization.yaml":
        return
    kustomization: dict[str, Any] = yaml.safe_load((file.parent / "kustomization.yaml").read_text("utf-8"))
    patches = [each.get("path") for each in kustomization.get("patches", [])]
    assert file.name in [*kustomization["resources"], *patches]
