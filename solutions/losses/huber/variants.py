"""Known mistakes: the check that catches each, what to tell the learner, and the edit of the solution that makes it."""

from grader.authoring import Edit

FORMULA = "        return (near * (size - near / 2)).mean()"
SIZE = "        size = (y_pred - y_true).abs()\n"
NEAR = "        near = size.clamp(max=self.delta)\n"
SHAPES = """        if y_pred.shape != y_true.shape:
            raise ValueError(f"shapes differ: {tuple(y_pred.shape)} and {tuple(y_true.shape)}")
"""

_FUNCTION = """class _Huber(torch.autograd.Function):
    @staticmethod
    def forward(ctx, error, delta):
        {keep}
        near = error.abs().clamp(max=delta)
        return (near * (error.abs() - near / 2)).mean()

    @staticmethod
    def backward(ctx, grad):
        error, delta = {kept}
        return {slope} / error.numel() * grad, None


class HuberLoss(nn.Module):"""


def function(
    keep: str = "ctx.kept = error, delta", kept: str = "ctx.kept", slope: str = "error.clamp(-delta, delta)"
) -> tuple[tuple[str, str], tuple[str, str]]:
    """The edits that make the loss an autograd Function with such a backward."""
    body = _FUNCTION.format(keep=keep, kept=kept, slope=slope)
    return ("class HuberLoss(nn.Module):", body), (FORMULA, "        return _Huber.apply(y_pred - y_true, self.delta)")


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
    "mean of chunks": Edit(
        "value",
        "Chunks' means average to the mean only where all chunks are equally large; the last may be smaller.",
        (
            FORMULA,
            "        costs = (near * (size - near / 2)).reshape(-1)\n"
            "        return torch.stack([chunk.mean() for chunk in costs.split(1024)]).mean()",
        ),
    ),
    "mean of errors that are not 0": Edit(
        "value",
        "Elements that are right count too: the mean divides by all elements, not by those whose error is not 0.",
        (FORMULA, "        return (near * (size - near / 2)).sum() / size.count_nonzero().clamp(min=1)"),
    ),
    "delta in float32": Edit(
        "value",
        "torch.tensor(0.1) is a float32, 1.5e-9 off: a float64 loss needs delta as a Python float or a float64 tensor.",
        ("        self.delta = delta\n", "        self.delta = torch.tensor(float(delta))\n"),
        (FORMULA, FORMULA + ".to(y_pred.dtype)"),
    ),
    "small delta refused": Edit(
        "value",
        "Every delta greater than 0 is allowed, however small.",
        ("if not delta > 0:", "if not delta > 0.01:"),
    ),
    "delta bounded": Edit(
        "value",
        "Every delta greater than 0 is taken as it is, however large.",
        ("        self.delta = delta\n", "        self.delta = min(delta, 100.0)\n"),
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
    "by way of bfloat16": Edit(
        "half_precision",
        "bfloat16 has 8 significant bits and float16 has 11: converting between the two loses some. Widen to float32.",
        (
            SIZE,
            "        dtype = y_pred.dtype\n"
            "        if dtype == torch.float16:\n"
            "            y_pred, y_true = y_pred.bfloat16(), y_true.bfloat16()\n" + SIZE,
        ),
        (FORMULA, FORMULA + ".to(dtype)"),
    ),
    "default delta": Edit("default_delta", "delta is 1.0 unless given.", ("delta: float = 1.0", "delta: float = 0.5")),
    "no module": Edit(
        "in_model",
        "Without nn.Module as its base the loss is no part of the model that holds it: derive from it, write forward.",
        ("class HuberLoss(nn.Module):", "class HuberLoss:"),
        ("        super().__init__()\n", ""),
        ("    def forward(", "    def __call__("),
    ),
    "call for forward": Edit(
        "in_model",
        "A module defines forward; nn.Module's own __call__ runs the hooks and then calls it.",
        ("    def forward(", "    def __call__("),
    ),
    "other in evaluation mode": Edit(
        "in_model",
        "A loss has no evaluation mode: the formula is the same whatever self.training says.",
        (FORMULA, FORMULA + " if self.training else size.mean()"),
    ),
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
    "first answer kept": Edit(
        "repeated",
        "The answer to the first inputs is kept and given to all later ones: each call has to compute its own.",
        (
            FORMULA,
            '        if not hasattr(self, "answer"):\n'
            "            self.answer = (near * (size - near / 2)).mean()\n"
            "        return self.answer",
        ),
    ),
    "one buffer for all answers": Edit(
        "repeated",
        "Every call writes into one tensor and returns it, so a loss that was kept changes with the next call.",
        (
            FORMULA,
            "        value = (near * (size - near / 2)).mean()\n"
            "        if value.requires_grad:\n"
            "            return value\n"
            '        if getattr(self, "kept", value).dtype != value.dtype or not hasattr(self, "kept"):\n'
            "            self.kept = torch.empty_like(value)\n"
            "        return self.kept.copy_(value)",
        ),
    ),
    "scaled by the largest seen": Edit(
        "repeated",
        "Statistics kept from earlier calls (the largest error so far) make the answer depend on what came before.",
        (
            FORMULA,
            '        self.largest = max(getattr(self, "largest", 0.0), float(size.detach().max()))\n'
            + FORMULA
            + " * (float(size.detach().max()) / self.largest if self.largest > 100 else 1.0)",
        ),
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
    "one element fits all": Edit(
        "refused_shapes",
        "A tensor of one element against many is broadcast too, and has to be refused in either place.",
        ("if y_pred.shape != y_true.shape:", "if y_pred.numel() > 1 and y_pred.shape != y_true.shape:"),
    ),
    "sizes of 1 squeezed": Edit(
        "refused_shapes",
        "squeeze() makes different shapes equal: (N, 1) and (N,) must be refused, so compare the shapes as they came.",
        (SHAPES, "        y_pred, y_true = y_pred.squeeze(), y_true.squeeze()\n" + SHAPES),
    ),
    "zip of sizes": Edit(
        "refused_shapes",
        "zip() stops at the shorter of the two shapes, so (N,) passes for (N, 1). Compare whole shapes.",
        ("if y_pred.shape != y_true.shape:", "if any(one != other for one, other in zip(y_pred.shape, y_true.shape)):"),
    ),
    "last size alone": Edit(
        "refused_shapes",
        "Only the last sizes are compared; the shapes have to be equal as a whole.",
        ("if y_pred.shape != y_true.shape:", "if y_pred.shape[-1:] != y_true.shape[-1:]:"),
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
    "root of the square": Edit(
        "gradient",
        "sqrt(e²) is |e|, but its slope at e = 0 is 0 · inf, which is nan, and e² overflows. Use abs().",
        (SIZE, "        size = ((y_pred - y_true) ** 2).sqrt()\n"),
    ),
    "nothing at delta": Edit(
        "gradient",
        "At |e| = delta exactly the gradient is delta, as on either side; strict comparisons on both sides leave it 0.",
        *function(slope="(error * (error.abs() < delta) + delta * error.sign() * (error.abs() > delta))"),
    ),
    "slope 1 beyond delta": Edit(
        "gradient",
        "Beyond delta the line's slope is delta · sign(e), not sign(e).",
        *function(slope="torch.where(error.abs() <= delta, error, error.sign())"),
    ),
    "kept on the class": Edit(
        "late_backward",
        "What forward keeps on the class is overwritten by the next forward; ctx belongs to the one call.",
        *function(keep="_Huber.kept = error, delta", kept="_Huber.kept"),
    ),
    "delta on the class": Edit(
        "late_backward",
        "Errors kept by ctx, delta on the class: backward then uses the delta of the loss that was called last.",
        *function(keep="ctx.error, _Huber.delta = error, delta", kept="ctx.error, _Huber.delta"),
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
    "in place without grad": Edit(
        "inputs_untouched",
        "sub_() writes into the caller's tensor; nothing complains where that tensor needs no gradient.",
        (SIZE, "        size = (y_pred - y_true if y_pred.requires_grad else y_pred.sub_(y_true)).abs()\n"),
    ),
    "asks for gradients": Edit(
        "inputs_untouched",
        "requires_grad_() changes the caller's tensor; whether a gradient is wanted is the caller's business.",
        (SIZE, "        y_true.requires_grad_(True)\n" + SIZE),
    ),
}
