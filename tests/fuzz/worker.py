"""Runs inputs in processes of their own, each within a limit of memory and of time, and says what came of them."""

import json
import os
import random
import resource
import shutil
import signal
import sys
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bnn.errors import UserError
from tests.fuzz.format import Format

REFUSED, SAME, CHANGED = "refused", "same", "changed"
INPUTS_A_PROCESS = 500


@dataclass
class Tally:
    """What came of a format's inputs: counts by outcome, the failures in words, and the most memory in MiB."""

    counts: Counter = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    peak_mib: float = 0.0


def run_format(fmt: Format, count: int, seed: int, folder: Path, *, seconds: float, gigabytes: float) -> Tally:
    """``count`` inputs of a format.

    Args:
        fmt: the format.
        count: of inputs; number i is the same whatever the others are.
        seed: of all of them.
        folder: for files.
        seconds: that one input may take.
        gigabytes: that a process may have.
    """
    tally, start = Tally(), 0
    while start < count:
        start = _in_process(
            fmt, range(start, min(count, start + INPUTS_A_PROCESS)), seed, folder, seconds, gigabytes, tally
        )
    return tally


def _in_process(fmt, numbers, seed, folder, seconds, gigabytes, tally) -> int:
    """Inputs in a process; the number to go on with."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = 1
        try:
            with os.fdopen(writing, "w") as messages:
                _work(fmt, numbers, seed, folder, seconds, gigabytes, messages)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    done = numbers.start
    with os.fdopen(reading) as messages:
        for line in messages:
            outcome, words, peak = json.loads(line)
            tally.peak_mib = max(tally.peak_mib, peak)
            tally.counts[outcome] += 1
            if outcome not in {REFUSED, SAME, CHANGED}:
                tally.failures.append(f"{fmt.name} {done}: {outcome}: {words}")
            done += 1
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 1:
        raise RuntimeError(f"{fmt.name}: the fuzzer itself failed at input {done}; its traceback stands above")
    if done < numbers.stop:
        killer = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"status {status}"
        outcome = "hang" if killer == "SIGALRM" else "died"
        tally.counts[outcome] += 1
        tally.failures.append(f"{fmt.name} {done}: {outcome}: the process ended with {killer}")
        done += 1
    return done


def _work(fmt, numbers, seed, folder, seconds, gigabytes, messages) -> None:
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process, wherever it hangs
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = used + int(gigabytes * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    whole = fmt.whole()
    fmt.prepare(folder)
    for name, data in whole.items():
        _write(folder / name, data)
    answers = {}
    for name in whole:
        try:
            answers[name] = fmt.read(folder / name, name)
        except UserError as error:
            if "bomb" not in name:
                raise AssertionError(f"the whole {name} is refused") from error
    for number in numbers:
        rng = random.Random(f"{seed} {fmt.name} {number}")
        name = rng.choices(list(whole), [0.05 if "bomb" in one else 1 for one in whole])[0]
        file = folder / name
        damaged = whole[name] if "bomb" in name and rng.random() < 0.2 else fmt.damage(rng, name, whole[name])
        _write(file, damaged)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        outcome, words = examine(fmt, file, name, answers.get(name))
        signal.setitimer(signal.ITIMER_REAL, 0)
        _write(file, whole[name])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        messages.write(json.dumps([outcome, words, peak]) + "\n")
        messages.flush()


def _write(file: Path, data: bytes) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)


def examine(fmt: Format, file: Path, name: str, original) -> tuple[str, str]:
    """What comes of one file: an outcome, and words where it is a failure."""
    try:
        ours = fmt.read(file, name)
    except UserError as error:
        return (REFUSED, "") if _is_one_line(str(error)) else ("several lines", repr(str(error)))
    except OSError as error:
        clean = error.strerror is not None and error.filename is not None
        return (REFUSED, "") if clean else ("traceback", _last(error))
    except BaseException as error:
        return "traceback", _last(error)
    if original is not None and fmt.equal(ours, original):
        return SAME, ""
    try:
        theirs = fmt.truth(file, name, ours)
        if theirs is not None and fmt.equal(ours, theirs):
            return CHANGED, ""
        words = "another answer than the whole file's" + ("" if theirs is None else " and than another reader's")
    except Exception as error:
        words = f"another answer than the whole file's, and another reader refuses: {_last(error)}"
    return "silent", words


def _is_one_line(message: str) -> bool:
    return "\n" not in message and len(message) > 10


def _last(error: BaseException) -> str:
    places = traceback.extract_tb(sys.exc_info()[2] or error.__traceback__)
    place = f"{places[-1].filename.rsplit('/', 3)[-2:]}:{places[-1].lineno}" if places else ""
    return f"{type(error).__name__}: {' '.join(str(error)[:200].split())} at {place}"
