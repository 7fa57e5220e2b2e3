"""Dashboards, alerts and the collector: they ask for what the code measures."""

import json
import re
import subprocess
import sys
from functools import cache
from typing import Any

import pytest
import yaml

from tests.deploy.manifests import DEPLOY, compose
from tests.fixtures.run import ROOT

OBSERVABILITY = DEPLOY / "observability"
METRIC = re.compile(r"\b((?:mithaq|http_server)_[a-z_]+)\b(?:\{([^}]*)\})?")
BY = re.compile(r"\bby \(([^)]*)\)")
FROM_THE_RESOURCE = {"service_name"}
"""Labels that the collector adds, from the resource that every process names."""

MEASURE = """
from opentelemetry import metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
import shared.telemetry as telemetry
metrics.set_meter_provider(MeterProvider(metric_readers=[PrometheusMetricReader(scope_info_enabled=False)]))
from fastapi import FastAPI
from fastapi.testclient import TestClient
for name, instrument in vars(telemetry).items():
    for act in ("record", "add", "set"):
        if hasattr(instrument, act) and hasattr(instrument, "_name"):
            getattr(instrument, act)(1)
app = FastAPI(telemetry=telemetry.HTTP)
app.get("/sample")(lambda: 1)
TestClient(app).get("/sample")
print(telemetry.exposition()[0].decode())
"""


@cache
def measured() -> dict[str, set[str]]:
    """The series that a process offers, with the labels that the measuring library itself puts on them."""
    # A process of its own: a meter provider can be set only once.
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MEASURE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    series: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^([a-z_]+)(?:\{(.*)\})? ", done.stdout, re.MULTILINE):
        series.setdefault(name, set()).update(re.findall(r"(\w+)=", labels))
    return series


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((OBSERVABILITY / "grafana" / "dashboards" / "mithaq.json").read_text("utf-8"))
    return loaded


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((OBSERVABILITY / "alerts.yaml").read_text("utf-8"))["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def expressions() -> dict[str, str]:
    """Every expression that asks Prometheus, by who asks."""
    panels = {
        f"panel {panel['title']}": target["expr"]
        for panel in dashboard()["panels"]
        for target in panel.get("targets", [])
    }
    return panels | {f"alert {rule['alert']}": rule["expr"] for rule in alerts()}


def labels_in_code() -> set[str]:
    """The labels that the code puts on its measurements."""
    command = ["git", "grep", "-hE", r"telemetry\.\w+\.(add|record|set)\("]
    calls = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(re.findall(r'"(\w+)":', calls.stdout))


@pytest.mark.parametrize("asked", expressions().items(), ids=lambda asked: asked[0])
def test_only_what_is_measured_is_asked_for(asked: tuple[str, str]) -> None:
    _, expression = asked
    offered = measured()
    known = labels_in_code() | FROM_THE_RESOURCE | {"le"} | set().union(*offered.values())
    for metric, selectors in METRIC.findall(BY.sub("", expression)):
        assert metric in offered, metric
        assert {re.split("[=!]", each)[0].strip() for each in selectors.split(",") if each} <= known
    grouped = {label.strip() for group in BY.findall(expression) for label in group.split(",")}
    assert grouped <= known


def test_every_measurement_of_ours_is_shown() -> None:
    shown = " ".join(expressions().values())
    families = {re.sub("_(bucket|count|sum)$", "", name) for name in measured() if name.startswith("mithaq_")}
    assert not {family for family in families if family not in shown}


def test_every_alert_leads_to_what_to_do() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    titles = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
    for rule in alerts():
        file, anchor = rule["annotations"]["runbook"].split("#")
        assert (file, anchor in anchors) == ("docs/operations.md", True), rule["alert"]


def test_the_parts_find_one_another() -> None:
    parts = compose()["services"]
    collector = yaml.safe_load((OBSERVABILITY / "collector.yaml").read_text("utf-8"))
    prometheus = yaml.safe_load((OBSERVABILITY / "prometheus.yaml").read_text("utf-8"))
    sources = yaml.safe_load(
        (OBSERVABILITY / "grafana" / "provisioning" / "datasources" / "mithaq.yaml").read_text("utf-8")
    )
    for pipeline in collector["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= set(collector[kind])
    addresses = [
        collector["exporters"]["otlphttp/tempo"]["endpoint"],
        *(
            target
            for job in prometheus["scrape_configs"]
            for each in job["static_configs"]
            for target in each["targets"]
        ),
        *(source["url"] for source in sources["datasources"]),
    ]
    hosts = {re.sub("^https?://", "", address).partition(":")[0] for address in addresses}
    assert {parts[host]["profiles"][0] for host in hosts} == {"observability"}
    used = {panel["datasource"]["uid"] for panel in dashboard()["panels"] if "datasource" in panel}
    assert used <= {source["uid"] for source in sources["datasources"]}
