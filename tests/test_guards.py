"""The guards of the test-suite itself."""

import socket

import pytest


def test_no_test_can_reach_out() -> None:
    with socket.socket() as outside, pytest.raises(AssertionError, match="reached out"):
        outside.connect(("192.0.2.1", 80))
