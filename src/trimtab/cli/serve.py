"""``trimtab serve``: run the controllers."""

import json
from datetime import timedelta
from pathlib import Path

import click

from trimtab.cli.session import Session

LEVELS = ("debug", "info", "warning", "error")


@click.command()
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="The hub's kubeconfig.")
@click.option("--context", help="Context in the kubeconfig.")
@click.option("--state-dir", type=click.Path(path_type=Path), help="Folder of ledger and caches.")
@click.option(
    "--listen",
    default="127.0.0.1:8480",
    show_default=True,
    help="Address of webhook, health and metrics; port 0 picks a free one.",
)
@click.option(
    "--poll-seconds",
    type=click.FloatRange(min=1),
    default=15,
    show_default=True,
    help="How often repositories are asked for new commits.",
)
@click.option("--workers", type=click.IntRange(min=1), default=64, show_default=True)
@click.option("--engine-workers", type=click.IntRange(min=1), default=2, show_default=True)
@click.option("--observe-only", is_flag=True, help="Look and report nothing; write nothing.")
@click.option("--take-over", is_flag=True, help="Write although Argo CD is alive in the hub.")
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True)
@click.pass_obj
def serve(
    session: Session,
    kubeconfig: Path | None,
    context: str | None,
    state_dir: Path | None,
    listen: str,
    poll_seconds: float,
    workers: int,
    engine_workers: int,
    observe_only: bool,
    take_over: bool,
    log_level: str,
) -> None:
    """Run the controllers until SIGINT or SIGTERM.

    When the hub has been read, one line of JSON on stdout says so and names the URL of the webhook
    (/api/webhook), health (/healthz, /readyz) and metrics (/metrics). Logs go to stderr.
    """
    from trimtab.bootstrap.logs import configure_logs
    from trimtab.bootstrap.serve import run
    from trimtab.bootstrap.serve import serve as serve_forever
    from trimtab.bootstrap.settings import ServeSettings

    configure_logs(log_level)
    settings = ServeSettings(
        kubeconfig=kubeconfig or session.kubeconfig,
        context=context or session.context,
        namespace=session.namespace,
        state_dir=state_dir or session.state_dir,
        listen=listen,
        poll_interval=timedelta(seconds=poll_seconds),
        workers=workers,
        engine_workers=engine_workers,
        observe_only=observe_only,
        take_over=take_over,
    )

    def ready(url: str) -> None:
        print(json.dumps({"ready": True, "url": url}), flush=True)

    run(serve_forever(settings, ready))
