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
# Enough to see whether the loader starts: the mode is changed already, and nothing restores it yet.
START = """    modes = [module.training for module in model.modules()]
    model.train()
    iter(loader)
    for module, mode in zip(model.modules(), modes):
        module.training = mode
"""
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
    "not lists": Edit(
        "result",
        "The result is a tuple of two lists, lrs and losses, not of two tuples.",
        ("    return lrs, losses\n", "    return tuple(lrs), tuple(losses)\n"),
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
    "small rates alone": Edit(
        "rates",
        "Every lr_min between 0 and lr_max is allowed: the rates may be 1 and more, and more than 10.",
        ("    if not 0 < lr_min < lr_max:\n", "    if not 0 < lr_min < min(lr_max, 1):\n"),
    ),
    "other defaults": Edit(
        "defaults",
        "Unless given, lr_min is 1e-6, lr_max is 10.0 and num_steps is 100: keep the stub's signature.",
        ("    lr_max: float = 10.0,\n", "    lr_max: float = 1.0,\n"),
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
        "The updates find no gradient. Between backward() and step(), zero_grad() throws it away; and if it is a copy"
        " of the model that is trained, the optimizer never sees it.",
        (ZERO, ""),
        (UPDATE, "            loss.backward()\n            optimizer.zero_grad()\n            optimizer.step()\n"),
    ),
    "unfrozen": Edit(
        "losses",
        "Frozen parameters stay frozen: whether a parameter is trained is not the test's to decide.",
        (TRAIN, TRAIN + "        model.requires_grad_(True)\n"),
    ),
    "clipped": Edit(
        "losses",
        "The gradient is used as it is: clipping it hides the very explosion that the test looks for.",
        (
            UPDATE,
            UPDATE.replace("\n", "\n            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n", 1),
        ),
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
    "ends when it gets worse": Edit(
        "not_finite",
        "Only a loss that is not finite ends the test early; where the loss diverges is for suggest_lr to say.",
        (ENDS, ENDS.replace("if not math.isfinite(losses[-1])", "if not losses[-1] <= 4 * min(losses)")),
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
    "infinity alone": Edit(
        "not_finite",
        "nan is not finite either: math.isfinite asks for both, math.isinf for the infinities alone.",
        (ENDS, ENDS.replace("not math.isfinite", "math.isinf")),
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
    "floating-point buffers alone": Edit(
        "restored",
        "Buffers may hold integers: batch norm counts its mini-batches, and that count has changed as well.",
        (
            KEEP_WEIGHTS,
            "    weights = {k: v.clone() for k, v in model.state_dict().items() if v.is_floating_point()}\n",
        ),
        (WEIGHTS, "        model.load_state_dict(weights, strict=False)\n"),
    ),
    "kept from the first test": Edit(
        "restored",
        "Each test puts back what it found itself. Weights kept from an earlier one undo the training in between.",
        (
            KEEP_WEIGHTS,
            '    if not hasattr(model, "kept"):\n        model.kept = copy.deepcopy(model.state_dict())\n'
            "    weights = model.kept\n",
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
        "Some exceptions are none of those that are caught: Ctrl-C raises KeyboardInterrupt, which is no Exception."
        " `finally` covers whatever there is.",
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
    "too late a try": Edit(
        "restored_after_an_exception",
        "Starting the loader may raise as well: between model.train() and `try` there is nothing to catch it.",
        ("    with _restored(model, optimizer):\n", START + "    with _restored(model, optimizer):\n"),
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
        (SMALLEST, "        smallest = min(losses)\n"),
    ),
    "smallest of all that are finite": Edit(
        "suggestion",
        "The comparison is with the smallest of the losses 0 to i; losses after i do not count, finite or not.",
        (SMALLEST, "        smallest = min((loss for loss in losses if math.isfinite(loss)), default=0.0)\n"),
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
    "zero kept off": Edit(
        "suggestion",
        "A loss may be 0, and after it any other is more than four times the smallest: add nothing to it.",
        ("loss > 4 * smallest", "loss > 4 * (smallest + 1e-8)"),
    ),
    "sorted": Edit(
        "suggestion",
        "The sequences are in the order of the steps, whatever the rates are: go along them as they come.",
        ("    for lr, loss in zip(lrs, losses):\n", "    for lr, loss in sorted(zip(lrs, losses)):\n"),
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
    "minus infinity unseen": Edit(
        "suggestion",
        "-inf is not finite either, and no comparison with four times the smallest finds it: ask math.isfinite.",
        (DIVERGES, "        if loss == math.inf or not loss <= 4 * smallest:"),
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
    "greatest rate": Edit(
        "suggestion",
        "Where no loss diverges, the suggestion is a tenth of the last learning rate, which need not be the greatest.",
        (NOWHERE, "    return max(lrs) / 10"),
    ),
    "rounded": Edit(
        "suggestion",
        "Rounded to so many decimals, a small learning rate is 0: return it as it is.",
        (FOUND, "            return round(lr / 10, 6)"),
        (NOWHERE, "    return round(lrs[-1] / 10, 6)"),
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
