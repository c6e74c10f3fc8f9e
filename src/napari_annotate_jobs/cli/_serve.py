"""The verbs that run a job server and see to its people and jobs."""

from __future__ import annotations

import gc
import getpass
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import InvalidValueError, MissingExtraError, counted

from ._arguments import add_switch
from ._show import complain, say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from napari_annotate_jobs.server import Service

__all__ = [
    "SERVE_EPILOG",
    "add_login_arguments",
    "add_serve_arguments",
    "add_server_arguments",
    "add_sharing_arguments",
    "log_in_to",
    "manage_server",
    "require_server",
    "serve_jobs",
    "sharing",
]

SERVE_EPILOG = """\
DIR is made if it is not there: a database (SQLite), the masks, and what is noted of
images. The token of its owner is printed once, at the first start.

  napari-annotate-jobs serve DIR
  napari-annotate-jobs server DIR add-person ana
  napari-annotate-jobs server DIR add-job JOB --assignment claim
  napari-annotate-jobs server DIR member JOB ana annotator

With --database postgresql+psycopg://USER@HOST/NAME and --blobs s3://BUCKET/PREFIX any
number of servers share the work; passwords and keys for these come from the
environment (PGPASSWORD, AWS_ACCESS_KEY_ID, ...).
"""


def _add_place(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("folder", metavar="DIR", help="the folder of the server")
    verb.add_argument(
        "--database",
        metavar="URL",
        default=os.environ.get("NAPARI_ANNOTATE_JOBS_DATABASE"),
        help="of a database; jobs.sqlite in DIR by default, or what the environment's "
        "NAPARI_ANNOTATE_JOBS_DATABASE says",
    )
    verb.add_argument(
        "--blobs",
        metavar="URL",
        default=os.environ.get("NAPARI_ANNOTATE_JOBS_BLOBS"),
        help="of a store of objects for masks; DIR/blobs by default, or what the "
        "environment's NAPARI_ANNOTATE_JOBS_BLOBS says",
    )
    verb.add_argument(
        "--images",
        metavar="FOLDER",
        nargs="+",
        action="extend",
        default=[],
        help="folders that images of jobs may lie in, apart from the jobs' own",
    )


def add_serve_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what ``serve`` takes."""
    _add_place(verb)
    verb.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen at; only this computer by default",
    )
    verb.add_argument("--port", type=int, default=8765, help="0 for one that is free")
    verb.add_argument("--tls-cert", metavar="FILE", help="certificate, for https")
    verb.add_argument("--tls-key", metavar="FILE", help="its key")
    verb.add_argument(
        "--proxy",
        metavar="ADDRESS",
        default="127.0.0.1",
        help="of a proxy whose headers are trusted; * for any",
    )
    add_switch(
        verb, "--upgrade", "bring an older database up to date first; back it up before"
    )
    verb.add_argument(
        "--oidc",
        metavar="ISSUER",
        help="of a provider of OpenID Connect that people can log in with on the page; "
        "its secret comes from the environment's NAPARI_ANNOTATE_JOBS_OIDC_SECRET",
    )
    verb.add_argument("--oidc-client", metavar="ID", help="of this server, there")
    verb.add_argument(
        "--oidc-claim",
        metavar="NAME",
        default="email",
        help="what people are called by here: email, or one that only the provider "
        "gives out",
    )
    add_switch(
        verb,
        "--oidc-add",
        "give an account to whoever logs in with it for the first time",
    )


def add_server_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what ``server`` takes."""
    _add_place(verb)
    acts = verb.add_subparsers(title="what to do", metavar="ACT", required=True)
    act = acts.add_parser("upgrade", help="bring an older database up to date")
    act.set_defaults(act=_upgrade)
    act = acts.add_parser(
        "check", help="verify the record of who did what, and all masks that are named"
    )
    act.set_defaults(act=_check)
    act = acts.add_parser("add-person", help="add a person, and print a token")
    act.add_argument("person", metavar="PERSON")
    add_switch(act, "--admin", "an owner of the server")
    add_switch(act, "--password", "ask for a password")
    act.set_defaults(act=_add_person)
    act = acts.add_parser("token", help="print another token for a person")
    act.add_argument("person", metavar="PERSON")
    act.add_argument("--scope", choices=("read", "write", "admin"), default="write")
    act.add_argument("--days", type=int, default=90, help="how long it is good")
    act.set_defaults(act=_token)
    act = acts.add_parser("people", help="list the people")
    act.set_defaults(act=_people)
    act = acts.add_parser(
        "add-job", help="take over a job folder's cases, labels and people"
    )
    act.add_argument("job", metavar="JOB", help="made with: napari-annotate-jobs new")
    add_sharing_arguments(act)
    act.set_defaults(act=_add_job)
    act = acts.add_parser("jobs", help="list the jobs, with their ids")
    act.set_defaults(act=_jobs)
    act = acts.add_parser("restore-job", help="take a deleted job out of the trash")
    act.add_argument("job", metavar="ID", help="as jobs lists it")
    act.set_defaults(act=_restore_job)
    act = acts.add_parser("member", help="say what a person is in a job")
    act.add_argument("job", metavar="ID", help="of the job, or its name")
    act.add_argument("person", metavar="PERSON")
    act.add_argument(
        "roles",
        nargs="*",
        metavar="ROLE",
        help="owner, reviewer, annotator; none of them may look on",
    )
    act.set_defaults(act=_member)
    act = acts.add_parser("add-labels", help="add labels to a job, also while it runs")
    act.add_argument("job", metavar="ID", help="of the job, or its name")
    act.add_argument(
        "labels",
        nargs="+",
        metavar="LABEL",
        help="[METHOD:][GROUP/]NAME[=COLOUR], as new --labels takes them",
    )
    act.set_defaults(act=_add_labels)
    act = acts.add_parser("assign", help="share the cases of a job evenly")
    act.add_argument("job", metavar="ID", help="of the job, or its name")
    act.add_argument("people", nargs="+", metavar="PERSON")
    act.add_argument("--each", type=int, default=1, help="people for each case")
    act.set_defaults(act=_assign)


def add_sharing_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what says how the cases of a job on a server come to annotators."""
    verb.add_argument(
        "--assignment",
        choices=("everyone", "assigned", "claim"),
        default="everyone",
        help="whether each annotator does every case, owners give them out, or "
        "annotators claim them",
    )
    verb.add_argument(
        "--annotators-per-case", type=int, default=1, metavar="N", help="1 to 5"
    )
    add_switch(
        verb,
        "--open-eyed",
        "let annotators see each other's work before they have submitted",
    )


def sharing(options: argparse.Namespace) -> dict[str, Any]:
    """Return how the cases of a job come to annotators."""
    return {
        "blind": not options.open_eyed,
        "assignment": options.assignment,
        "annotators_per_case": options.annotators_per_case,
    }


def add_login_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what ``login`` takes."""
    verb.add_argument("server", metavar="ADDRESS", help="as https://jobs.example.org")
    verb.add_argument("--person", help="log in with a password, under this name")


def _settings(options: argparse.Namespace) -> Any:
    from napari_annotate_jobs.server import ServerSettings

    return ServerSettings(
        Path(options.folder).expanduser().absolute(),
        database=options.database,
        blobs=options.blobs,
        images=tuple(Path(p).expanduser().absolute() for p in options.images),
    )


def _provider(options: argparse.Namespace) -> Any:
    from napari_annotate_jobs.server import OidcSettings

    if not (options.oidc or options.oidc_client):
        return None
    if not (options.oidc and options.oidc_client):
        raise InvalidValueError(
            "a provider and what this server is called there go together",
            where="--oidc, --oidc-client",
            remedy="Name both",
        )
    return OidcSettings(
        options.oidc,
        options.oidc_client,
        secret=os.environ.get("NAPARI_ANNOTATE_JOBS_OIDC_SECRET", ""),
        claim=options.oidc_claim,
        add=options.oidc_add,
    )


def require_server() -> None:
    """Raise MissingExtraError where the packages of a server are not installed."""
    try:
        import uvicorn  # noqa: F401

        import napari_annotate_jobs.server
    except ImportError as error:
        raise MissingExtraError(
            str(error.name), extra="server", purpose="a job server"
        ) from error
    assert napari_annotate_jobs.server


def serve_jobs(options: argparse.Namespace) -> int:
    """Run a server until it is stopped; return the exit code."""
    require_server()
    import uvicorn

    from napari_annotate_jobs.server import create_app, open_service

    if bool(options.tls_cert) != bool(options.tls_key):
        raise InvalidValueError(
            "a certificate and its key go together",
            where="--tls-cert, --tls-key",
            remedy="Name both",
        )
    settings = replace(_settings(options), oidc=_provider(options))
    with open_service(settings, upgrade=options.upgrade) as service:
        token = service.owner_token()
        if token is not None:
            say(f"The owner's token, shown this once: {token}")
            sys.stdout.flush()
        secure = options.tls_cert is not None
        if options.host not in {"127.0.0.1", "localhost", "::1"} and not secure:
            complain(
                "without --tls-cert everybody on the way can read along: put a proxy "
                "with TLS in front of it"
            )
        config = uvicorn.Config(
            create_app(service),
            host=options.host,
            port=options.port,
            ssl_certfile=options.tls_cert,
            ssl_keyfile=options.tls_key,
            forwarded_allow_ips=options.proxy,
            server_header=False,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=5,
        )
        # What is here now stays: looking through all of it again and again would
        # have every request wait that comes meanwhile.
        gc.collect()
        gc.freeze()
        return _run(config, "https" if secure else "http", options.host)


def _run(config: Any, scheme: str, host: str) -> int:
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if not self.should_exit:
                port = self.servers[0].sockets[0].getsockname()[1]
                say(f"Serving at {scheme}://{host}:{port}")
                sys.stdout.flush()

    server = Server(config)
    server.run()
    return 0 if server.started else 2


def manage_server(options: argparse.Namespace) -> int:
    """See to people and jobs of a server, which may be running; return the code."""
    require_server()
    from napari_annotate_jobs.server import open_service

    upgrade = options.act is _upgrade
    with open_service(_settings(options), upgrade=upgrade) as service:
        token = service.owner_token()
        if token is not None:
            say(f"The owner's token, shown this once: {token}")
            sys.stdout.flush()
        code: int = options.act(options, service)
        return code


def log_in_to(options: argparse.Namespace) -> int:
    """Log in to a server, and keep the token; return the exit code."""
    from napari_annotate_jobs.stores.http import HttpStore, keep_token, log_in

    address = options.server.rstrip("/")
    if options.person:
        token = log_in(address, options.person, _secret("Password: "))
    else:
        token = _secret("Token: ")
    with HttpStore(address, token=token) as store:
        safe = keep_token(store.server, store.person, token)
        say(f"Logged in to {store.server} as {store.person}.")
    if not safe:
        say("There is no keyring here: the token is in a file that only you can read.")
    return 0


def _secret(prompt: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    return sys.stdin.readline().strip()


# --------------------------------------------------------------------------- acts
_BY = "command line"


def _upgrade(options: argparse.Namespace, service: Service) -> int:
    say(f"The database has version {service.database.version()}.")
    return 0


def _check(options: argparse.Namespace, service: Service) -> int:
    from napari_annotate_jobs.server import broken_links, faults_of_masks

    from ._show import fault_text

    with service.database.reading() as connection:
        faults = list(broken_links(connection))
    faults += faults_of_masks(service)
    for fault in faults:
        say(fault_text(fault))
    say(f"{counted(len(faults), 'fault')}." if faults else "All is well.")
    return 1 if faults else 0


def _add_person(options: argparse.Namespace, service: Service) -> int:
    from napari_annotate_jobs.server import add_account, make_token

    password = _secret("Password: ") if options.password else None
    with service.database.writing() as connection:
        account = add_account(
            connection, options.person, admin=options.admin, password=password, by=_BY
        )
        scope = "admin" if options.admin else "write"
        token = make_token(connection, account, scope=scope, by=_BY)
    say(f"Added {account.name}. A token, shown this once: {token}")
    return 0


def _token(options: argparse.Namespace, service: Service) -> int:
    from napari_annotate_jobs.server import find_account, make_token

    with service.database.writing() as connection:
        account = find_account(connection, options.person)
        token = make_token(
            connection, account, scope=options.scope, days=options.days, by=_BY
        )
    say(token)
    return 0


def _people(options: argparse.Namespace, service: Service) -> int:
    from napari_annotate_jobs.server import list_accounts

    with service.database.reading() as connection:
        for row in list_accounts(connection):
            marks = ["owner of the server"] * row["admin"]
            marks += ["suspended"] * row["suspended"]
            say(row["name"] + (f" ({', '.join(marks)})" if marks else ""))
    return 0


def _add_job(options: argparse.Namespace, service: Service) -> int:
    from napari_annotate_jobs.model import validated
    from napari_annotate_jobs.server import NewProject, add_project
    from napari_annotate_jobs.stores import FolderStore, only_job

    folder = Path(options.job).expanduser().absolute()
    with FolderStore(folder) as store:
        job = only_job(store)
        cases = [row.case for row in store.every_case(job.id)]
    new = validated(
        NewProject,
        {"job": job, "cases": cases, **sharing(options)},
        where="add-job",
    )
    with service.database.writing() as connection:
        add_project(connection, _first(service, connection), new, base=str(folder))
    say(f"Added {job.name} ({job.id}), {counted(len(cases), 'case')}.")
    return 0


def _first(service: Service, connection: Any) -> Any:
    """Return an owner of the server: whoever may read its folder acts for one."""
    from napari_annotate_jobs.server import find_account, list_accounts

    admins = [row["name"] for row in list_accounts(connection) if row["admin"]]
    return find_account(connection, admins[0])


def _jobs(options: argparse.Namespace, service: Service) -> int:
    from napari_annotate_jobs.server import deleted_projects, permits

    with service.database.reading() as connection:
        for each in permits(connection, _first(service, connection)):
            archived = "  (archived)" if each.job.archived else ""
            say(f"{each.job.id}  {each.job.name}{archived}")
        for key, name in deleted_projects(connection).items():
            say(f"{key}  {name}  (deleted; restore-job brings it back)")
    return 0


def _restore_job(options: argparse.Namespace, service: Service) -> int:
    from napari_annotate_jobs.server import restore_project

    with service.database.writing() as connection:
        owner = _first(service, connection).name
        restore_project(connection, options.job, by=owner)
    say(f"{options.job} is there again.")
    return 0


def _permit(service: Service, connection: Any, job: str) -> Any:
    from napari_annotate_jobs.server import permit, permits

    owner = _first(service, connection)
    named = [p for p in permits(connection, owner) if job in {p.job.id, p.job.name}]
    return named[0] if len(named) == 1 else permit(connection, owner, job)


def _member(options: argparse.Namespace, service: Service) -> int:
    from napari_annotate_jobs.server import Role, add_member

    known = [role.value for role in Role]
    # Not for argparse to check: of no roles it says that they are none of these.
    if wrong := [role for role in options.roles if role not in known]:
        raise InvalidValueError(
            f"there is no role {wrong[0]!r}", remedy=f"Use {', '.join(known)}"
        )
    roles: Sequence[Role] = [Role(role) for role in options.roles]
    with service.database.writing() as connection:
        found = _permit(service, connection, options.job)
        add_member(connection, found, options.person, roles)
    said = ", ".join(options.roles) or "looking on"
    say(f"{options.person} is in {found.job.name}: {said}.")
    return 0


def _assign(options: argparse.Namespace, service: Service) -> int:
    from napari_annotate_jobs.server import assign_evenly

    with service.database.writing() as connection:
        found = _permit(service, connection, options.job)
        given = assign_evenly(connection, found, options.people, each=options.each)
    say(f"Gave out {counted(given, 'case')}.")
    return 0


def _add_labels(options: argparse.Namespace, service: Service) -> int:
    from napari_annotate_jobs.model import COLORS, LabelSet, validated
    from napari_annotate_jobs.server import change_labels

    from ._labels import given_labels

    with service.database.writing() as connection:
        found = _permit(service, connection, options.job)
        project = found.job.project
        old = project.label_set
        new = given_labels(options.labels, ()).label_set(project.methods)
        free = max((label.id for label in old.labels), default=0) + 1
        colours = {label.color for label in old.labels}
        left = [color for color in COLORS if color not in colours] or list(COLORS)
        added = []
        for place, label in enumerate(new.labels):
            changes: dict[str, Any] = {"id": free + place}
            if label.color in colours:
                changes["color"] = left[place % len(left)]
            added.append(label.model_copy(update=changes))
        fields = {"labels": (*old.labels, *added), "groups": old.groups}
        labels = validated(LabelSet, fields, where=options.job)
        version = change_labels(connection, found, labels)
    say(
        f"The labels of {found.job.name} have version {version}: "
        f"{counted(len(labels.labels), 'label')}."
    )
    return 0
