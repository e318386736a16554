"""``mapper preview`` explains one event, is the production path stopped before the send, and shows no secret."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import EXAMPLES, ROOT, SMALL, call, program, run
from rich.cells import cell_len

from mapper import pipeline


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of its own for each test, so that file names are short."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def small(here: Path) -> Path:
    """A mapping of two fields."""
    (here / "small.yaml").write_text(SMALL, "utf-8")
    return Path("small.yaml")


def event(value: Any) -> Path:
    """An event in a file."""
    Path("event.json").write_text(json.dumps(value), "utf-8")
    return Path("event.json")


def test_the_page_explains_each_field() -> None:
    """What was taken from where, what clean changed, what became of the other traits, and the request."""
    ended = run("preview", EXAMPLES / "nested.json", "-m", "inkit", env={"COLUMNS": "100"})
    assert ended.code == 0
    rows = [line.split() for line in ended.out.splitlines()]
    assert ["✓", "first_name", "Imogen", "traits.firstName"] in rows
    assert ["✓", "address_state", "MA", "traits.address.state"] in rows
    assert 'changed from "Massachusetts" to "MA"' in ended.out
    assert ["!", "address_zip", "02134", "traits.address.postalCode"] in rows
    assert ["+", "company_plan", '"pro"', "traits.company.plan"] in rows
    assert "POST https://internal.inkit.io/integrations/webhook" in ended.out
    assert '"api_token": "***"' in ended.out
    assert "would be sent to" in ended.out


def test_what_is_missing_says_where_it_was_looked_for(small: Path) -> None:
    """A required field without a value names the places, the code, the line, and what to do; exit 1."""
    ended = run("preview", event(call(name="Ada")), "-m", small)
    assert ended.code == 1
    said = " ".join(ended.out.split())
    assert "send traits.email or traits.mail; or add your own spelling" in said
    assert "(missing, " in said
    assert "small.yaml:7)" in said
    assert "to do: send traits.email" in said
    assert "would NOT be sent" in said


def test_other_spellings_are_shown(small: Path) -> None:
    """A spelling that lost is shown, and whether it says something else."""
    same = run("preview", event(call(email="a@b.c", mail="a@b.c")), "-m", small).out
    other = run("preview", event(call(email="a@b.c", mail="x@y.z")), "-m", small).out
    assert 'also present: traits.mail = "a@b.c" (the same)' in same
    assert 'also present: traits.mail = "x@y.z" (it differs)' in other


def test_dropped_traits_have_a_reason() -> None:
    """Nothing vanishes: what is not sent stands there with the reason."""
    traits = {"template_id": "T1", "last_name": "M", "phone": "", "source": "google"}
    out = run("preview", event(call(**traits)), "-m", "inkit").out
    rows = [line.split(maxsplit=3) for line in out.splitlines()]
    assert ["·", "traits.phone", '""', "blank"] in rows
    assert ["·", "traits.source", '"google"', "name taken by field source"] in rows
    assert "warning name_taken" in out


def test_a_skipped_event_says_why(small: Path) -> None:
    """Skipped is fine, exit 0, and no request is shown."""
    ended = run("preview", event(call(email="a@b.c", stop=True)), "-m", small)
    assert ended.code == 0
    assert "skipped: they said stop" in ended.out
    assert "POST" not in ended.out


def test_json_holds_the_very_bytes_of_the_request() -> None:
    """The body on stdout is the body that would be sent: the same bytes."""
    ended = run("preview", EXAMPLES / "nested.json", "-m", "inkit", "--format", "json")
    result = pipeline.load("inkit", {}).transform((EXAMPLES / "nested.json").read_bytes())
    assert result.request is not None
    assert b'"body":' + result.request.content + b"}" in ended.out.encode()
    assert ended.out.count("\n") == 1
    told = json.loads(ended.out)
    assert set(told) == {
        "status", "because", "fields", "custom_fields", "problems", "warnings", "accounts", "fillings", "request",
    }  # fmt: skip
    assert told["request"]["secrets"] == [{"in": "body", "name": "api_token"}]
    assert told["warnings"][0].keys() == {"level", "code", "message", "file", "line", "column", "hint", "field"}
    assert {"path": ["company", "plan"], "layer": "call", "end": "custom", "to": ["company_plan"], "reason": None} in (
        told["accounts"]
    )
    filled = next(filling for filling in told["fillings"] if filling["field"] == "address_state")
    assert (filled["before"], filled["value"], filled["source"]) == ("Massachusetts", "MA", "traits.address.state")


def test_json_and_page_end_alike(small: Path) -> None:
    """The exit code does not depend on the form."""
    wrong = event(call(email="nobody"))
    assert run("preview", wrong, "-m", small).code == run("preview", wrong, "-m", small, "--format", "json").code == 1


def test_stdin_and_lines(small: Path) -> None:
    """An event comes from stdin, from a pretty-printed file, or from one line of many."""
    pretty = Path("pretty.json")
    pretty.write_text(json.dumps(call(email="a@b.c"), indent=2), "utf-8")
    many = Path("many.ndjson")
    many.write_text("\n".join(json.dumps(call(email=f"{n}@b.c")) for n in (1, 2, 3)), "utf-8")
    assert '"email": "a@b.c"' in run("preview", pretty, "-m", small).out
    assert '"email": "s@b.c"' in run("preview", "-", "-m", small, stdin=json.dumps(call(email="s@b.c"))).out
    assert '"email": "1@b.c"' in run("preview", many, "-m", small).out
    assert '"email": "3@b.c"' in run("preview", many, "-m", small, "--line", "3").out
    missing = run("preview", many, "-m", small, "--line", "4")
    assert (missing.code, missing.err) == (2, f"error: {many} has 3 lines; there is no line 4\n")


def test_what_is_no_json_is_invalid(small: Path) -> None:
    """A text that is no JSON is an invalid event, not a crash."""
    ended = run("preview", "-", "-m", small, stdin="{nobody")
    assert ended.code == 1
    assert "error not_an_event" in ended.out


def test_identity_fills_what_the_call_does_not_say() -> None:
    """The earlier calls of the event's user are laid under it; how much that is stands on stderr."""
    ended = run("preview", EXAMPLES / "bare-minimum.json", "-m", "inkit", "--identity", EXAMPLES / "people.ndjson")
    assert ended.code == 0
    assert "(identity)" in ended.out
    assert "4 traits are known of this person" in ended.err


def test_one_trait_is_known(small: Path) -> None:
    """A single one is spoken of as one, and none as nothing."""
    Path("one.json").write_text('{"mail": "a@b.c"}', "utf-8")
    Path("none.json").write_text("{}", "utf-8")
    Path("call.json").write_text(json.dumps(call(email="a@b.c")), "utf-8")
    for file, said in (("one.json", "1 trait is known"), ("none.json", "nothing is known")):
        assert f"{file}: {said} of this person" in run("preview", "call.json", "-m", small, "--identity", file).err


def test_settings_are_given_by_name(small: Path) -> None:
    """A setting that is no secret may stand on the command line; an unknown one may not."""
    file = event(call(email="a@b.c"))
    assert '"tier": "gold"' in run("preview", file, "-m", small, "--setting", "tier=gold").out
    unknown = run("preview", file, "-m", small, "--setting", "teir=gold")
    assert unknown.code == 2
    assert "unknown_setting" in unknown.err
    assert run("preview", file, "-m", small, "--setting", "tier").code == 2


def test_a_secret_on_the_command_line_is_refused(small: Path) -> None:
    """Whoever can list this machine's processes could read it: exit 2, and the value is not repeated."""
    ended = run("preview", event(call(email="a@b.c")), "-m", small, "--setting", "key=sk_live_1")
    assert ended.code == 2
    assert "EXAMPLE_KEY" in ended.err
    assert "sk_live_1" not in ended.out + ended.err


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_secret_never_shows(form: str, small: Path) -> None:
    """A preview needs no secret, and shows none that is there."""
    file = event(call(email="a@b.c"))
    ended = run("preview", file, "-m", small, "--format", form, env={"EXAMPLE_KEY": "sk_live_1"})
    assert ended.code == 0
    assert "sk_live_1" not in ended.out + ended.err


def test_nothing_in_an_event_moves_the_cursor(small: Path) -> None:
    """Escape sequences, line breaks and marks that turn text around are spelled out, in values and in names."""
    odd = "\x1b[31mred\r\n\u202egpj"
    out = run("preview", event(call(**{"email": f"a@{odd}", odd: odd, "b": [odd]})), "-m", small).out
    assert "\x1b" not in out
    assert "\r" not in out
    assert "\u202e" not in out
    assert "a@\\u001b[31mred\\r\\n\\u202egpj" in out


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_the_tables_fit(columns: int) -> None:
    """Whatever the width, the tables keep inside it: wide characters count twice. The request itself is not cut."""
    traits = {"template_id": "T" * 90, "last_name": "山田" * 30, "note": "é" * 200, "x" * 70: 1, "phone": ""}
    out = run("preview", event(call(**traits)), "-m", "inkit", env={"COLUMNS": str(columns)}).out
    tables = out.partition("the request")[0]
    assert max(cell_len(line) for line in tables.splitlines()) <= columns


def test_an_ascii_terminal_gets_ascii(small: Path) -> None:
    """Where the output cannot say é, nothing breaks: signs are ASCII and other characters are spelled out."""
    file = event(call(email="josé@b.c", mail="山@b.c"))
    for form in ("table", "json"):
        ended = program("preview", file, "-m", small, "--format", form, env={"PYTHONIOENCODING": "ascii"})
        assert ended.returncode == 0
        assert b"ok email" in ended.stdout or form == "json"
    assert "josé@b.c".encode() in ended.stdout  # JSON is UTF-8 everywhere


def test_piped_output_has_no_colour(small: Path) -> None:
    """Colour is for terminals; FORCE_COLOR asks for it, NO_COLOR forbids it."""
    file = event(call(email="a@b.c"))
    assert b"\x1b" not in program("preview", file, "-m", small).stdout
    assert b"\x1b[" in program("preview", file, "-m", small, env={"FORCE_COLOR": "1", "TERM": "xterm"}).stdout


def test_the_default_mapping_comes_from_the_environment(small: Path) -> None:
    """Without -m it is $MAPPER_MAPPING, and without that the shipped default."""
    file = event(call(email="a@b.c"))
    assert "example.com" in run("preview", file, env={"MAPPER_MAPPING": str(small)}).out
    assert f"mapped to {pipeline.load(pipeline.default_name(), {}).destination}" in run("preview", file).out


def test_a_mapping_that_does_not_compile() -> None:
    """Exit 3, with the mistake, its line and a caret; nothing on stdout."""
    broken = Path("broken.yaml")
    broken.write_text(SMALL.replace("traits.mail", "trait.mail"), "utf-8")
    ended = run("preview", event(call(email="a@b.c")), "-m", broken)
    assert (ended.code, ended.out) == (3, "")
    assert "broken.yaml:7:32: error unknown_name" in ended.err
    assert "^^^^^" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.json"], "cannot read missing.json: no such file or directory"),
        ([EXAMPLES / "full.json", "-m", "nowhere"], "there is no shipped mapping 'nowhere'"),
        ([EXAMPLES / "full.json", "-m", "nowhere.yaml"], "cannot read the mapping nowhere.yaml"),
        ([EXAMPLES / "full.json", "--identity", "missing.json"], "cannot read missing.json"),
        ([EXAMPLES / "full.json", "--format", "xml"], "xml"),
        ([], "EVENT"),
    ],
)
def test_what_cannot_be_used_is_said(arguments: list[Any], said: str) -> None:
    """Exit 2, one sentence on stderr, nothing on stdout."""
    ended = run("preview", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_a_preview_loads_only_what_it_needs() -> None:
    """No HTTP client ever; no table drawer where no table is drawn."""
    watch = "import sys; from mapper.apps.cli import run; run(); print(*sys.modules, file=sys.stderr)"
    for form, heavy in (("json", ("httpx", "rich")), ("table", ("httpx",))):
        arguments = ["preview", str(EXAMPLES / "full.json"), "-m", "inkit", "--format", form]
        ended = subprocess.run(
            [sys.executable, "-c", watch, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert set(heavy) & set(ended.stderr.split()) == set(), form
        assert "mapper.apps.cli.preview" in ended.stderr


def test_an_empty_name_is_no_mapping() -> None:
    """``-m "$UNSET"`` must not mean the default one: another mapping is another destination."""
    ended = run("preview", event(call(name="Ada")), "-m", "")
    assert ended.code == 2
    assert "no shipped mapping" in ended.err
