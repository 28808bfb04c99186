"""Plug-ins of this suite; each is one file in tests/plugins."""

pytest_plugins = [
    "plugins.account", "plugins.apart", "plugins.browser", "plugins.environment",
    "clusters.sge", "clusters.slurm", "clusters.sshd",
]  # fmt: skip
