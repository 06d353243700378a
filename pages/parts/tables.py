"""Tables as text, which a screen reader and a search find, unlike those that Streamlit draws on a canvas."""

import textwrap

import pandas as pd
import streamlit as st

# With this, the names of a table's rows stay in sight where it has to be moved sideways.
AS_WIDE_AS_THE_PAGE = 4_000  # pixels, or what there is


def show_table(table: pd.DataFrame, alt: str) -> None:
    """Draw a table whose cells are Markdown; `alt` says what is in it."""
    st.table(table, border="horizontal", width=AS_WIDE_AS_THE_PAGE, alt=alt)


def one_line(text: str) -> str:
    """Keep a text on one line, however narrow its column: on a phone the table is moved sideways."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def two_lines(name: str) -> str:
    """Write the long name of a row so that on a phone there is room beside it."""
    return "  \n".join(textwrap.wrap(name, 26))
