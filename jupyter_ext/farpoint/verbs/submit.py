"""Submitting: plan under the scan's lock, then accept. What is accepted goes out now, or as soon as anybody drives.

Knows no scheduler and waits for nothing.
"""

from __future__ import annotations

from farpoint.project import Project
from farpoint.verbs import accept
from farpoint.verbs.plan import Plan, Request, plan


def submit(project: Project, request: Request) -> Plan:
    """Accept what `request` asks for; two processes asking for the same scan at once attach to each other's points."""
    name = request.name or request.task.name
    with project.lock(f"scan-{name}"):
        made = plan(project, request)
        project.spend_tokens(name)
        accept.accept(project, made.document, made.jobs)
    return made
