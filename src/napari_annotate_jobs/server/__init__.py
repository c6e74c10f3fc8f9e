"""A job server: the same jobs as in folders, for a group of people."""

from __future__ import annotations

from ._accounts import add_account, find_account, list_accounts, make_token
from ._app import create_app
from ._audit import broken_links
from ._collecting import faults_of_masks
from ._oidc import OidcSettings
from ._permits import permit, permits
from ._project_edits import deleted_projects, restore_project
from ._projects import (
    NewProject,
    Role,
    add_member,
    add_project,
    change_labels,
    list_members,
)
from ._service import ServerSettings, Service, open_service
from ._tasks import Assignment, assign_evenly

__all__ = [
    "Assignment",
    "NewProject",
    "OidcSettings",
    "Role",
    "ServerSettings",
    "Service",
    "add_account",
    "add_member",
    "add_project",
    "assign_evenly",
    "broken_links",
    "change_labels",
    "create_app",
    "deleted_projects",
    "faults_of_masks",
    "find_account",
    "list_accounts",
    "list_members",
    "make_token",
    "open_service",
    "permit",
    "permits",
    "restore_project",
]
