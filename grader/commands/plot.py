"""`grader plot NAME`: a picture made with the learner's code, beside the reference's."""

from pathlib import Path

from grader import launch
from grader import workspace as workspaces
from grader.console import FAIL, PASS, Parser, WrongCall, say, shown
from grader.exercise import find
from grader.submission import read


def run(arguments: list[str]) -> int:
    """Write the picture, the event files, or both, and say where they are."""
    parser = Parser("grader plot", description="A picture made with your code, beside the reference's.")
    parser.add_argument("name", metavar="NAME", help="the exercise")
    parser.add_argument("path", metavar="PATH", nargs="?", help="another submission than your own file")
    parser.add_argument(
        "--out", metavar="FILE", help="a .png, .svg or .pdf file (NAME.png, unless --tensorboard is given)"
    )
    parser.add_argument("--tensorboard", metavar="DIR", help="write the curves as event files into this folder")
    options = parser.parse_args(arguments)
    exercise = find(options.name)
    submission = read(options.path or shown(workspaces.here().file(exercise)), exercise.entry_points)
    launch.source(confined=True, banned=exercise.banned)
    from grader.harmless import harmless
    from grader.limits import Lost
    from grader.plot import NoPicture, draw, picture_of, write_events
    from grader.show import raised_text
    from grader.side import Raised

    out = options.out or (None if options.tensorboard else f"{exercise.name}.png")
    try:
        picture = picture_of(exercise, submission)
        if out:
            draw(picture, Path(out))
            print(out)
        if options.tensorboard:
            print(*write_events(picture, Path(options.tensorboard)), sep="\n")
    except NoPicture as error:
        raise WrongCall(str(error)) from None
    except OSError as error:
        raise WrongCall(f"the picture cannot be written: {error.filename or out}: {error.strerror or error}") from None
    except (Raised, Lost) as error:
        told = harmless(raised_text(error, submission.place)) if isinstance(error, Raised) else error.message
        say(f"your code has to run before it can be drawn; `python -m grader {exercise.name}` tells more\n{told}")
        return FAIL
    return PASS
