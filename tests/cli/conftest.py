"""The cloud that is none, as the tests of `deploy` have it."""

from tests.deploy.conftest import cloud, doubles, nowhere, saved_model

__all__ = ["cloud", "doubles", "nowhere", "saved_model"]
