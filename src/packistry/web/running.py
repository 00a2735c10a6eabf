"""Sync work out of the event loop: into one of the worker's threads."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


async def run(executor: Executor, function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
    """What the function returns, or raises."""
    return await asyncio.get_running_loop().run_in_executor(executor, partial(function, *arguments, **named))
