"""What an embedder may do with a mapper and with a result, and what not: change, copy, pickle."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

import mapper
from mapper.pipeline import Mapper, Result

EVENT = {"type": "identify", "messageId": "m", "userId": "u", "traits": {"first_name": "Ada", "plan": "pro"}}
SECRET = "sk_live_CANARY"


@pytest.fixture(name="inkit")
def _inkit() -> Mapper:
    """The default mapping, with a secret in its settings."""
    return mapper.load("inkit", {"INKIT_API_KEY": SECRET})


@pytest.mark.parametrize("work", [pickle.dumps, lambda one: pickle.dumps([one]), lambda one: pickle.dumps(one, 2)])
def test_a_mapper_cannot_be_pickled(inkit: Mapper, work: Any) -> None:
    """It says what to do instead, and no secret."""
    with pytest.raises(TypeError, match=r"a Mapper cannot be pickled: .*load the mapping in each process") as caught:
        work(inkit)
    assert SECRET not in str(caught.value)


def test_a_process_pool_says_so_too(inkit: Mapper) -> None:
    """The usual way to meet it: the error is the one above, and not that of some part."""
    with ProcessPoolExecutor(1) as pool, pytest.raises(TypeError, match="a Mapper cannot be pickled"):
        pool.submit(inkit.transform, EVENT).result()


def test_a_copy_of_a_mapper_is_the_mapper(inkit: Mapper) -> None:
    """It does not change, so nobody needs another one."""
    assert copy.copy(inkit) is inkit
    assert copy.deepcopy({"mapper": inkit})["mapper"] is inkit


@pytest.mark.parametrize(
    "name", ["status", "because", "problems", "warnings", "fields", "accounts", "request", "other"]
)
def test_a_verdict_cannot_be_changed(inkit: Mapper, name: str) -> None:
    """Not at run time either: an invalid event is not made ready by a slip of the pen."""
    result = inkit.transform(EVENT)
    before = getattr(result, name, None)
    with pytest.raises(AttributeError):
        setattr(result, name, "ready")
    with pytest.raises(AttributeError):
        delattr(result, name)
    assert getattr(result, name, None) == before


@pytest.mark.parametrize("asked", [False, True])
def test_a_result_can_be_pickled_and_copied(inkit: Mapper, asked: bool) -> None:  # noqa: FBT001 - one of two cases
    """Whatever was asked of it before; it holds no secret."""
    result: Result = inkit.transform(EVENT)
    if asked:
        assert result.accounts
    pickled = pickle.dumps(result)
    assert SECRET.encode() not in pickled
    assert pickle.loads(pickled) == copy.deepcopy(result) == result  # noqa: S301 - our own
