"""Known mistakes: the check that catches each, what to tell the learner, and the edit of the solution that makes it."""

from grader.authoring import Edit

FORMULA = "        return (near * (size - near / 2)).mean()"
SIZE = "        size = (y_pred - y_true).abs()\n"
NEAR = "        near = size.clamp(max=self.delta)\n"
SHAPES = """        if y_pred.shape != y_true.shape:
            raise ValueError(f"shapes differ: {tuple(y_pred.shape)} and {tuple(y_true.shape)}")
"""

MISCONCEPTIONS = {
    "borrowed": Edit(
        "forward",
        "The formula is the exercise: torch's own Huber loss may not do the work.",
        (FORMULA, "        return nn.functional.huber_loss(y_pred, y_true, delta=self.delta)"),
    ),
    "borrowed smooth l1": Edit(
        "forward",
        "smooth_l1_loss(beta=delta) times delta is torch's own Huber loss under another name.",
        (FORMULA, "        return self.delta * nn.SmoothL1Loss(beta=self.delta)(y_pred, y_true)"),
    ),
    "no reduction": Edit(
        "forward",
        "The loss is one number: the mean over all elements is missing, and backward() needs a scalar.",
        (".mean()", ""),
    ),
    "sum": Edit("value", "The loss is the mean over all elements, not their sum.", (".mean()", ".sum()")),
    "mean over the batch": Edit(
        "value",
        "The mean is over all elements: sum() / len() divides by the first dimension alone.",
        (".mean()", ".sum() / (len(y_pred) if y_pred.dim() else 1)"),
    ),
    "no half": Edit(
        "value",
        "The parabola is e²/2, and the line delta·(|e| - delta/2): without the halves they are another function.",
        ("size - near / 2", "size"),
    ),
    "lines without offset": Edit(
        "value",
        "The line is delta·(|e| - delta/2): without the offset the two pieces do not meet at |e| = delta.",
        (FORMULA, "        return torch.where(size <= self.delta, size**2 / 2, self.delta * size).mean()"),
    ),
    "half delta squared left out of scale": Edit(
        "value",
        "The line's slope is delta: |e| - delta/2 alone is the smooth-L1 form, which only agrees at delta = 1.",
        (FORMULA, "        return torch.where(size <= self.delta, size**2 / 2, size - self.delta / 2).mean()"),
    ),
    "smooth l1": Edit(
        "value",
        "Smooth L1 divides the parabola by delta; the Huber loss does not. They agree at delta = 1 alone.",
        (FORMULA, "        return (near * (size - near / 2) / self.delta).mean()"),
    ),
    "branches swapped": Edit(
        "value",
        "Small errors get the parabola and large ones the line; here it is the other way round.",
        (
            FORMULA,
            "        return torch.where(size > self.delta, size**2 / 2, self.delta * (size - self.delta / 2)).mean()",
        ),
    ),
    "squared": Edit(
        "value",
        "Errors beyond delta count linearly; this is the squared error everywhere.",
        (FORMULA, "        return (size * size / 2).mean()"),
    ),
    "absolute": Edit(
        "value",
        "Errors within delta count quadratically; this is the line everywhere.",
        (FORMULA, "        return (self.delta * (size - self.delta / 2)).mean()"),
    ),
    "signed": Edit(
        "value",
        "The cost depends on |e|: without the absolute value, negative errors are rewarded.",
        (SIZE, "        size = y_pred - y_true\n"),
    ),
    "mask of 1 - error": Edit(
        "value",
        "A mask is 0 or 1. 1 - |e| is neither: it goes far below zero for outliers, and the loss with it.",
        (
            FORMULA,
            "        mask = 1 - size\n"
            "        return (mask * size**2 / 2 + (1 - mask) * self.delta * (size - self.delta / 2)).mean()",
        ),
    ),
    "branch on the mean": Edit(
        "value",
        "Parabola or line is decided for each element; here one comparison decides for all.",
        (
            FORMULA,
            "        if size.mean() <= self.delta:\n"
            "            return (size**2 / 2).mean()\n"
            "        return (self.delta * (size - self.delta / 2)).mean()",
        ),
    ),
    "viewed flat": Edit(
        "value",
        "view() needs strides that can be flattened, and inputs may be any view; reshape() or no reshaping works.",
        (SIZE, "        size = (y_pred.view(-1) - y_true.view(-1)).abs()\n"),
    ),
    "always float32": Edit(
        "forward",
        "The loss has the inputs' dtype; converting to float32 changes that of float64 inputs.",
        (SIZE, "        size = (y_pred.float() - y_true.float()).abs()\n"),
    ),
    "half widened": Edit(
        "half_precision",
        "Computing in float32 is fine for half-precision inputs, but the loss goes back to their dtype.",
        (
            FORMULA,
            "        value = (near * (size - near / 2)).mean()\n"
            "        return value.float() if value.dtype in (torch.float16, torch.bfloat16) else value",
        ),
    ),
    "default delta": Edit("default_delta", "delta is 1.0 unless given.", ("delta: float = 1.0", "delta: float = 0.5")),
    "class attribute": Edit(
        "repeated",
        "HuberLoss.delta belongs to all instances: the loss built last decides for every other. Use self.delta.",
        ("        self.delta = delta\n", "        HuberLoss.delta = delta\n"),
    ),
    "delta wears off": Edit(
        "repeated",
        "forward changes the loss itself: a call must not depend on the calls before it.",
        (FORMULA, FORMULA.replace("return", "value =") + "\n        self.delta *= 1.001\n        return value"),
    ),
    "any delta": Edit(
        "refused_delta",
        "A delta that is not greater than 0 makes no loss: __init__ has to refuse it.",
        ("if not delta > 0:", "if False:"),
    ),
    "nan delta": Edit(
        "refused_delta",
        "Every comparison with nan is False, so `delta <= 0` lets nan through; `not delta > 0` does not.",
        ("if not delta > 0:", "if delta <= 0:"),
    ),
    "zero delta": Edit(
        "refused_delta",
        "delta has to be greater than 0; 0 itself is refused as well.",
        ("if not delta > 0:", "if not delta >= 0:"),
    ),
    "delta refused too late": Edit(
        "refused_delta",
        "A bad delta is refused when the loss is built, not at the first call.",
        (
            """        if not delta > 0:
            raise ValueError(f"delta must be greater than 0, not {delta}")
""",
            "",
        ),
        (
            SHAPES,
            """        if not self.delta > 0:
            raise ValueError(f"delta must be greater than 0, not {self.delta}")
"""
            + SHAPES,
        ),
    ),
    "broadcasts": Edit(
        "refused_shapes",
        "Shapes that differ must be refused; here they are broadcast, and (N, 1) against (N,) becomes (N, N).",
        (SHAPES, ""),
    ),
    "compares sizes": Edit(
        "refused_shapes",
        "The same number of elements is not the same shape: compare .shape, not .numel().",
        ("if y_pred.shape != y_true.shape:", "if y_pred.numel() != y_true.numel():"),
    ),
    "compares lengths": Edit(
        "refused_shapes",
        "len() is the first dimension alone; compare whole shapes.",
        (
            "if y_pred.shape != y_true.shape:",
            "if y_pred.dim() != y_true.dim() or y_pred.shape[:1] != y_true.shape[:1]:",
        ),
    ),
    "detached target": Edit(
        "gradient",
        "y_true gets a gradient too, the negative of y_pred's; detach() cuts it off.",
        (SIZE, "        size = (y_pred - y_true.detach()).abs()\n"),
    ),
    "detached": Edit(
        "gradient",
        "detach() and .data cut the graph: the value is right, and no gradient reaches the inputs.",
        (SIZE, "        size = (y_pred.detach() - y_true.detach()).abs() + 0 * (y_pred - y_true)\n"),
    ),
    "gradient of a sum": Edit(
        "gradient",
        "Dividing by a detached count is fine, but the division has to be there in the gradient too.",
        (
            FORMULA,
            "        total = (near * (size - near / 2)).sum()\n"
            "        return total + (total / size.numel() - total).detach()",
        ),
    ),
    "mask times inf": Edit(
        "outliers",
        "Multiplying by a mask does not hide an overflow: 0 · inf is nan. Choose before squaring, or clamp.",
        (
            FORMULA,
            "        mask = (size <= self.delta).to(size.dtype)\n"
            "        return (mask * size**2 / 2 + (1 - mask) * self.delta * (size - self.delta / 2)).mean()",
        ),
    ),
    "sum overflows": Edit(
        "outliers",
        "A float16 sum of a hundred large losses is infinite; mean() adds in float32.",
        (".mean()", ".sum() / y_pred.numel()"),
    ),
    "rounded up": Edit(
        "outliers",
        "nan_to_num and clamp hide an overflow, they do not mend it: the value is wrong.",
        (FORMULA, "        return (near * (size - near / 2)).clamp(max=6e4).mean()"),
    ),
    "in place": Edit(
        "inputs_untouched",
        "Writing to .data writes into the caller's tensor, even where autograd does not notice.",
        (SIZE, SIZE + "        y_true.data.copy_(size.data)\n"),
    ),
}
