"""The two files, to be read again while the gateway runs: keys and base URLs still come from the environment of the process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.config.load import CAPABILITIES_FILE, POLICY_FILE, load
from gateway.config.values import Config, simulated_by
from gateway.config.yaml_source import revision_of


@dataclass(frozen=True, slots=True)
class ConfigFiles:
    """Where a configuration comes from. In demo mode `simulator` gives the simulator's URL for each dialect."""

    directory: Path
    environ: Mapping[str, str] = field(repr=False)
    simulator: Mapping[str, str] | None = None

    def load(self) -> Config:
        """Read and check both files. Raises ConfigError with every problem."""
        config = load(self.directory, self.environ)
        return config if self.simulator is None else simulated_by(config, self.simulator)

    def revision(self) -> str:
        """The revision that `load` would give, without reading what the files say. One that cannot be read counts as empty.

        The content is the only sure sign of a change: a copy may keep its time, an edit its size, and a mounted directory swaps links.
        """
        return revision_of(*(_content(self.directory / name) for name in (POLICY_FILE, CAPABILITIES_FILE)))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
