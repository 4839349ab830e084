"""Python's pools of one process, measured on request.

Reads lines `POOL TASK COUNT` and answers each with the nanoseconds that one task took, or `missing` where there is no such pool.
POOL is ppe (concurrent.futures) or loky (joblib's), with _chunks behind it for a hundred items at once; TASK is empty or 1_KiB.
The tasks are functions of C that both sides find by name, so that nothing but the pool takes time.
"""
import concurrent.futures
import operator
import sys
import time
import zlib

TASKS = {"empty": (operator.neg, range), "1_KiB": (zlib.adler32, lambda count: [b"x" * 1024] * count)}
CHUNK = 100


def start(pool):
    """A pool with one worker; ImportError where it is not installed."""
    if pool == "ppe":
        return concurrent.futures.ProcessPoolExecutor(1)
    from joblib.externals.loky import ProcessPoolExecutor
    return ProcessPoolExecutor(1)


def nanoseconds_a_task(executor, task, count, chunk):
    function, items = TASKS[task]
    items = items(count)
    expected = list(map(function, items))
    start = time.perf_counter()
    got = list(executor.map(function, items, chunksize=chunk))
    took = time.perf_counter() - start
    assert got == expected
    return 1e9 * took / count


def main():
    pools = {}
    for line in iter(sys.stdin.readline, ""):
        name, task, count = line.split()
        pool = name.removesuffix("_chunks")
        try:
            if pool not in pools:
                pools[pool] = start(pool)
            print(nanoseconds_a_task(pools[pool], task, int(count), 1 if pool == name else CHUNK), flush=True)
        except ImportError:
            print("missing", flush=True)
    for pool in pools.values():
        pool.shutdown()


if __name__ == "__main__":
    main()
