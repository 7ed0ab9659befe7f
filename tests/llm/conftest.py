"""What several tests of language models need."""

import pytest


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a small model of random weights, and a tokenizer that has one token for each word of the tasks."""
    from tests.llm.test_teaching import small_model, tokenizer  # which skips where a package is missing

    folder, spelled = tmp_path_factory.mktemp("base") / "tiny", tokenizer()
    small_model(len(spelled)).save_pretrained(folder)
    spelled.save_pretrained(folder)
    return str(folder)
