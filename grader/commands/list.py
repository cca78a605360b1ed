"""`grader list`: topics in learning order, each exercise with its state."""

import json
import sys

from grader import listing
from grader import workspace as workspaces
from grader.console import PASS, Parser, WrongCall, has_color, width


def run(arguments: list[str]) -> int:
    """Print the list, or JSON of it."""
    parser = Parser("grader list", description="The exercises in learning order, and what you have done of them.")
    parser.add_argument("--topic", metavar="TOPIC", help="the exercises of one topic")
    parser.add_argument("--todo", action="store_true", help="only what is not done")
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args(arguments)
    everything = listing.items(workspaces.here())
    topics = list(dict.fromkeys(item.topic for item in everything))
    if options.topic and options.topic not in topics:
        raise WrongCall(f"no topic is called {options.topic!r}; there are: {', '.join(topics)}")
    chosen = [
        item
        for item in everything
        if (not options.topic or item.topic == options.topic) and not (options.todo and item.state == "done")
    ]
    if options.json:
        print(json.dumps([item.as_data() for item in chosen], indent=2, ensure_ascii=False))
        return PASS
    from grader.reports.listing import listing as text

    sys.stdout.write(text(chosen, everything, width(sys.stdout), has_color(sys.stdout)))
    return PASS
