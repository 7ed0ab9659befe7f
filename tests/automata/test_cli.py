"""The command: results on standard output, messages on standard error, exit codes 0, 1 and 2, never a traceback."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from neurallambda.automata import CellularAutomaton, library, save
from neurallambda.cli.automata import app
from tests.automata.predicates import PREDICATES

COMMAND = [sys.executable, "-m", "neurallambda.cli.automata"]


def call(*arguments: str, stdin: str = "") -> Result:
    result = CliRunner().invoke(app, [*arguments], input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_check() -> None:
    yes, no = call("check", "anbn", "aabb"), call("check", "anbn", "aab")
    assert (yes.exit_code, yes.stdout, yes.stderr) == (0, "accepted\n", "")
    assert (no.exit_code, no.stdout, no.stderr) == (1, "rejected\n", "")
    assert call("check", "anbn", "").stdout == "rejected\n"


def test_check_says_when_a_string_has_several_runs() -> None:
    rules = [
        [["a", state, "ANY"], [to, "nullop"]] for state, to in (("INITIAL", "INITIAL"), ("INITIAL", "P"), ("P", "P"))
    ]
    text = json.dumps({"machine": "pda", "symbols": ["a"], "rules": rules, "acceptance": {"states": ["P"]}})
    result = call("check", "-", "aaa", stdin=text)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "accepted\n", "ambiguous: 3 runs accept it\n")


def test_trace_writes_the_record_of_a_run(tmp_path: Path) -> None:
    page, record = tmp_path / "run.html", tmp_path / "run.json"
    assert call("trace", "anbn", "aab", "-o", str(record)).exit_code == 1
    assert json.loads(record.read_text())["end"]["outcome"] == {"verdict": "rejected"}
    assert call("trace", "binary_multiplication", "011", "11", "-o", str(page)).exit_code == 0
    assert page.read_text().startswith("<!doctype html>")
    refused = call("trace", "anbn", "ab", "-o", str(tmp_path / "run.svg"))
    assert (refused.exit_code, "does not tell the format" in refused.stderr) == (2, True)
    assert call("trace", "anbn", "ab", "--all", "-o", str(record)).exit_code == 2


def test_trace_is_a_table() -> None:
    result = call("trace", "anbn", "ab")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "step  read  rule            state    stack",
        "0                           INITIAL",
        "1     ^     ^ ∅             A",
        "2     a     a ANY / push a  A        a",
        "3     b     b a / pop       B",
        "4     $     $ ∅             ACCEPT",
        "accepted",
    ]
    assert call("trace", "anbn", "ba").exit_code == 1
    assert call("trace", "palindromes", "aba", "--all").stdout.count("accepted") == 1


def test_list_and_count() -> None:
    listed = call("list").stdout
    assert all(name in listed for name in library.names())
    assert call("count", "dyck1", "--lengths", "0-4").stdout.splitlines()[1:] == [
        "0       1        1     no",
        "1       0        0     no",
        "2       1        1     no",
        "3       0        0     no",
        "4       2        2     no",
    ]


def test_show(tmp_path: Path) -> None:
    text = call("show", "anbn").stdout
    assert "(A) --[ a ANY / push a ]--> (A)" in text
    assert "((ACCEPT))" in text
    for name in library.names():
        svg, dot = tmp_path / f"{name}.svg", tmp_path / f"{name}.dot"
        assert call("show", name, "-o", str(svg)).exit_code == 0
        assert call("show", name, "-o", str(dot)).exit_code == 0
        assert ElementTree.fromstring(svg.read_text()).tag.endswith("svg")
        assert dot.read_text().startswith("digraph")
    wrong = call("show", "anbn", "-o", str(tmp_path / "x.png"))
    assert (wrong.exit_code, wrong.stdout) == (2, "")


def test_generate_lines_of_json(tmp_path: Path) -> None:
    arguments = ("generate", "dyck2", "-n", "100", "--lengths", "1-12", "--negatives", "0.5", "--seed", "3")
    rows = [json.loads(line) for line in call(*arguments).stdout.splitlines()]
    assert len(rows) == 100
    assert sum(row["label"] for row in rows) == 50
    assert all(
        row["label"] == PREDICATES["dyck2"](row["string"]) and len(row["string"]) == row["length"] for row in rows
    )
    output = tmp_path / "data.jsonl"
    silent = call(*arguments, "-o", str(output))
    assert (silent.exit_code, silent.output) == (0, "")
    assert [json.loads(line) for line in output.read_text().splitlines()] == rows


def test_generate_with_traces() -> None:
    lines = call(
        "generate", "anbn", "-n", "30", "--negatives", "0.5", "--traces", "--lengths", "1-8"
    ).stdout.splitlines()
    for row in map(json.loads, lines):
        assert len(row["states"]) == len(row["memories"]) == len(row["symbols"]) + 1 == row["length"] + 3
        assert (row["states"][-1] == "ACCEPT") == bool(row["label"])


def test_generate_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    output = tmp_path / "data.parquet"
    assert call("generate", "parity", "-n", "20", "-o", str(output)).exit_code == 0
    table = parquet.read_table(output)
    assert table.column_names == ["string", "label", "length", "kind"]
    assert table.num_rows == 20
    assert call("generate", "parity", "--format", "parquet").exit_code == 2


def test_the_old_tools_flags_and_form(tmp_path: Path) -> None:
    rules, output = tmp_path / "rules.json", tmp_path / "out.json"
    save(library.load("anbn"), rules)
    data = {**json.loads(rules.read_text()), "kept": [1]}
    rules.write_text(json.dumps(data))
    result = call(
        "generate", "--format", "sentences", "-i", str(rules), "-o", str(output), "-n", "5", "-l", "20", "-d", "20"
    )
    assert (result.exit_code, result.output) == (0, "")
    found = json.loads(output.read_text())
    assert list(found) == ["sentences", "spec"]
    assert found["spec"] == data
    assert len(found["sentences"]) == 5
    assert found["sentences"] == sorted(set(found["sentences"]))
    assert all(
        s[0] == "^" and s[-1] == "$" and len(s) <= 20 and PREDICATES["anbn"](s[1:-1]) for s in found["sentences"]
    )
    more = call("generate", "--format", "sentences", "-i", str(rules), "-n", "50", "-l", "20")
    assert more.exit_code == 0
    assert len(json.loads(more.stdout)["sentences"]) == 9
    assert more.stderr == "50 sentences of at most 20 symbols were asked for; 9 exist\n"
    queue = call("generate", "anbncn", "--format", "sentences", "-n", "3", "-l", "40", "-d", "3")
    assert all(PREDICATES["anbncn"](s[1:-1]) for s in json.loads(queue.stdout)["sentences"])
    none = call("generate", "anbncn", "--format", "sentences", "-n", "3", "-l", "40", "-d", "1")
    assert (none.exit_code, json.loads(none.stdout)["sentences"]) == (1, [])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("check", "nothing", "a"), 2, "error: there is no file 'nothing', and no machine of that name"),
        (("check", "/", "a"), 2, "error: /: Is a directory"),
        (("generate",), 2, "error: give the rules once"),
        (("generate", "anbn", "--lengths", "9-2"), 2, "error: '9-2' is no range"),
        (("generate", "anbn", "--format", "csv"), 2, "error: unknown format 'csv'"),
        (("generate", "anbn", "--lengths", "3"), 1, "error: no string of length 3 is accepted"),
        (
            ("generate", "anbn", "-n", "30", "--distinct"),
            1,
            "error: 30 distinct accepted strings were asked for, but only 10",
        ),
        (("generate", "anbn", "-o", "/nowhere/x.jsonl"), 2, "error: /nowhere/x.jsonl: No such file or directory"),
    ],
)
def test_faults_are_messages(arguments: tuple[str, ...], code: int, message: str) -> None:
    result = call(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith(message)
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"machine": "pda"}', "[" * 100_000, '{"machine": "x", "symbols": [], "rules": []}']
)
def test_bad_rule_files_are_messages(text: str) -> None:
    result = call("check", "-", "a", stdin=text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


def test_it_runs_by_itself_and_stands_a_closed_pipe() -> None:
    shell = f"{' '.join(COMMAND)} generate parity -n 50000 | head -n 1"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["kind"] == "member"
    assert done.stderr == ""
    wrong = subprocess.run([*COMMAND, "check", "anbn", "ba"], capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stdout, wrong.stderr) == (1, "rejected\n", "")
    usage = subprocess.run([*COMMAND, "check", "anbn"], capture_output=True, text=True, check=False)
    assert usage.returncode == 2
    assert usage.stdout == ""


def test_the_first_tools_spelling_writes_its_form(tmp_path: Path) -> None:
    rules, output = tmp_path / "rules.json", tmp_path / "x.json"
    save(library.load("anbn"), rules)
    long = ("--number", "5", "--max_length", "20", "--max_deepening", "20")
    for start in (("generate",), ()):
        for options in (("-n", "5"), long):
            result = call(*start, "-i", str(rules), "-o", str(output), *options)
            assert (result.exit_code, result.output) == (0, "")
            found = json.loads(output.read_text())
            assert list(found) == ["sentences", "spec"]
            assert len(found["sentences"]) == 5
    refused = call("generate", "anbn", "-o", str(output), "--negatives", "0.5")
    assert refused.exit_code == 2
    assert "--format jsonl" in refused.stderr


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    save(library.load("anbn"), rules)
    text = rules.read_text()
    rules.write_text(text, encoding="utf-8-sig")
    assert call("check", str(rules), "aabb").stdout == "accepted\n"
    assert call("check", "-", "aabb", stdin="\ufeff" + text).stdout == "accepted\n"


def test_poor_data_is_a_message() -> None:
    result = call("generate", "anbn", "-n", "200", "-l", "8")
    assert result.exit_code == 0
    assert result.stderr.startswith(
        "warning: 200 strings that are accepted were drawn, but only 4 of them are distinct"
    )
    apart = call("generate", "dyck1", "-n", "100", "--negatives", "1", "--lengths", "2", "--negative-lengths", "3")
    assert {json.loads(line)["length"] for line in apart.stdout.splitlines()} <= {3}
    nothing = '{"machine": "fsm", "symbols": ["a"], "rules": [[["a", "INITIAL"], ["P"]]]}'
    alone = call("generate", "-", "-n", "9", "--negatives", "1", stdin=nothing)
    assert (alone.exit_code, alone.stderr, len(alone.stdout.splitlines())) == (0, "", 9)


def test_symbols_that_run_into_one_another_ask_for_a_separator() -> None:
    for symbols in (["x", "xx"], ["0", "1", "10"]):
        data = {"machine": "fsm", "symbols": symbols, "rules": [[[symbols[0], "INITIAL"], ["ACCEPT"]]]}
        result = call("generate", "-", stdin=json.dumps(data))
        assert result.exit_code == 2
        assert "give the machine a separator" in result.stderr
        assert call("generate", "-", "-n", "3", stdin=json.dumps({**data, "separator": " "})).exit_code == 0


def test_what_machines_write() -> None:
    assert call("compute", "binary_multiplication", "011", "11").stdout == "01001\n"
    assert call("compute", "binary_multiplication", "011", "11", "--steps", "2").stdout == "01\n"
    assert call("compute", "binary_increment", "1011").stdout == "1100\n"
    assert call("compute", "binary_addition", "10+11", "--tape", "2").stdout == "101\n"
    assert call("compute", "remainder_3", "101").stdout == "0122\n"
    for wrong in (
        ("compute", "anbn", "ab"),
        ("compute", "binary_increment", "1", "1"),
        ("compute", "parity", "1"),
        ("compute", "rule_110", "1"),
        ("compute", "binary_multiplication", "2"),
        ("check", "rule_110", "1"),
        ("count", "rule_110"),
        ("generate", "rule_110"),
        ("trace", "anbn", "ab", "ab"),
        ("trace", "rule_110", "1", "--all"),
    ):
        result = call(*wrong)
        assert (result.exit_code, result.stdout) == (2, ""), wrong
        assert result.stderr.startswith("error: ")


def test_cellular_automata_are_listed_shown_and_traced(tmp_path: Path) -> None:
    listed = call("list").stdout
    assert all(name in listed for name in library.names(CellularAutomaton))
    shown = call("show", "binary_multiplication").stdout
    assert "neighbours   right" in shown
    assert "1 in SUM seeing ANY" in shown
    drawing = tmp_path / "rule.svg"
    assert call("show", "rule_110", "-o", str(drawing)).exit_code == 0
    assert ElementTree.fromstring(drawing.read_text()).tag.endswith("svg")
    rows = call("trace", "rule_110", "001", "--steps", "2").stdout.splitlines()
    assert rows[-1].split() == ["2", "_", "0", "1", "1"]
    file = tmp_path / "rules.json"
    save(library.load("binary_multiplication", CellularAutomaton), file)
    assert call("compute", str(file), "11", "11").stdout == "1001\n"
    assert call("compute", "-", "11", "11", stdin=file.read_text()).stdout == "1001\n"
