import pytest

# So that an assertion that fails there says what it compared, as in the modules of tests themselves.
pytest.register_assert_rewrite("tests.command_line", "tests.pages", "tests.pictures", "tests.runs")
