"""Known mistakes: the check that catches each, what to tell the learner, and the edit of the solution that makes it."""

from grader.authoring import Edit

WEIGHT = "        self.weight = nn.Parameter(torch.empty(2 * out_features, in_features))\n"
BIAS = "        self.bias = nn.Parameter(torch.empty(2 * out_features)) if bias else None\n"
INIT = "            nn.init.uniform_(parameter, -bound, bound)\n"
PROJECT = "        projected = nn.functional.linear(x, self.weight, self.bias)\n"
SPLIT = "        value, gate = projected.chunk(2, dim=-1)\n"
GATED = "        return value * torch.sigmoid(gate)"

MISCONCEPTIONS = {
    "borrowed": Edit(
        "forward",
        "Splitting and gating is the exercise: torch's own gated linear unit may not do the work.",
        (GATED, "        return nn.functional.glu(projected, dim=-1)"),
    ),
    "not split": Edit(
        "forward",
        "The projection is twice as wide so that it can be split: one half is the value, the other its gate.",
        (GATED, "        return projected * torch.sigmoid(projected)"),
    ),
    "half the width": Edit(
        "forward",
        "out_features is the width of the output. The projection has twice as many, since gating halves them.",
        (WEIGHT, WEIGHT.replace("2 * ", "")),
        (BIAS, BIAS.replace("2 * ", "")),
    ),
    "in place on a half": Edit(
        "forward",
        "chunk() gives views of one tensor, and autograd forbids writing into one of them: sigmoid(), not sigmoid_().",
        (GATED, "        return value * gate.sigmoid_()"),
    ),
    "transposed weight": Edit(
        "parameters",
        "weight is kept as (2·out_features, in_features), as in nn.Linear, or no checkpoint fits.",
        (WEIGHT, "        self.weight = nn.Parameter(torch.empty(in_features, 2 * out_features))\n"),
        (PROJECT, "        projected = nn.functional.linear(x, self.weight.T, self.bias)\n"),
    ),
    "linear inside": Edit(
        "parameters",
        "An nn.Linear kept inside puts its name before its parameters': linear.weight is not weight.",
        (WEIGHT, ""),
        (BIAS, "        self.linear = nn.Linear(in_features, 2 * out_features, bias)\n"),
        (PROJECT, "        projected = self.linear(x)\n"),
    ),
    "two layers": Edit(
        "parameters",
        "One weight of 2·out_features rows holds both halves; two layers have other names and other shapes.",
        (WEIGHT, "        self.value = nn.Linear(in_features, out_features, bias)\n"),
        (BIAS, "        self.gate = nn.Linear(in_features, out_features, bias)\n"),
        (PROJECT, ""),
        (SPLIT, "        value, gate = self.value(x), self.gate(x)\n"),
    ),
    "plain bias": Edit(
        "parameters",
        "A plain tensor is no parameter: not trained, not saved, not moved by .to(). Wrap it in nn.Parameter.",
        (BIAS, "        self.bias = torch.zeros(2 * out_features) if bias else None\n"),
    ),
    "bias as a buffer": Edit(
        "parameters",
        "A buffer is saved, but not trained: bias has to be an nn.Parameter.",
        (BIAS, '        self.register_buffer("bias", torch.zeros(2 * out_features) if bias else None)\n'),
    ),
    "frozen bias": Edit(
        "parameters",
        "bias is trained like weight: requires_grad has to be True.",
        (
            BIAS,
            "        self.bias = nn.Parameter(torch.empty(2 * out_features), requires_grad=False) if bias else None\n",
        ),
    ),
    "width in the state": Edit(
        "parameters",
        "What is registered as a buffer is saved as well, and a checkpoint without it no longer loads.",
        (BIAS, BIAS + '        self.register_buffer("width", torch.tensor(out_features))\n'),
    ),
    "bias only if asked": Edit(
        "parameters",
        "Without the argument there is a bias: its default is True.",
        ("bias: bool = True", "bias: bool = False"),
    ),
    "always a bias": Edit("no_bias", "The argument `bias` is not looked at.", (" if bias else None", "")),
    "zeros for no bias": Edit(
        "no_bias",
        "With bias=False, bias is None; zeros in its place give the right output, and are left behind by .to().",
        (" if bias else None", " if bias else torch.zeros(2 * out_features)"),
    ),
    "no bias attribute": Edit(
        "no_bias",
        "With bias=False, the attribute is still asked for: set it to None, or use register_parameter('bias', None).",
        (
            BIAS,
            "        if bias:\n            self.bias = nn.Parameter(torch.empty(2 * out_features))\n",
        ),
        (PROJECT, '        projected = nn.functional.linear(x, self.weight, getattr(self, "bias", None))\n'),
    ),
    "gate first": Edit(
        "value",
        "The first half is the value and the second the gate; here it is the other way round.",
        ("value, gate = ", "gate, value = "),
    ),
    "interleaved": Edit(
        "value",
        "A half is a contiguous block. Every second column belongs to the even-odd splitting of other layers.",
        (SPLIT, "        value, gate = projected[..., ::2], projected[..., 1::2]\n"),
    ),
    "tanh gate": Edit(
        "value",
        "The gate is a sigmoid, between 0 and 1; tanh goes down to -1.",
        ("torch.sigmoid(gate)", "torch.tanh(gate)"),
    ),
    "silu gate": Edit(
        "value",
        "gate · sigmoid(gate) is SiLU, and makes this SwiGLU. Here the gate's sigmoid alone multiplies the value.",
        ("torch.sigmoid(gate)", "nn.functional.silu(gate)"),
    ),
    "softmax gate": Edit(
        "value",
        "Each gate opens by itself: softmax makes the gates share what they let through.",
        ("torch.sigmoid(gate)", "torch.softmax(gate, dim=-1)"),
    ),
    "gate in float32": Edit(
        "value",
        "Passing through float32 costs float64 inputs half their digits.",
        ("torch.sigmoid(gate)", "torch.sigmoid(gate.float()).to(gate.dtype)"),
    ),
    "clamped gate": Edit(
        "value",
        "torch.sigmoid needs no clamp, and clamping changes value and gradient where the gate is nearly shut.",
        ("torch.sigmoid(gate)", "torch.sigmoid(gate.clamp(-10, 10))"),
    ),
    "bias after the gate": Edit(
        "value",
        "The bias belongs to the projection: added after gating, it passes a shut gate.",
        (PROJECT, "        projected = nn.functional.linear(x, self.weight)\n"),
        (
            GATED,
            "        gated = value * torch.sigmoid(gate)\n"
            "        return gated if self.bias is None else gated + self.bias[: gated.shape[-1]]",
        ),
    ),
    "gate without bias": Edit(
        "value",
        "Both halves have a bias; here the gate's half of it is left out.",
        (
            SPLIT,
            SPLIT + "        if self.bias is not None:\n            gate = gate - self.bias.chunk(2)[1]\n",
        ),
    ),
    "gate clamped at 20": Edit(
        "value",
        "In float64 a gate clamped at -20 is not shut enough: it lets 2e-9 pass. torch.sigmoid needs no clamp.",
        ("torch.sigmoid(gate)", "torch.sigmoid(gate.clamp(-20, 20))"),
    ),
    "open in evaluation": Edit(
        "value",
        "The gate is part of the layer, not a regulariser: it works in eval() mode as in training.",
        (GATED, GATED + " if self.training else value"),
    ),
    "split along dimension 1": Edit(
        "leading_dimensions",
        "The halves are those of the last dimension, -1, which is dimension 1 only where x has two.",
        ("dim=-1", "dim=1"),
    ),
    "viewed flat": Edit(
        "leading_dimensions",
        "view() needs strides that can be flattened, and x may have any; reshape() works, and F.linear needs neither.",
        (
            PROJECT,
            "        rows = x.view(-1, x.shape[-1])\n"
            "        projected = nn.functional.linear(rows, self.weight, self.bias).view(*x.shape[:-1], -1)\n",
        ),
    ),
    "left flat": Edit(
        "leading_dimensions",
        "After the rows were flattened, the leading dimensions have to be put back.",
        (
            PROJECT,
            "        rows = x.reshape(-1, x.shape[-1])\n"
            "        projected = nn.functional.linear(rows, self.weight, self.bias)\n",
        ),
    ),
    "always a batch": Edit(
        "leading_dimensions",
        "A single vector gives a single vector: no dimension of size 1 is added.",
        (PROJECT, PROJECT.replace("(x,", "(torch.atleast_2d(x),")),
    ),
    "squeezed": Edit(
        "leading_dimensions",
        "squeeze() drops every dimension of size 1, and a batch of one or out_features=1 has one.",
        (GATED, GATED.replace("value * torch.sigmoid(gate)", "(value * torch.sigmoid(gate)).squeeze()")),
    ),
    "batched in place": Edit(
        "leading_dimensions",
        "A name that ends in an underscore changes the caller's tensor: unsqueeze(0), not unsqueeze_(0).",
        (PROJECT, "        single = x.dim() == 1\n        x = x.unsqueeze_(0) if single else x\n" + PROJECT),
        (
            GATED,
            "        gated = value * torch.sigmoid(gate)\n        return gated.squeeze(0) if single else gated",
        ),
    ),
    "einsum stretches": Edit(
        "refused_shapes",
        "einsum broadcasts a dimension of size 1 without a word: compare x.shape[-1] with in_features yourself.",
        (
            PROJECT,
            '        projected = torch.einsum("...i,oi->...o", x, self.weight)\n'
            "        projected = projected if self.bias is None else projected + self.bias\n",
        ),
    ),
    "stretched without bias": Edit(
        "refused_shapes",
        "Both ways through `forward`, with and without a bias, have to refuse an x that does not fit.",
        (
            PROJECT,
            "        if self.bias is None:\n"
            "            projected = (x.unsqueeze(-2) * self.weight).sum(-1)\n"
            "        else:\n"
            "            projected = nn.functional.linear(x, self.weight, self.bias)\n",
        ),
    ),
    "None, not raised": Edit(
        "refused_shapes",
        "Returning None, after a printed message or without, lets the caller go on empty-handed: raise an exception.",
        (PROJECT, "        if x.shape[-1] != self.weight.shape[1]:\n            return None\n" + PROJECT),
    ),
    "returned, not raised": Edit(
        "refused_shapes",
        "An exception that is returned stops nobody: raise it.",
        (
            PROJECT,
            "        if x.shape[-1] != self.weight.shape[1]:\n"
            '            return ValueError("x does not fit")\n' + PROJECT,
        ),
    ),
    "cut to size": Edit(
        "refused_shapes",
        "An x that is too wide is refused, not cut.",
        (PROJECT, PROJECT.replace("(x,", "(x[..., : self.weight.shape[1]],")),
    ),
    "reshaped to fit": Edit(
        "refused_shapes",
        "reshape(-1, in_features) makes rows of any x whose element count divides: check the last dimension first.",
        (
            PROJECT,
            "        rows = x.reshape(-1, self.weight.shape[1])\n"
            "        projected = nn.functional.linear(rows, self.weight, self.bias).reshape(*x.shape[:-1], -1)\n",
        ),
    ),
    "detached weight": Edit(
        "gradient",
        "detach() and .data cut the graph: the output is right, and weight.grad stays None.",
        (PROJECT, PROJECT.replace("self.weight,", "self.weight.detach(),")),
    ),
    "detached gate": Edit(
        "gradient",
        "The gate learns too: detach() makes its rows of weight.grad zero.",
        ("torch.sigmoid(gate)", "torch.sigmoid(gate.detach())"),
    ),
    "detached bias": Edit(
        "gradient",
        "bias.grad has to be there after a backward pass; .data and detach() cut it off.",
        (PROJECT, PROJECT.replace("self.bias)", "None if self.bias is None else self.bias.data)")),
    ),
    "detached input": Edit(
        "gradient",
        "The layers before this one learn through the gradient for x; detach() cuts it off.",
        (PROJECT, PROJECT.replace("(x,", "(x.detach() + 0 * x,")),
    ),
    "sum of logarithms": Edit(
        "gradient",
        "log|value| is -inf at value 0; exp makes a right 0 of it again, but the gradient is 0 · inf, which is nan.",
        (
            GATED,
            "        logarithm = value.abs().log() + nn.functional.logsigmoid(gate)\n"
            "        return value.sign() * logarithm.exp()",
        ),
    ),
    "gradients cleared": Edit(
        "gradient",
        "Clearing gradients is the training loop's business: in `forward` it throws away what earlier passes added up.",
        (PROJECT, "        self.zero_grad()\n" + PROJECT),
    ),
    "detached in evaluation": Edit(
        "gradient",
        "eval() is not no_grad(): gradients flow in evaluation mode too.",
        (
            GATED,
            "        gated = value * torch.sigmoid(gate)\n        return gated if self.training else gated.detach()",
        ),
    ),
    "naive sigmoid": Edit(
        "saturation",
        "exp(-gate) overflows for gates below -88: 1/inf is a fine 0, but the gradient is 0 · inf, which is nan.",
        ("torch.sigmoid(gate)", "(1 / (1 + torch.exp(-gate)))"),
    ),
    "exp over exp": Edit(
        "saturation",
        "exp(gate) overflows for gates above 88, and inf/inf is nan.",
        ("torch.sigmoid(gate)", "(torch.exp(gate) / (1 + torch.exp(gate)))"),
    ),
    "where over overflow": Edit(
        "saturation",
        "torch.where picks the right value, but the other branch still multiplies its zero gradient by inf: nan.",
        (
            "torch.sigmoid(gate)",
            "torch.where(gate >= 0, 1 / (1 + torch.exp(-gate)), torch.exp(gate) / (1 + torch.exp(gate)))",
        ),
    ),
    "half widened": Edit(
        "moves",
        "Computing in float32 is fine for half-precision inputs, but the output goes back to their dtype.",
        (
            GATED,
            "        y = value * torch.sigmoid(gate)\n"
            "        return y.float() if y.dtype in (torch.float16, torch.bfloat16) else y",
        ),
    ),
    "bfloat16 by way of float16": Edit(
        "moves",
        "float16 ends at 65504 and bfloat16 at 3e38: the halves of a bfloat16 input do not fit into float16.",
        (
            GATED,
            "        narrow = torch.float16 if x.dtype == torch.bfloat16 else x.dtype\n"
            "        return (value.to(narrow) * torch.sigmoid(gate.to(narrow))).to(x.dtype)",
        ),
    ),
    "gate without a graph in half": Edit(
        "moves",
        "The gate learns in float16 and bfloat16 too: without a graph, its rows of weight.grad are zero.",
        (
            SPLIT,
            SPLIT + "        if x.dtype in (torch.float16, torch.bfloat16):\n            gate = gate.detach()\n",
        ),
    ),
    "kept transpose": Edit(
        "moves",
        "A view of the weight made in __init__ stays behind when .to() gives the parameter new memory.",
        (BIAS, BIAS + '        object.__setattr__(self, "kept", self.weight.T)\n'),
        (PROJECT, "        projected = nn.functional.linear(x, self.kept.T, self.bias)\n"),
    ),
    "normal": Edit(
        "init",
        "The initial values are uniform, not normal, even where the spread is the same.",
        (INIT, "            nn.init.normal_(parameter, std=bound / 3**0.5)\n"),
    ),
    "kaiming default": Edit(
        "init",
        "kaiming_uniform_ without a gain of its own reaches sqrt(6/in_features); nn.Linear passes a=sqrt(5).",
        ("bound = in_features**-0.5", "bound = (6 / in_features) ** 0.5"),
    ),
    "fan-out": Edit(
        "init",
        "The bound follows from what each unit sums over: in_features, not the number of units.",
        ("bound = in_features**-0.5", "bound = (2 * out_features) ** -0.5"),
    ),
    "no square root": Edit("init", "The bound is 1/sqrt(in_features).", ("in_features**-0.5", "1 / in_features")),
    "zero bias": Edit(
        "init",
        "nn.Linear's bias starts uniform like its weight, not at zero.",
        (INIT, INIT + "        if bias:\n            nn.init.zeros_(self.bias)\n"),
    ),
    "from zero": Edit(
        "init",
        "torch.rand lies in [0, 1): without shifting it, all initial values are positive.",
        (INIT, INIT.replace("-bound, bound", "0, bound")),
    ),
    "seeded": Edit(
        "init",
        "Seeding inside __init__ makes all layers start alike, and disturbs everybody else's random numbers.",
        ("        bound =", "        torch.manual_seed(0)\n        bound ="),
    ),
    "drawn with a bias only": Edit(
        "init",
        "With bias=False the weight is drawn too; here it is left as it was.",
        (WEIGHT, WEIGHT.replace("empty", "zeros")),
        ("in self.parameters():", "in self.parameters() if bias else ():"),
    ),
    "equal halves": Edit(
        "init",
        "Value and gate start with random numbers of their own, not with the same ones twice.",
        (INIT, INIT + "            parameter.data[out_features:] = parameter.data[:out_features]\n"),
    ),
    "first weights kept": Edit(
        "checkpoints",
        "A copy of the weight made at the first call goes stale when a checkpoint is loaded or an optimizer steps.",
        (
            PROJECT,
            '        if not hasattr(self, "kept"):\n'
            "            self.kept = self.weight.clone()\n"
            "        projected = nn.functional.linear(x, self.kept, self.bias)\n",
        ),
    ),
}
