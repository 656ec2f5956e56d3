"""The workers behind the service: whose turn it is, and what happens to work that nobody waits for."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from mien.app.server.work.homes import Here
from mien.app.server.work.pool import Worker


def _run(scene):
    """Result of a coroutine, in a thread of its own: the browser of the page's tests keeps a loop in the main one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, scene).result()


def _add(done, name, _analyzer):
    done.append(name)


def test_pictures_and_live_frames_take_turns():
    """While both wait, they alternate; within a lane the order stays."""
    done = []
    gate = threading.Event()

    async def scene():
        worker = Worker(Here(object), 0)
        await worker.load()
        jobs = [worker.run(lambda _: gate.wait())]
        names = [("p1", "picture"), ("p2", "picture"), ("p3", "picture"), ("l1", "live"), ("l2", "live")]
        jobs += [worker.run(partial(_add, done, name), lane) for name, lane in names]
        tasks = [asyncio.create_task(job) for job in jobs]
        await asyncio.sleep(0.05)
        assert worker.waiting == 6
        gate.set()
        await asyncio.gather(*tasks)
        assert worker.waiting == 0
        worker.close()

    _run(scene())

    assert done == ["l1", "p1", "l2", "p2", "p3"]


def test_work_that_nobody_waits_for_is_dropped():
    """A client that went away costs nothing more; an error comes back to who asked."""
    done = []
    gate = threading.Event()

    async def scene():
        worker = Worker(Here(object), 0)
        await worker.load()
        first = asyncio.create_task(worker.run(lambda _: gate.wait()))
        gone = asyncio.create_task(worker.run(lambda _: done.append("gone")))
        bad = asyncio.create_task(worker.run(lambda _: 1 / 0))
        await asyncio.sleep(0.05)
        gone.cancel()
        await asyncio.sleep(0.01)
        gate.set()
        results = await asyncio.gather(first, gone, bad, return_exceptions=True)
        worker.close()
        return results

    results = _run(scene())

    assert done == []
    assert isinstance(results[1], asyncio.CancelledError)
    assert isinstance(results[2], ZeroDivisionError)
