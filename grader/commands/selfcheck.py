"""`grader selfcheck [NAME …]`: prove the house rules of exercises, and print the table."""

import argparse

from grader.console import FAIL, PASS, Parser
from grader.exercise import exercises, find


def run(arguments: list[str]) -> int:
    """Print a line for each exercise, with what it breaks below."""
    parser = Parser("grader selfcheck", description="Prove the house rules of exercises.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="exercises; all, if none is named")
    parser.add_argument("--seeds", type=_positive, default=1, metavar="N", help="grade with the seeds 0 to N - 1")
    parser.add_argument("--twice", action="store_true", help="grade everything two times, and compare")
    options = parser.parse_args(arguments)
    names = [find(name).name for name in options.names] or list(exercises())
    from grader.reports.table import heading, line
    from grader.selfcheck import selfcheck

    print(heading())
    findings = 0
    for row in selfcheck(names, options.seeds, options.twice):
        print(line(row), flush=True)
        for finding in row.findings:
            print(f"    {finding}", flush=True)
        findings += len(row.findings)
    return FAIL if findings else PASS


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1 is needed")
    return number
