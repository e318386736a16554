"""Names become transports, and what is wrong with an installed one is said with its distribution's name."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from contracts.transport import KEY, order

from mapper import plugins
from mapper.errors import PluginError
from mapper.ports import Transport
from mapper.transports import send

MODULE = """
from mapper.outcome import Reply

class Pigeon:
    def __init__(self, settings):
        self.settings = settings
    async def send(self, request):
        return Reply(202)

def hatched(settings):
    return Pigeon(settings)

class Mute:
    def __init__(self, settings):
        pass

class Blocking(Mute):
    def send(self, request):
        return Reply(202)

class Greedy(Mute):
    async def send(self, request, times):
        return Reply(202)

class Deaf(Mute):
    async def send(self):
        return Reply(202)

class Generous(Mute):
    async def send(self, request, times=1):
        return Reply(202)

class Sick:
    def __init__(self, settings):
        raise ValueError(settings["api_key"])

class Unready:
    async def send(self, request):
        return Reply(202)

egg = 7
"""

#: Every name that the distributions below install, and what it stands for.
INSTALLED = {
    "pigeon": "pigeons:Pigeon",
    "hatched": "pigeons:hatched",
    "generous": "pigeons:Generous",
    "mute": "pigeons:Mute",
    "blocking": "pigeons:Blocking",
    "greedy": "pigeons:Greedy",
    "deaf": "pigeons:Deaf",
    "sick": "pigeons:Sick",
    "unready": "pigeons:Unready",
    "egg": "pigeons:egg",
    "absent": "no_such_module:Pigeon",
    "extinct": "pigeons:Dodo",
    "http": "pigeons:Pigeon",
    "twice": "pigeons:Pigeon",
}


def install(directory: Path, name: str, entries: dict[str, str]) -> None:
    """What an installer leaves behind."""
    record = directory / f"{name.replace('-', '_')}-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{entry} = {target}" for entry, target in entries.items()]
    (record / "entry_points.txt").write_text("\n".join([f"[{plugins.GROUP}]", *lines, ""]))


@pytest.fixture(autouse=True)
def _pigeons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two distributions with transports, good and bad."""
    (tmp_path / "pigeons.py").write_text(MODULE)
    install(tmp_path, "carrier-pigeons", INSTALLED)
    install(tmp_path, "other-birds", {"twice": "pigeons:Mute", "pigeon": INSTALLED["pigeon"]})
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "pigeons", raising=False)


@pytest.mark.parametrize("name", ["http", "memory", "file"])
def test_ours_are_there_without_an_installation(name: str) -> None:
    """And nobody else can take their names: a dry run must not send."""
    made = plugins.transport(name, {})
    assert isinstance(made, Transport)
    assert type(made).__module__ == f"mapper.transports.{name}"


def test_the_package_declares_what_the_table_says() -> None:
    """Whoever lists entry points sees the same transports as whoever asks by name."""
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"][plugins.GROUP] == plugins.OWN


def test_all_names_are_listed() -> None:
    """Ours and the installed ones, sorted, each once."""
    names = plugins.names()
    assert list(names) == sorted(set(names))
    assert {"file", "http", "memory", *INSTALLED} <= set(names)


@pytest.mark.parametrize("name", ["pigeon", "hatched", "generous"])
def test_an_installed_transport_is_made_with_the_settings(name: str) -> None:
    """A class or a function; one more parameter with a default is no harm. The same line found twice is one."""
    made = plugins.transport(name, {"api_key": KEY})
    assert getattr(made, "settings", {"api_key": KEY}) == {"api_key": KEY}
    assert send(order(), name).ending == "delivered"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mute", "has no 'send'"),
        ("blocking", "is not an 'async def'"),
        ("greedy", "does not take one request"),
        ("deaf", "does not take one request"),
        ("sick", "could not be made from the settings: ValueError"),
        ("unready", "could not be made from the settings: TypeError"),
        ("egg", "cannot be called"),
        ("absent", "could not be imported: ModuleNotFoundError"),
        ("extinct", "could not be imported: AttributeError"),
    ],
)
def test_what_is_not_a_transport(name: str, words: str) -> None:
    """Found when it is asked for, before the first request; the message says whose it is and quotes no secret."""
    with pytest.raises(PluginError) as caught:
        plugins.transport(name, {"api_key": KEY})
    message = str(caught.value)
    assert words in message
    assert "'carrier-pigeons'" in message
    assert INSTALLED[name] in message
    assert KEY not in message
    assert caught.value.__cause__ is None or name in ("absent", "extinct")


def test_a_name_that_is_taken_twice() -> None:
    """Nobody guesses which one is meant: one of them may print."""
    with pytest.raises(PluginError, match=r"taken twice.*'carrier-pigeons'.*'other-birds'"):
        plugins.transport("twice", {})


@pytest.mark.parametrize("name", ["", "ftp", "Http", "http "])
def test_a_name_that_is_not_installed(name: str) -> None:
    """The message lists what is."""
    with pytest.raises(PluginError, match=r"installed are .*file, .*http, .*memory") as caught:
        plugins.transport(name, {})
    assert repr(name) in str(caught.value)
