"""The pages, one file each, run by `streamlit_app.py`.

Streamlit's older way with a folder `pages/` runs a page without its entry file if that page is the first
thing opened after the server started (streamlit pull request 10276). Whoever follows a link to `/train?run=…`
then would not see our navigation, so the first import of this package switches the older way off and starts
over.
"""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

if PagesManager.uses_pages_directory:
    PagesManager.uses_pages_directory = False
    st.rerun()
