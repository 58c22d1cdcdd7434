"""Hunt for a wrong answer: fresh seeds of every kind of rows, in every way to search them, for so many minutes.

    python tests/adversary/hunt.py --minutes 60 --seed 1
    python tests/adversary/hunt.py --kind lattice --minutes 1
    python tests/adversary/hunt.py --case lattice/3/90/4/float32/tf32/7/tiny/search/plain

Each failure is a line: the case, which `--case` tries again, and what was wrong. The last line is a JSON object:
the cases tried of each kind, those that no judge could decide in good time, and the failures.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from adversary.attack import MODES, Case, case_of, wrong_in
from adversary.kinds import KINDS, LAYOUTS
from adversary.reference import TooManyNearTies
from adversary.subject import BLOCKS, PRECISIONS
from adversary.surroundings import SURROUNDINGS

_DTYPES = ("float32", "float32", "float32", "float64", "bfloat16", "float16")
LARGE = 0.02  # of the cases have thousands of rows
_LONG = 10  # seconds for a case, judged: worth a line


def cases(seed: int, kinds: Sequence[str] = tuple(KINDS), large: float = LARGE) -> Iterator[Case]:
    """Cases without end, the kinds in turn; the same from the same seed."""
    choose = random.Random(seed)
    while True:
        for kind in kinds:
            yield one_case(choose, kind, large)


def one_case(choose: random.Random, kind: str, large: float = LARGE) -> Case:
    """One case of a kind."""
    n = choose.choice([2, 3, 5, 20, 40, 64, 65, 80, 129, 257, 300, 400, choose.randint(2, 700)])
    d = choose.choice([1, 2, 3, 4, 7, 8, 16, 33, 48, 64, 100, choose.randint(1, 160)])
    mode = choose.choice(["search"] * 8 + [*MODES])
    if choose.random() < large:
        n, d = choose.choice([1025, 2048, 3000, 5000, 9000, 10_000]), choose.choice([2, 8, 48, 64, 96])
        mode = "search"
    return Case(
        kind=kind,
        seed=choose.randrange(10**6),
        n=n,
        d=d,
        dtype=choose.choice(_DTYPES) + choose.choice([""] * 30 + [f"-{layout}" for layout in LAYOUTS]),
        precision=choose.choice(PRECISIONS),
        batch=choose.choice([1, 7, 64, 256, 0] if n < 2000 else [64, 256, 1000, 0]),
        blocks=choose.choice(BLOCKS),
        mode=mode,
        around=choose.choice(["plain"] * 12 + [*SURROUNDINGS]),
    )


@dataclass
class Tally:
    """How many cases of each kind were `tried`, how many no judge could decide (`undecided`), and what failed."""

    tried: Counter[str] = field(default_factory=Counter)
    undecided: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def words(self) -> str:
        """The counts in words."""
        each = ", ".join(f"{kind} {count}" for kind, count in sorted(self.tried.items()))
        return f"{sum(self.tried.values())} cases tried, {len(self.failures)} failed ({each})"


def hunt(case: Case, tally: Tally) -> str:
    """Try a case, and count it; the line that says what was wrong, or that it took long, "" for nothing."""
    began = time.monotonic()
    try:
        wrong = wrong_in(case)
    except TooManyNearTies:
        tally.undecided[case.kind] += 1
        return ""
    tally.tried[case.kind] += 1
    if wrong:
        tally.failures.append(f"{case}: {wrong[0]}")
        return tally.failures[-1]
    took = time.monotonic() - began
    return f"{case}: right, after {took:.0f} s" if took > _LONG else ""


def main() -> int:
    """Hunt, print what was found, and say by the exit code whether anything was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long to go on")
    parser.add_argument("--seed", type=int, default=None, help="the first seed (another each time)")
    parser.add_argument("--kind", action="append", choices=[*KINDS], help="this kind alone; may be repeated")
    parser.add_argument("--precision", choices=PRECISIONS, help="screen in this one alone")
    parser.add_argument("--large", type=float, default=LARGE, help="the share of cases with thousands of rows")
    parser.add_argument("--plain", action="store_true", help="leave the caller's settings of torch alone")
    parser.add_argument("--case", help="try this one case, as a failure names it")
    asked = parser.parse_args()
    if asked.case:
        wrong = wrong_in(case_of(asked.case))
        print("\n".join(wrong) or "nothing is wrong")
        return bool(wrong)
    seed = random.randrange(10**6) if asked.seed is None else asked.seed
    end, tally = time.monotonic() + 60 * asked.minutes, Tally()
    for case in cases(seed, asked.kind or tuple(KINDS), asked.large):
        if time.monotonic() > end:
            break
        case = replace(case, around="plain") if asked.plain else case
        said = hunt(replace(case, precision=asked.precision or case.precision), tally)
        if said:
            print(said, flush=True)
    print(json.dumps({"seed": seed, "cases": sum(tally.tried.values()), **vars(tally)}))
    return bool(tally.failures)


if __name__ == "__main__":
    sys.exit(main())
