"""``mapper queue``: the group of commands about jobs.

Knows which commands the group has. Must not know what they do: looking is one module, acting another.
"""

from __future__ import annotations

import typer

from mapper.apps.cli.app import app
from mapper.apps.cli.queue import acts, looks

_queue = typer.Typer(
    help="Look at jobs, and decide about those that wait for a person.", no_args_is_help=True, rich_markup_mode=None
)
_queue.command("status", short_help="How many jobs are in which state, and how fast it goes.")(looks.status)
_queue.command("list", short_help="List jobs.")(looks.list_jobs)
_queue.command("show", short_help="Tell one job's whole story.")(looks.show)
_queue.command("hold", short_help="Keep jobs back.")(acts.hold)
_queue.command("release", short_help="Let jobs go that are held, or end a pause.")(acts.release)
_queue.command("resolve", short_help="Settle jobs that may have been taken.")(acts.resolve)
_queue.command("drop", short_help="Give jobs up.")(acts.drop)
_queue.command("replay", short_help="Send jobs after all that were not taken.")(acts.replay)
app.add_typer(_queue, name="queue")
