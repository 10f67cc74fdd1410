"""config/deploy/helm and kustomize: seven sets of values give the manifests that they are meant to,
which Kubernetes' own schemas take.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import yaml
from kubernetes_validate import validate

from tests.deploy.helm.rendering import (
    ABSENT,
    BASE,
    CHART,
    VALUES,
    golden,
    rendered,
    renderer,
)
from tests.pages import blocks, page, section
from tests.serving import ROOT

SCHEMA: Final = json.loads((CHART / "values.schema.json").read_text("utf-8"))
DEFAULTS: Final = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
OF_OTHERS: Final = ("monitoring.coreos.com/", "keda.sh/", "gateway.networking.k8s.io/")
"""API groups that are no part of Kubernetes: its schemas do not know them."""
NEWEST: Final = "1.33"
KUBECTL: Final = shutil.which("kubectl")


def manifests(file: Path) -> list[Any]:
    return [found for found in yaml.safe_load_all(file.read_text("utf-8")) if found]


def one(file: str, kind: str) -> Any:
    (found,) = [manifest for manifest in manifests(golden(Path(file))) if manifest["kind"] == kind]
    return found


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return renderer(tmp_path_factory.mktemp("render"))


@pytest.mark.timeout(180)
@pytest.mark.skipif(ABSENT is not None, reason=str(ABSENT))
@pytest.mark.parametrize("values", VALUES, ids=lambda file: file.stem)
def test_the_chart_renders_what_is_written_here(values: Path, command: list[str]) -> None:
    assert rendered(command, values) == golden(values).read_text("utf-8")


def test_kustomize_starts_from_the_chart_s_defaults() -> None:
    assert BASE.read_text("utf-8") == golden(Path("default.yaml")).read_text("utf-8")


@pytest.mark.skipif(KUBECTL is None, reason="NOT CHECKED: kubectl is not installed")
def test_the_kustomization_that_its_comment_shows_adds_files_and_keys(tmp_path: Path) -> None:
    assert KUBECTL is not None
    text = (BASE.parent / "kustomization.yaml").read_text("utf-8")
    shown = "".join(f"{line[4:]}\n" for line in text.splitlines() if line.startswith("#   "))
    shutil.copytree(BASE.parent, tmp_path / "base")
    for name in ("persona_policy.yaml", "capabilities.yaml"):
        shutil.copy(ROOT / "config" / name, tmp_path)
    (tmp_path / "kustomization.yaml").write_text(
        shown.replace("PATH/config/deploy/kustomize", "base"), "utf-8"
    )
    told = subprocess.run(
        [KUBECTL, "kustomize", str(tmp_path)], check=True, capture_output=True, timeout=60
    ).stdout
    found = {each["kind"]: each for each in yaml.safe_load_all(told)}
    for manifest in found.values():
        validate(manifest, NEWEST, strict=True)
        assert manifest["metadata"]["namespace"] == "llm-router"
    assert set(found["ConfigMap"]["data"]) == {"persona_policy.yaml", "capabilities.yaml"}
    (container,) = found["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example.com/llm-router:0.1.0"
    assert {"name": "LLM_ROUTER_CONFIG_DIR", "value": "/config"} in container["env"]
    assert container["envFrom"] == [{"secretRef": {"name": "provider-keys"}}]
    mounted = [each["mountPath"] for each in container["volumeMounts"]]
    assert sorted(mounted) == ["/config", "/state", "/tmp"]


@pytest.mark.parametrize("values", VALUES, ids=lambda file: file.stem)
def test_kubernetes_takes_the_manifests(values: Path) -> None:
    for manifest in manifests(golden(values)):
        if not manifest["apiVersion"].startswith(OF_OTHERS):
            validate(manifest, NEWEST, strict=True)


def test_the_defaults_fit_the_schema_and_every_value_is_in_it() -> None:
    jsonschema.validate(DEFAULTS, SCHEMA)
    assert set(DEFAULTS) == set(SCHEMA["properties"]) - {"global"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"replicas": 3},
        {"image": {"digest": "latest"}},
        {"image": {"pull": "Always"}},
        {"workers": 0},
        {"service": {"type": "ExternalName"}},
        {"monitoring": {"podMonitor": True}},
        {"providerKeys": {"openai": "sk-plain"}},
        {"store": {"url": "postgresql://router:plain@db/router"}},
        {"journal": {"persistence": True}},
        {"strategy": {"maxSurge": "some"}},
        {"topologySpreadConstraints": [{"topologyKey": "rack", "labelSelector": {}}]},
        {"migrations": {"job": True}},
        {"journal": {"persistence": {"size": "much"}}},
    ],
    ids=str,
)
def test_values_that_are_unknown_or_wrong_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA)


@pytest.mark.parametrize("values", VALUES, ids=lambda file: file.stem)
def test_the_values_of_the_tests_fit_the_schema(values: Path) -> None:
    jsonschema.validate(yaml.safe_load(values.read_text("utf-8")), SCHEMA)


@pytest.mark.timeout(180)
@pytest.mark.skipif(ABSENT is not None, reason=str(ABSENT))
@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"config": {"personaPolicy": "version: 1"}}, "given together"),
        ({"ingress": {"enabled": True}}, "ingress.host is needed"),
        ({"migrations": {"job": {"enabled": True}}}, "store.existingSecret is needed"),
        ({"autoscaling": {"keda": {"enabled": True}}}, "autoscaling.keda.prometheus is needed"),
    ],
)
def test_what_cannot_be_rendered_says_why(
    values: dict[str, Any], told: str, command: list[str], tmp_path: Path
) -> None:
    (tmp_path / "values.yaml").write_text(json.dumps(values), "utf-8")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        rendered(command, tmp_path / "values.yaml")
    assert told in refused.value.stderr


def test_a_pod_has_no_more_rights_than_it_needs() -> None:
    for values in VALUES:
        kind = "StatefulSet" if values.stem == "stored" else "Deployment"
        spec = one(values.name, kind)["spec"]["template"]["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        for container in (*spec["containers"], *spec.get("initContainers", ())):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_a_job_migrates_the_store_before_an_upgrade_and_gets_no_request() -> None:
    job, service = (
        next(each for each in manifests(golden(Path("stored.yaml"))) if each["kind"] == kind)
        for kind in ("Job", "Service")
    )
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-upgrade"
    pod = job["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    assert container["args"] == ["llm-router", "store", "migrate"]
    assert "LLM_ROUTER_STORE_URL" in [each["name"] for each in container["env"]]
    assert not service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True


def test_without_keda_the_same_is_looked_at_by_the_names_that_the_readme_s_rules_give() -> None:
    metrics = one("scaled.yaml", "HorizontalPodAutoscaler")["spec"]["metrics"]
    wanted = {
        each["pods"]["metric"]["name"]: each["pods"]["target"]["averageValue"]
        for each in metrics
        if each["type"] == "Pods"
    }
    assert wanted == {
        "llm_router_in_flight_requests": "200",
        "llm_router_event_loop_lag_p99_milliseconds": "40",
    }
    text = section(page("config/deploy/README.md"), "## Scaling without KEDA")
    (rules,) = (yaml.safe_load(block)["rules"] for block in blocks(text, "yaml"))
    named = [
        rule.get("name", {}).get("as") or rule["seriesQuery"].partition("{")[0] for rule in rules
    ]
    assert named == list(wanted)


def test_a_rollout_waits_for_the_new_pod_and_lets_answers_finish() -> None:
    spec = one("default.yaml", "Deployment")["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    pod = spec["template"]["spec"]
    sleep = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] >= sleep + DEFAULTS["drainGrace"] + 5


def test_files_are_checked_before_a_pod_serves_with_them() -> None:
    pod = one("files.yaml", "Deployment")["spec"]["template"]["spec"]
    (check,) = pod["initContainers"]
    assert check["args"] == ["llm-router", "check"]
    assert {"name": "LLM_ROUTER_CONFIG_DIR", "value": "/config"} in check["env"]
    named = one("files.yaml", "ConfigMap")["metadata"]["name"]
    assert {"name": "config", "configMap": {"name": named}} in pod["volumes"]


def test_the_store_s_url_is_a_secret_s_and_its_port_is_let_out() -> None:
    pod = one("stored.yaml", "StatefulSet")["spec"]["template"]["spec"]
    (url,) = [e for e in pod["containers"][0]["env"] if e["name"] == "LLM_ROUTER_STORE_URL"]
    assert url["valueFrom"] == {"secretKeyRef": {"name": "router-app", "key": "uri"}}
    assert {"ports": [{"port": 6432}]} in one("stored.yaml", "NetworkPolicy")["spec"]["egress"]


def test_a_journal_that_is_kept_is_on_a_volume_of_its_pod() -> None:
    spec = one("stored.yaml", "StatefulSet")["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    pod = spec["template"]["spec"]
    assert {"name": claim["metadata"]["name"], "mountPath": "/state"} in pod["containers"][0][
        "volumeMounts"
    ]
    assert "state" not in [volume["name"] for volume in pod["volumes"]]
    scaled = one("stored.yaml", "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert scaled["kind"] == "StatefulSet"
    services = [m for m in manifests(golden(Path("stored.yaml"))) if m["kind"] == "Service"]
    (headless,) = [s for s in services if s["spec"].get("clusterIP") == "None"]
    assert spec["serviceName"] == headless["metadata"]["name"]


def test_a_digest_wins_over_the_tag() -> None:
    pod = one("pinned.yaml", "Deployment")["spec"]["template"]["spec"]
    image = pod["containers"][0]["image"]
    assert image.startswith("registry.example.com/team/llm-router@sha256:0123")


def test_the_dashboard_and_the_rules_are_those_of_the_project() -> None:
    deploy = ROOT / "config" / "deploy"
    rules = yaml.safe_load((deploy / "prometheus" / "llm-router.rules.yaml").read_text("utf-8"))
    assert one("watched.yaml", "PrometheusRule")["spec"] == rules
    shown = one("watched.yaml", "ConfigMap")["data"]["llm-router.json"]
    assert json.loads(shown) == json.loads((deploy / "grafana" / "llm-router.json").read_text())
