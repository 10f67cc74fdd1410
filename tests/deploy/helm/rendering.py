"""The chart as helm renders it; `python -m tests.deploy.helm.rendering` writes the golden
renderings and the Kustomize base anew.

helm itself where it is installed, otherwise render.go (Debian's packages golang-go,
golang-github-masterminds-sprig-dev and golang-k8s-sigs-yaml-dev).
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from tests.serving import ROOT

HERE: Final = Path(__file__).parent
CHART: Final = ROOT / "config" / "deploy" / "helm" / "llm-router"
BASE: Final = ROOT / "config" / "deploy" / "kustomize" / "base.yaml"
VALUES: Final = sorted((HERE / "values").glob("*.yaml"))
HELM: Final = shutil.which("helm")
_LIBRARIES: Final = Path("/usr/share/gocode")
GO: Final = (
    shutil.which("go") if (_LIBRARIES / "src/github.com/Masterminds/sprig").is_dir() else None
)
ABSENT: Final = None if HELM or GO else "NOT CHECKED: neither helm nor Go with sprig is installed"


def golden(values: Path) -> Path:
    """Where the rendering with these values stands."""
    return HERE / "golden" / values.name


def renderer(directory: Path) -> list[str]:
    """The command that renders; takes CHART RELEASE NAMESPACE VALUES. Compiled into `directory`."""
    if HELM is not None:
        return [HELM]
    assert GO is not None
    command = directory / "render"
    environ = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": str(_LIBRARIES),
        "GOFLAGS": "",
        "GOCACHE": str(directory / "cache"),
    }
    subprocess.run(
        [GO, "build", "-o", str(command), str(HERE / "render.go")],
        check=True,
        env=environ,
        timeout=170,
    )
    return [str(command)]


def rendered(command: list[str], values: Path) -> str:
    """The manifests as helm prints them, without its comments. Raises CalledProcessError."""
    where = ["llm-router", str(CHART)] if HELM else [str(CHART), "llm-router"]
    options = ["template", *where, "--namespace", "llm-router", "--values", str(values)]
    plain = [*where, "llm-router", str(values)]
    told = subprocess.run(
        [*command, *(options if HELM else plain)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    return "".join(
        line for line in told.splitlines(keepends=True) if not line.startswith("# Source: ")
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        render = renderer(Path(scratch))
        for file in VALUES:
            golden(file).write_text(rendered(render, file), "utf-8")
        BASE.write_text(rendered(render, HERE / "values" / "default.yaml"), "utf-8")
