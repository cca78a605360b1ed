"""Known mistakes: the check that catches each, what to tell the learner, and the edit of the solution that makes it."""

from grader.authoring import Edit

RANGE = """    if not 0 < lr_min < lr_max:
        raise ValueError(f"lr_min must be greater than 0 and less than lr_max: {lr_min} and {lr_max}")
"""
STEPS = """    if num_steps < 2:
        raise ValueError(f"num_steps must be at least 2, not {num_steps}")
"""
RATE = "            lr = lr_min * (lr_max / lr_min) ** (i / (num_steps - 1))\n"
SET = """            for group in optimizer.param_groups:
                group["lr"] = lr
"""
LOSS = "            loss = loss_fn(model(x), y)\n"
RECORD = """            lrs.append(lr)
            losses.append(loss.item())
"""
ENDS = """            if not math.isfinite(losses[-1]):
                break
"""
ZERO = "            optimizer.zero_grad()\n"
UPDATE = """            loss.backward()
            optimizer.step()
"""
TRAIN = "        model.train()\n"
BATCHES = "zip(range(num_steps), _endless(loader))"
EMPTY = """        if is_empty:
            raise ValueError("the loader is empty")
"""
KEEP_WEIGHTS = "    weights = copy.deepcopy(model.state_dict())\n"
KEEP_STATE = "    state = copy.deepcopy(optimizer.state_dict())\n"
WEIGHTS = "        model.load_state_dict(weights)\n"
STATE = "        optimizer.load_state_dict(state)\n"
MODES = """        for module, mode in modes:
            module.training = mode
"""
TRY = """    try:
        yield
    finally:
"""
LENGTHS = "    if len(lrs) == 0 or len(lrs) != len(losses):"
DIVERGES = "        if not math.isfinite(loss) or loss > 4 * smallest:"
SMALLEST = "        smallest = min(smallest, loss)\n"
FOUND = "            return lr / 10"
NOWHERE = "    return lrs[-1] / 10"
# A pass over the rates and losses that ends at the first that diverges.
WALK = f"""    smallest = math.inf
    for lr, loss in zip(lrs, losses):
{SMALLEST}{DIVERGES}
{FOUND}
"""

MISCONCEPTIONS = {
    "losses as tensors": Edit(
        "result",
        "losses holds tensors. .item() makes a plain float of one, and lets go of its graph.",
        (RECORD, "            lrs.append(lr)\n            losses.append(loss.detach())\n"),
    ),
    "linear": Edit(
        "rates",
        "The rates grow exponentially: each is the one before times the same factor, not plus the same difference.",
        (RATE, "            lr = lr_min + (lr_max - lr_min) * i / (num_steps - 1)\n"),
    ),
    "divided by num_steps": Edit(
        "rates",
        "From first to last step there are num_steps - 1 intervals; dividing by num_steps never reaches lr_max.",
        (RATE, "            lr = lr_min * (lr_max / lr_min) ** (i / num_steps)\n"),
    ),
    "first group only": Edit(
        "rates",
        "Every parameter group trains at the step's rate; here all groups but the first keep their own.",
        (SET, '            optimizer.param_groups[0]["lr"] = lr\n'),
    ),
    "rate set after the update": Edit(
        "rates",
        "The rate is set after the update that should use it, so that each update uses the one before.",
        (SET, ""),
        (UPDATE, UPDATE + SET),
    ),
    "no update": Edit(
        "rates",
        "Without optimizer.step() nothing is trained, and the curve shows the batches' losses, not the rates' effect.",
        ("            optimizer.step()\n", ""),
    ),
    "ends when it gets worse": Edit(
        "defaults",
        "Only a loss that is not finite ends the test early; where the loss diverges is for suggest_lr to say.",
        (ENDS, ENDS.replace("if not math.isfinite(losses[-1])", "if not losses[-1] <= 4 * min(losses)")),
    ),
    "loss after the update": Edit(
        "losses",
        "losses[i] is the loss before the update that uses lrs[i]; here the model is asked again after it.",
        (UPDATE, UPDATE + "            losses[-1] = loss_fn(model(x), y).item()\n"),
    ),
    "smoothed": Edit(
        "losses",
        "losses[i] is the loss of mini-batch i as it came, neither averaged nor smoothed.",
        (RECORD, RECORD + "            losses[-1] = losses[-1] if i == 0 else 0.9 * losses[-2] + 0.1 * losses[-1]\n"),
    ),
    "target first": Edit(
        "losses",
        "loss_fn takes the model's output first and the target second.",
        (LOSS, "            loss = loss_fn(y, model(x))\n"),
    ),
    "never zeroed": Edit(
        "losses",
        "backward() adds to .grad. Without zero_grad() every update uses the gradients of all batches so far.",
        (ZERO, ""),
    ),
    "zeroed after the update": Edit(
        "losses",
        "Zeroing after the update leaves the first one with whatever was in .grad before the test.",
        (ZERO, ""),
        (UPDATE, UPDATE + ZERO),
    ),
    "zeroed by the model": Edit(
        "losses",
        "model.zero_grad() knows the model's parameters alone; optimizer.zero_grad() knows all that are updated.",
        (ZERO, "            model.zero_grad()\n"),
    ),
    "zeroed before the step": Edit(
        "losses",
        "Between backward() and step(), zero_grad() throws away the gradient that the update needs.",
        (ZERO, ""),
        (UPDATE, "            loss.backward()\n            optimizer.zero_grad()\n            optimizer.step()\n"),
    ),
    "needs a length": Edit(
        "losses",
        "A loader need not have a length, nor be indexed: all that is promised is that it can be gone through again.",
        (BATCHES, "((i, loader[i % len(loader)]) for i in range(num_steps))"),
    ),
    "first mini-batch only": Edit(
        "batches",
        "next(iter(loader)) starts the loader anew at every step and gives its first mini-batch each time.",
        (BATCHES, "((i, next(iter(loader))) for i in range(num_steps))"),
    ),
    "ends with the loader": Edit(
        "batches",
        "A loader may be shorter than num_steps: when it ends, it is started anew.",
        ("            yield batch\n", "            yield batch\n        if not is_empty:\n            return\n"),
    ),
    "replayed": Edit(
        "batches",
        "itertools.cycle and list() replay the first pass. Started anew, a loader that shuffles gives other batches.",
        ("        for batch in loader:\n", "        for batch in batches:\n"),
        ("    while True:\n", "    batches = list(loader)\n    while True:\n"),
    ),
    "goes on": Edit(
        "not_finite",
        "After a loss that is not finite the test ends; every later one would be meaningless.",
        (ENDS, ""),
    ),
    "not recorded": Edit(
        "not_finite",
        "The loss that is not finite is recorded with its learning rate, and then the test ends.",
        (RECORD, ""),
        (ENDS, ENDS.replace("losses[-1]", "loss.item()") + RECORD),
    ),
    "one more update": Edit(
        "not_finite",
        "No update follows a loss that is not finite: check before backward() and step(), not after.",
        (ENDS, ""),
        (UPDATE, UPDATE + ENDS),
    ),
    "nan alone": Edit(
        "not_finite",
        "inf is not finite either: math.isfinite asks for both, math.isnan for nan alone.",
        (ENDS, ENDS.replace("not math.isfinite", "math.isnan")),
    ),
    "minus infinity": Edit(
        "not_finite",
        "-inf is not finite either: comparing with inf alone misses it.",
        (ENDS, ENDS.replace("not math.isfinite(losses[-1])", "losses[-1] == math.inf or math.isnan(losses[-1])")),
    ),
    "no training mode": Edit(
        "training_mode",
        "model.train() is missing: a model that comes in evaluation mode is tested in evaluation mode.",
        (TRAIN, ""),
    ),
    "only the model itself": Edit(
        "training_mode",
        "model.training = True sets one flag; model.train() sets those of all submodules.",
        (TRAIN, "        model.training = True\n"),
    ),
    "model not restored": Edit(
        "restored",
        "The model is left as the test trained it. state_dict() hands out the model's own tensors: keep a deep copy,"
        " and load that afterwards.",
        (WEIGHTS, ""),
    ),
    "parameters only": Edit(
        "restored",
        "Buffers are part of the state as well: batch norm's running mean, variance and count have changed.",
        (KEEP_WEIGHTS, "    weights = [p.detach().clone() for p in model.parameters()]\n"),
        (
            WEIGHTS,
            "        for p, value in zip(model.parameters(), weights):\n            p.data.copy_(value)\n",
        ),
    ),
    "new parameters": Edit(
        "restored",
        "The model got new Parameter objects and the optimizer holds the old ones: training goes on without effect.",
        (WEIGHTS, "        model.load_state_dict(weights, assign=True)\n"),
    ),
    "optimizer not restored": Edit(
        "restored",
        "The optimizer has changed, too: its learning rates, and its momenta or moments.",
        (STATE, ""),
    ),
    "optimizer's state not copied": Edit(
        "restored",
        "state_dict() hands out the optimizer's own tensors; momenta are changed in place, so they have to be copied.",
        (KEEP_STATE, "    state = optimizer.state_dict()\n"),
    ),
    "learning rates alone": Edit(
        "restored",
        "The learning rates are back, but the optimizer's state (momenta, moments, step counts) is that of the test.",
        (
            STATE,
            '        for group, kept in zip(optimizer.param_groups, state["param_groups"]):\n'
            '            group["lr"] = kept["lr"]\n',
        ),
    ),
    "learning rates left": Edit(
        "restored",
        "The optimizer's state is back, but its groups are left at the last learning rate of the test.",
        (
            STATE,
            '        for group, kept in zip(optimizer.param_groups, state["param_groups"]):\n'
            '            kept["lr"] = group["lr"]\n' + STATE,
        ),
    ),
    "one rate for all": Edit(
        "restored",
        "Each parameter group gets its own learning rate back, not the first one's.",
        (
            STATE,
            STATE + "        for group in optimizer.param_groups:\n"
            '            group["lr"] = optimizer.param_groups[0]["lr"]\n',
        ),
    ),
    "state cleared": Edit(
        "restored",
        "An optimizer that had state before the test gets that state back; clearing it loses the momenta.",
        (STATE, STATE + "        optimizer.state.clear()\n"),
    ),
    "initial_lr left": Edit(
        "restored",
        "A scheduler writes initial_lr into the groups; left there, it is where the next scheduler starts from.",
        (
            STATE,
            STATE + "        for group in optimizer.param_groups:\n"
            '            group.setdefault("initial_lr", group["lr"])\n',
        ),
    ),
    "modes not restored": Edit(
        "restored",
        "Submodules that were in evaluation mode are left in training mode.",
        (MODES, ""),
    ),
    "one mode for all": Edit(
        "restored",
        "model.train(mode) sets every submodule. Those that had a mode of their own need it back one by one.",
        (MODES, "        model.train(modes[0][1])\n"),
    ),
    "children's modes alone": Edit(
        "restored",
        "The submodules of submodules have modes, too: model.modules() goes all the way down, children() one step.",
        (
            "    modes = [(module, module.training) for module in model.modules()]\n",
            "    modes = [(module, module.training) for module in (model, *model.children())]\n",
        ),
    ),
    "no finally": Edit(
        "restored_after_an_exception",
        "An exception skips what comes after it. What must happen in any case goes into a finally clause.",
        (TRY + WEIGHTS + STATE, "    yield\n    if True:\n" + WEIGHTS + STATE),
    ),
    "except Exception": Edit(
        "restored_after_an_exception",
        "Ctrl-C raises KeyboardInterrupt, which is no Exception: `finally` covers it, `except Exception` does not.",
        (
            TRY,
            "    failed = None\n"
            "    try:\n"
            "        yield\n"
            "    except Exception as error:\n"
            "        failed = error\n"
            "    if True:\n",
        ),
        (MODES, MODES + "    if failed is not None:\n        raise failed\n"),
    ),
    "swallowed": Edit(
        "restored_after_an_exception",
        "The exception has to reach the caller; a return in `finally`, or an except that does not raise, eats it.",
        (MODES, MODES + "        return\n"),
    ),
    "nan lets itself in": Edit(
        "refused",
        "Comparisons with nan are False: `lr_min <= 0 or lr_min >= lr_max` lets nan through, `not 0 < ...` does not.",
        ("if not 0 < lr_min < lr_max:", "if lr_min <= 0 or lr_min >= lr_max:"),
    ),
    "any number of steps": Edit(
        "refused", "Fewer than 2 steps are no range: num_steps has to be refused with a ValueError.", (STEPS, "")
    ),
    "one step": Edit(
        "refused",
        "With a single step, num_steps - 1 is 0: num_steps = 1 is refused as well.",
        ("    if num_steps < 2:\n", "    if num_steps < 1:\n"),
        (RATE, "            lr = lr_min * (lr_max / lr_min) ** (i / max(1, num_steps - 1))\n"),
    ),
    "empty result": Edit(
        "refused",
        "An empty loader is refused with a ValueError; empty lists would only fail later, somewhere else.",
        (EMPTY, "        if is_empty:\n            return\n"),
    ),
    "refused with a changed mode": Edit(
        "refused",
        "A refused call changes nothing: check the arguments before model.train().",
        (RANGE, "    model.train()\n" + RANGE),
    ),
    "not a tenth": Edit(
        "suggestion",
        "At the rate where the loss diverges, training diverges: the suggestion is a tenth of it.",
        (FOUND, "            return lr"),
        (NOWHERE, "    return lrs[-1]"),
    ),
    "smallest of all": Edit(
        "suggestion",
        "The comparison is with the smallest of the losses 0 to i, not with the smallest of all: that one comes later.",
        (SMALLEST, "        smallest = min(loss for loss in losses if math.isfinite(loss))\n"),
    ),
    "first loss": Edit(
        "suggestion",
        "The comparison is with the smallest loss so far, not with the first one.",
        (SMALLEST, "        smallest = losses[0]\n"),
    ),
    "loss before": Edit(
        "suggestion",
        "The comparison is with the smallest loss so far, not with the one just before: a slow rise diverges as well.",
        (DIVERGES, "        if not math.isfinite(loss) or loss > 4 * before:"),
        (FOUND, FOUND + "\n        before = loss"),
        ("    smallest = math.inf\n", "    smallest = before = math.inf\n"),
    ),
    "four times reached": Edit(
        "suggestion",
        "The loss has to exceed four times the smallest; four times exactly is not enough, and neither is 0 after 0.",
        ("loss > 4 * smallest", "(loss >= 4 * smallest and smallest < loss or loss == smallest == 0)"),
    ),
    "divided by zero": Edit(
        "suggestion",
        "A loss may be 0: compare with 4 · smallest instead of dividing by it.",
        ("loss > 4 * smallest", "loss / smallest > 4"),
    ),
    "nan unseen": Edit(
        "suggestion",
        "Comparisons with nan are False: a loss that is not finite has to be asked for, with math.isfinite.",
        (DIVERGES, "        if loss > 4 * smallest:"),
    ),
    "only nan seen": Edit(
        "suggestion",
        "The first loss may be infinite, and inf does not exceed four times inf: ask math.isfinite.",
        (DIVERGES, "        if math.isnan(loss) or loss > 4 * smallest:"),
    ),
    "step before": Edit(
        "suggestion",
        "The suggestion is a tenth of the rate at which the loss begins to diverge, not of the one before it.",
        (FOUND, "            return lrs[max(0, losses.index(loss) - 1)] / 10"),
    ),
    "rate of the smallest loss": Edit(
        "suggestion",
        "Not where the loss is smallest, but where it begins to diverge: a tenth of that rate is the suggestion.",
        (
            WALK,
            "    if True:\n        finite = [x if math.isfinite(x) else math.inf for x in losses]\n"
            "        return lrs[finite.index(min(finite))] / 10\n",
        ),
    ),
    "last divergence": Edit(
        "suggestion",
        "The loss begins to diverge at the first such i, not at the last.",
        ("    for lr, loss in zip(lrs, losses):\n", "    found = None\n    for lr, loss in zip(lrs, losses):\n"),
        (FOUND, "            found = lr / 10"),
        (NOWHERE, "    return lrs[-1] / 10 if found is None else found"),
    ),
    "any lengths": Edit(
        "unequal",
        "zip() stops at the shorter sequence without a word: unequal lengths have to be refused.",
        (LENGTHS, "    if len(lrs) == 0:"),
    ),
    "empty allowed": Edit(
        "unequal",
        "Empty sequences have no last rate: they raise ValueError, not IndexError.",
        (LENGTHS, "    if len(lrs) != len(losses):"),
    ),
}
