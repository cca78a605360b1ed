"""Known mistakes: the check that catches each, what to tell the learner, and the edit of the solution that makes it."""

from grader.authoring import Edit

SAVE = "        ctx.save_for_backward(x)\n"
MODE = "        ctx.approximate = approximate\n"
VALUE = "        return (wide * _share(wide, approximate)).to(x.dtype)"
SAVED = "        (x,) = ctx.saved_tensors\n"
SLOPE = "        slope = _share(wide, ctx.approximate) + wide * _share_slope(wide, ctx.approximate)\n"
GRADIENT = "        return (grad * slope).to(x.dtype), None"
REFUSED = "    if approximate not in _MODES:"
APPLY = "    return GELUFunction.apply(x, approximate)"
WIDENED = "    return x.to(torch.promote_types(x.dtype, torch.float32))"
SHARE = "        return 0.5 * (1 + torch.erf(x / math.sqrt(2)))"
SHARE_TANH = "    return 0.5 * (1 + torch.tanh(_STEEPNESS * (x + _CUBIC * x**3)))"
DENSITY = "        return _PEAK * torch.exp(-0.5 * x**2)"
TANH_SLOPE = "    return 0.5 * (1 - tanh**2) * _STEEPNESS * (1 + 3 * _CUBIC * x**2)"

MISCONCEPTIONS = {
    "borrowed": Edit(
        "form",
        "The formula is the exercise: torch's own GELU may not do the work.",
        (VALUE, "        return torch.nn.functional.gelu(x, approximate=approximate)"),
    ),
    "borrowed backward": Edit(
        "form",
        "The derivative is the exercise: torch's own gelu_backward may not do the work.",
        (GRADIENT, "        return torch.ops.aten.gelu_backward(grad, x, approximate=ctx.approximate), None"),
    ),
    "flattened": Edit(
        "form",
        "The result has the shape of x: what is flattened for the computation has to be put back.",
        (VALUE, "        return (wide * _share(wide, approximate)).to(x.dtype).flatten()"),
    ),
    "always float32": Edit(
        "form",
        "The result has the dtype of x; converting to float32 changes that of float64 inputs.",
        (WIDENED, "    return x.float()"),
        (VALUE, "        return wide * _share(wide, approximate)"),
    ),
    "without the Function": Edit(
        "own_backward",
        "The value is right, but autograd made the gradient: gelu has to call GELUFunction.apply.",
        (APPLY, "    return (_widened(x) * _share(_widened(x), approximate)).to(x.dtype)"),
    ),
    "one mode without the Function": Edit(
        "own_backward",
        'Both modes go through GELUFunction.apply; here only "none" does.',
        (
            APPLY,
            '    if approximate == "tanh":\n'
            "        return (_widened(x) * _share(_widened(x), approximate)).to(x.dtype)\n" + APPLY,
        ),
    ),
    "half precision without the Function": Edit(
        "own_backward",
        "Every dtype goes through GELUFunction.apply; here float16 and bfloat16 pass it by.",
        (
            APPLY,
            "    if x.dtype in (torch.float16, torch.bfloat16):\n"
            "        return (x.float() * _share(x.float(), approximate)).to(x.dtype)\n" + APPLY,
        ),
    ),
    "one number without the Function": Edit(
        "own_backward",
        "A 0-d tensor goes through GELUFunction.apply as any other does; here it passes it by.",
        (
            APPLY,
            "    if x.dim() == 0:\n"
            "        return (_widened(x) * _share(_widened(x), approximate)).to(x.dtype)\n" + APPLY,
        ),
    ),
    "leaves only": Edit(
        "own_backward",
        "Within a network x is the result of another operation, and no leaf: it goes through GELUFunction.apply too.",
        (
            APPLY,
            "    if not x.is_leaf:\n"
            "        return (_widened(x) * _share(_widened(x), approximate)).to(x.dtype)\n" + APPLY,
        ),
    ),
    "product outside": Edit(
        "own_backward",
        "GELUFunction makes Φ(x) alone, and autograd applies the product rule around it: the whole slope is yours.",
        (VALUE, "        return _share(wide, approximate).to(x.dtype)"),
        (SLOPE, "        slope = _share_slope(wide, ctx.approximate)\n"),
        (APPLY, "    return (_widened(x) * GELUFunction.apply(_widened(x), approximate)).to(x.dtype)"),
    ),
    "a Function that does nothing": Edit(
        "own_backward",
        "GELUFunction has to compute the GELU and its gradient, not to pass on what autograd computes around it.",
        (VALUE, "        return x.clone()"),
        (GRADIENT, "        return grad, None"),
        (APPLY, APPLY.replace("x,", "(_widened(x) * _share(_widened(x), approximate)).to(x.dtype),")),
    ),
    "autograd in backward": Edit(
        "own_backward",
        "backward asks autograd for the derivative (torch.autograd.grad, .backward() or torch.func), and the exercise "
        "is to write it.",
        (
            GRADIENT,
            "        again = torch.is_grad_enabled()\n"
            "        with torch.enable_grad():\n"
            "            x = x if again else x.detach().requires_grad_()\n"
            "            y = _widened(x) * _share(_widened(x), ctx.approximate)\n"
            "            return torch.autograd.grad(y, x, grad.to(y.dtype), create_graph=again)[0], None",
        ),
    ),
    "forward mode in backward": Edit(
        "form",
        "torch.func.jvp is automatic differentiation too, in forward mode; the exercise is to write the derivative.",
        (
            SLOPE,
            "        mode = ctx.approximate\n"
            "        slope = torch.func.jvp(lambda x: x * _share(x, mode), (wide,), (torch.ones_like(wide),))[1]\n",
        ),
    ),
    "sqrt 2 left out": Edit(
        "value",
        "erf is the integral of exp(-t²), not of the normal density: Φ(x) needs erf(x/sqrt(2)).",
        ("torch.erf(x / math.sqrt(2))", "torch.erf(x)"),
    ),
    "share without half": Edit(
        "value",
        "1 + erf runs from 0 to 2: half of it is the share.",
        (SHARE, SHARE.replace("0.5 * ", "")),
    ),
    "tanh for erf": Edit(
        "value",
        'The two modes are different functions, close to each other: "none" is exact, and is not the form with tanh.',
        (SHARE, SHARE.replace("torch.erf(x / math.sqrt(2))", "torch.tanh(_STEEPNESS * (x + _CUBIC * x**3))")),
    ),
    "erf for tanh": Edit(
        "value",
        'The two modes are different functions, close to each other: "tanh" is not the one with erf.',
        (SHARE_TANH, SHARE_TANH.replace("torch.tanh(_STEEPNESS * (x + _CUBIC * x**3))", "torch.erf(x / math.sqrt(2))")),
    ),
    "modes swapped": Edit(
        "value",
        'The modes are the wrong way round: "none" is the exact form, "tanh" the approximation.',
        (
            'if approximate == "none":\n        return 0.5',
            'if approximate == "tanh":\n        return 0.5',
        ),
    ),
    "quick": Edit(
        "value",
        "x · sigmoid(1.702·x) is a third function, cruder than either mode.",
        (SHARE_TANH, "    return torch.sigmoid(1.702 * x)"),
    ),
    "square for cube": Edit(
        "value",
        "The inner polynomial is x + 0.044715·x³, an odd function; x² is not odd.",
        (
            "0.5 * (1 + torch.tanh(_STEEPNESS * (x + _CUBIC * x**3)))",
            "0.5 * (1 + torch.tanh(_STEEPNESS * (x + _CUBIC * x**2)))",
        ),
    ),
    "steepness upside down": Edit(
        "value",
        "The factor inside tanh is sqrt(2/π), about 0.798, and not sqrt(π/2).",
        ("_STEEPNESS = math.sqrt(2 / math.pi)", "_STEEPNESS = math.sqrt(math.pi / 2)"),
    ),
    "constant mistyped": Edit(
        "value",
        "The coefficient is 0.044715; a digit less shows in the fifth decimal.",
        ("_CUBIC = 0.044715", "_CUBIC = 0.04471"),
    ),
    "float32 constants": Edit(
        "value",
        "torch.tensor(2.0) is float32: a constant made of it is wrong from the eighth decimal, and float64 shows it.",
        ("torch.erf(x / math.sqrt(2))", "torch.erf(x / torch.tensor(2.0).sqrt().item())"),
    ),
    "viewed flat": Edit(
        "value",
        "view() needs strides that can be flattened, and x may be any view; reshape() or no reshaping works.",
        (VALUE, "        return (wide.view(-1) * _share(wide.view(-1), approximate)).view(x.shape).to(x.dtype)"),
    ),
    "in memory's order": Edit(
        "value",
        "A non-contiguous x has its elements in another order in memory; its result has to be in the order of x.",
        (
            "        wide = _widened(x)\n        return",
            "        flat = x if x.is_contiguous() else x.transpose(0, -1).reshape(x.shape)\n"
            "        wide = _widened(flat)\n        return",
        ),
    ),
    "default": Edit(
        "modes", 'approximate is "none" unless given.', ('approximate: str = "none"', 'approximate: str = "tanh"')
    ),
    "any mode": Edit(
        "modes",
        'A mode that is neither "none" nor "tanh" is a mistake of the caller, and taken for "tanh" it goes unnoticed.',
        (REFUSED, "    if False:"),
    ),
    "any case": Edit(
        "modes",
        'The modes are "none" and "tanh" as written: "Tanh" raises ValueError as well.',
        (REFUSED, "    if str(approximate).lower() not in _MODES:"),
        (APPLY, "    return GELUFunction.apply(x, approximate.lower())"),
    ),
    "part of a word": Edit(
        "modes",
        '`in` on a string looks for a part of it: "tan" and "" are parts of "tanh".',
        (REFUSED, '    if approximate not in "none tanh":'),
    ),
    "mode of an empty x": Edit(
        "modes",
        "The mode is looked at whatever x is: an empty x is no reason to let an unknown one pass.",
        (REFUSED, "    if x.numel() and approximate not in _MODES:"),
    ),
    "True and False": Edit(
        "modes",
        'There are two modes, "none" and "tanh", and True and False are not names for them.',
        (REFUSED, '    approximate = {True: "tanh", False: "none"}.get(approximate, approximate)\n' + REFUSED),
    ),
    "empty mode": Edit(
        "modes",
        'An empty string, or None, is not the default: only a call without the argument gets "none".',
        (REFUSED, '    approximate = approximate or "none"\n' + REFUSED),
    ),
    "wrong exception": Edit(
        "modes",
        "A value of the right type that makes no sense is a ValueError, not a KeyError or an AssertionError.",
        ("raise ValueError(", "raise KeyError("),
    ),
    "half widened": Edit(
        "half_precision",
        "Computing in float32 is fine for half-precision inputs, but the result goes back to their dtype.",
        (
            VALUE,
            VALUE.removesuffix(".to(x.dtype)").replace(
                "(wide * _share(wide, approximate))", "wide * _share(wide, approximate)"
            ),
        ),
    ),
    "constant promotes": Edit(
        "half_precision",
        "A 0-d float32 constant promotes a 0-d half-precision x to float32; Python numbers do not.",
        (WIDENED, "    return x"),
        (VALUE, "        return x * _share(x, approximate) * torch.tensor(1.0)"),
    ),
    "ignores the incoming gradient": Edit(
        "gradient",
        "backward gets the gradient for the result, and has to multiply it in: that is the chain rule.",
        (GRADIENT, GRADIENT.replace("grad * slope", "slope")),
    ),
    "averages the incoming gradient": Edit(
        "gradient",
        "The incoming gradient has one number for each element: it is multiplied in as it is, not summed up.",
        (GRADIENT, GRADIENT.replace("grad * slope", "grad.mean() * slope")),
    ),
    "no product rule": Edit(
        "gradient",
        "x · Φ(x) is a product: its slope is Φ(x) + x·φ(x), and the second term is missing.",
        (SLOPE, "        slope = _share(wide, ctx.approximate)\n"),
    ),
    "density not multiplied": Edit(
        "gradient",
        "x · Φ(x) is a product: its slope is Φ(x) + x·φ(x), and not Φ(x) + φ(x).",
        ("+ wide * _share_slope", "+ _share_slope"),
    ),
    "minus": Edit(
        "gradient",
        "The product rule adds: Φ(x) + x·φ(x).",
        ("+ wide * _share_slope", "- wide * _share_slope"),
    ),
    "density without its peak": Edit(
        "gradient",
        "The normal density is exp(-x²/2)/sqrt(2π): without the factor its area is not 1.",
        (DENSITY, DENSITY.replace("_PEAK * ", "")),
    ),
    "density without half": Edit(
        "gradient",
        "The normal density has exp(-x²/2); exp(-x²) is a narrower bell.",
        (DENSITY, DENSITY.replace("-0.5 * x**2", "-(x**2)")),
    ),
    "inner slope left out": Edit(
        "gradient",
        "tanh(u) has the slope (1 - tanh²)·u', and u' is missing its 1 + 3·0.044715·x².",
        (TANH_SLOPE, TANH_SLOPE.replace(" * (1 + 3 * _CUBIC * x**2)", "")),
    ),
    "inner slope without 3": Edit(
        "gradient",
        "The derivative of x³ is 3x²: the 3 is missing.",
        (TANH_SLOPE, TANH_SLOPE.replace("3 * _CUBIC", "_CUBIC")),
    ),
    "tanh slope not squared": Edit(
        "gradient",
        "The derivative of tanh is 1 - tanh², with the square.",
        (TANH_SLOPE, TANH_SLOPE.replace("tanh**2", "tanh")),
    ),
    "one slope for both": Edit(
        "gradient",
        'backward has to know the mode: the slope of "none" is nearly that of "tanh", and not it.',
        (SLOPE, '        slope = _share(wide, "none") + wide * _share_slope(wide, "none")\n'),
    ),
    "clips the incoming gradient": Edit(
        "gradient",
        "The gradient is the slope times the incoming gradient, however large that is: clipping is not backward's.",
        (GRADIENT, GRADIENT.replace("grad * slope", "grad.clamp(-1e4, 1e4) * slope")),
    ),
    "incoming gradient viewed flat": Edit(
        "gradient",
        "The incoming gradient may be a non-contiguous view, and view() refuses those; reshape() does not.",
        (GRADIENT, "        return (grad.view(-1) * slope.reshape(-1)).reshape(x.shape).to(x.dtype), None"),
    ),
    "float32 slope": Edit(
        "gradient",
        "The gradient is computed in float32, which shows from the eighth decimal: float64 has to stay float64.",
        (SLOPE, SLOPE + "        slope = slope.float()\n"),
    ),
    "once": Edit(
        "second_derivative",
        "once_differentiable, or no_grad around backward, leaves the gradient without a gradient of its own.",
        (
            "    @staticmethod\n    def backward",
            "    @staticmethod\n    @torch.autograd.function.once_differentiable\n    def backward",
        ),
    ),
    "slope from forward": Edit(
        "second_derivative",
        "A slope that forward has finished, or that detach(), .data or no_grad cut off from x, is a constant: its own "
        "derivative with respect to x is lost.",
        (
            SAVE,
            "        wide = _widened(x)\n"
            "        ctx.slope = _share(wide, approximate) + wide * _share_slope(wide, approximate)\n" + SAVE,
        ),
        (SLOPE, "        slope = ctx.slope\n"),
    ),
    "incoming gradient detached": Edit(
        "second_derivative",
        "The gradient depends on the incoming gradient too; detach() and .data cut it off.",
        (GRADIENT, GRADIENT.replace("grad * slope", "grad.detach() * slope")),
    ),
    "autograd for the second": Edit(
        "second_derivative",
        "Asked for the gradient of the gradient, backward asks autograd for the first one; it is yours to write.",
        (
            GRADIENT,
            "        if torch.is_grad_enabled():\n"
            "            y = wide * _share(wide, ctx.approximate)\n"
            "            return torch.autograd.grad(y, x, grad.to(y.dtype), create_graph=True)[0], None\n" + GRADIENT,
        ),
    ),
    "cube overflows": Edit(
        "extremes",
        "float16 ends at 65504: x³ overflows above 40 and x² above 256, and 0 · inf is nan. Compute in float32.",
        (WIDENED, "    return x"),
    ),
    "tanh by exponentials": Edit(
        "extremes",
        "exp(u) overflows, and inf / inf is nan. torch.tanh and torch.sigmoid know how to avoid it.",
        (
            SHARE_TANH,
            "    up = torch.exp(2 * _STEEPNESS * (x + _CUBIC * x**3))\n    return up / (up + 1)",
        ),
    ),
    "cut off": Edit(
        "extremes",
        "clamp() on x itself hides the overflow, and makes the value wrong: gelu(1000) is 1000. Clamp inside tanh.",
        (WIDENED, WIDENED + ".clamp(-100, 100)"),
    ),
    "state on the class": Edit(
        "graphs",
        "What backward needs belongs to ctx, which each call has to itself; on the class, the next call replaces it.",
        (SAVE, "        GELUFunction.kept = x\n" + SAVE),
        (SAVED, SAVED + "        x = GELUFunction.kept\n"),
    ),
    "mode on the class": Edit(
        "graphs",
        "The mode belongs to ctx as x does; on the class, the next call's mode overwrites it.",
        (MODE, "        GELUFunction.approximate = ctx.approximate = approximate\n"),
        (SLOPE, SLOPE.replace("ctx.approximate", "GELUFunction.approximate")),
    ),
    "uses its tensors up": Edit(
        "graphs",
        "With retain_graph=True backward runs again: what is left in ctx has to be as it was, not written over.",
        (MODE, MODE + "        ctx.gain = torch.ones_like(_widened(x))\n"),
        (GRADIENT, "        if not torch.is_grad_enabled():\n            slope = ctx.gain.mul_(slope)\n" + GRADIENT),
    ),
    "one buffer for every answer": Edit(
        "graphs",
        "Every backward pass returns a tensor of its own: one kept in ctx and written over changes what was returned.",
        (
            GRADIENT,
            "        if torch.is_grad_enabled():\n"
            "            return (grad * slope).to(x.dtype), None\n"
            '        ctx.answer = getattr(ctx, "answer", torch.empty_like(x))\n'
            "        return ctx.answer.copy_(grad * slope), None",
        ),
    ),
    "incoming gradient in place": Edit(
        "expanded",
        "The incoming gradient is not yours to write to: it may be shared, and after sum() its elements share one "
        "place in memory.",
        (
            GRADIENT,
            "        if torch.is_grad_enabled():\n"
            "            return (grad * slope).to(x.dtype), None\n"
            "        return grad.mul_(slope.to(x.dtype)), None",
        ),
    ),
    "x in place": Edit(
        "inputs_untouched",
        "An operation whose name ends in an underscore writes into x, which is the caller's; clone it first, or use "
        "the operation without the underscore.",
        (VALUE, "        return wide.mul_(_share(wide, approximate)).to(x.dtype)"),
    ),
    "x clamped": Edit(
        "inputs_untouched",
        "Assigning to x.data changes the caller's x as writing into it does.",
        (VALUE, VALUE.replace("        return", "        x.data = x.data.clamp(-100, 100)\n        return")),
    ),
    "incoming gradient cleared": Edit(
        "inputs_untouched",
        "The incoming gradient is the caller's, a single number as well: nothing in backward may write to it.",
        (
            GRADIENT,
            "        result = (grad * slope).to(x.dtype)\n"
            "        if grad.numel() == 1 and not torch.is_grad_enabled() and not grad.requires_grad:\n"
            "            grad.zero_()\n"
            "        return result, None",
        ),
    ),
    "saved x in place": Edit(
        "inputs_untouched",
        "The saved x is the caller's x itself, not a copy: backward may not write to it either.",
        (SLOPE, SLOPE + "        if not torch.is_grad_enabled():\n            x.data.clamp_(-2, 2)\n"),
    ),
    "asks x for its gradient": Edit(
        "inputs_untouched",
        "requires_grad_() changes the caller's x: whether it needs a gradient is the caller's choice.",
        (APPLY, "    if not x.requires_grad and x.is_leaf:\n        x.requires_grad_()\n" + APPLY),
    ),
}
