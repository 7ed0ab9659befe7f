"""Programs that draw or observe are refused by name, at their place."""

import pytest

import neurallambda as nl
from neurallambda.beta import NeuralBeta


@pytest.mark.parametrize("source", ["(+ 1 (sample ?a))", "(if\n(flip 1 2) 1 2)", "(observe true) 1"])
def test_forms_that_only_worlds_has(source: str) -> None:
    with pytest.raises(nl.SourceError, match=r"the superposed machine takes no .*neurallambda\.Worlds") as refused:
        nl.run(source, holes={"a": 1})
    assert refused.value.line >= 1
    with pytest.raises(nl.SourceError, match="NeuralBeta takes no"):
        nl.run(source, holes={"a": 1}, engine="beta")
    with pytest.raises(nl.SourceError, match="NeuralBeta takes no"):
        NeuralBeta(cells=20, integers=range(-4, 4)).normalize(source)


def test_a_name_that_a_program_gives_itself_is_its_own() -> None:
    assert nl.run("(let [flip +] (flip 3 10))") == "13"
