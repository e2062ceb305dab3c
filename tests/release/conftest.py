"""A world to release in, made once and copied."""

import shutil

import pytest

from tests.release.world import World, begin


@pytest.fixture(scope="session")
def first_day(tmp_path_factory):
    folder = tmp_path_factory.mktemp("release") / "world"
    folder.mkdir()
    begin(folder)
    return folder


@pytest.fixture
def world(first_day, tmp_path):
    shutil.copytree(first_day, tmp_path / "world")
    return World(tmp_path / "world")
