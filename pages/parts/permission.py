"""Who the visitor is, for what not everybody may do: Streamlit's own login and `cifar_core.access`."""

import streamlit as st

from cifar_core import access
from cifar_core.errors import AccessError


def check() -> None:
    """Raise AccessError unless the visitor may train, stop, resume, delete, download and export.

    To be called by whatever does it, not only by what draws the button: a browser can send a click on a
    button that it was never shown.
    """
    access.refuse_unless_operator(email(), here=here())


def granted() -> bool:
    """Whether the visitor may do all that `check` is about."""
    try:
        check()
    except AccessError:
        return False
    return True


def here() -> bool:
    """Whether the visitor sits at the machine that runs the app."""
    return access.opened_here(st.context.ip_address, dict(st.context.headers))


def email() -> str | None:
    """Return the address of who is logged in, if the provider of the login says that it is theirs."""
    verified = st.user.get("is_logged_in", False) and st.user.get("email_verified") is True
    return str(st.user.get("email")) if verified and st.user.get("email") else None


def explain() -> bool:
    """Say why the visitor may not, and offer a login where one is set up; return whether they may."""
    try:
        check()
    except AccessError as error:
        st.info(str(error), icon=":material/lock:")
        if (
            st.secrets.load_if_toml_exists()
            and "auth" in st.secrets
            and not st.user.get("is_logged_in", False)
        ):
            st.button("Log in", icon=":material/login:", on_click=st.login)
        return False
    if st.user.get("is_logged_in", False):
        st.button(f"Log out {email() or ''}", type="tertiary", icon=":material/logout:", on_click=st.logout)
    return True
