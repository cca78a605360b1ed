"""Known mistakes: the check that catches each, what to tell the learner, and the edit of the solution that makes it."""

from grader.authoring import Edit

KEEP = "        self._parameters = list(parameters)\n"
GRADIENTS = "        gradients = [p.grad.detach() for p in self._parameters if p.grad is not None]\n"
NORM = "        norm = math.sqrt(sum(float(g.double().square().sum()) for g in gradients))\n"
APPEND = "        self.norms.append(norm)\n"
KAIMING = 'nn.init.kaiming_normal_(weight, mode="fan_in", nonlinearity="relu")'
XAVIER = "nn.init.xavier_uniform_(weight)"
ONES = "nn.init.ones_(weight)"
UNKNOWN = """    if scheme not in _SCHEMES:
        raise ValueError(f"scheme must be one of {', '.join(_SCHEMES)}, not {scheme!r}")
"""
MODULES = "    for layer in model.modules():\n"
LINEAR = "        if isinstance(layer, nn.Linear):\n"
SET = "            _SCHEMES[scheme](layer.weight)\n"
BIAS = """            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
"""
LOOP = "        for x, y in loader:\n"
ZERO = "            optimizer.zero_grad()\n"
LOSS = "            loss = loss_fn(model(x), y)\n"
BACKWARD = "            loss.backward()\n"
RECORD = "            logger.record()\n"
STEP = "            optimizer.step()\n"
APPEND_LOSS = "            losses.append(loss.item())\n"
MEAN = "        means.append(sum(losses) / len(losses))\n"

MISCONCEPTIONS = {
    "returns a tensor": Edit(
        "entry_points",
        "A norm is a plain float, which can be plotted and kept: .item() takes it out of a tensor.",
        (NORM, NORM.replace("math.sqrt", "torch.tensor") + "        norm = norm.sqrt()\n"),
    ),
    "losses as tensors": Edit(
        "entry_points",
        "Losses kept as tensors keep their whole graphs in memory: .item() takes the number out.",
        ("loss.item()", "loss"),
    ),
    "sum of norms": Edit(
        "norm",
        "The norms of single parameters do not add up: add their squares, and take the root once, at the end.",
        (NORM, "        norm = sum((float(g.double().norm()) for g in gradients), 0.0)\n"),
    ),
    "squared": Edit(
        "norm",
        "This is the norm's square: the root at the end is missing.",
        (
            "math.sqrt(sum(float(g.double().square().sum()) for g in gradients))",
            "sum((float(g.double().square().sum()) for g in gradients), 0.0)",
        ),
    ),
    "root mean square": Edit(
        "norm",
        "The L2 norm adds the squares; here they are averaged, which hides how large the network is.",
        (
            NORM,
            NORM + "        norm /= math.sqrt(max(1, sum(g.numel() for g in gradients)))\n",
        ),
    ),
    "largest": Edit(
        "norm",
        "This is the largest element, the maximum norm; L2 is the root of the sum of the squares.",
        (NORM, "        norm = max((float(g.double().abs().max()) for g in gradients), default=0.0)\n"),
    ),
    "largest of norms": Edit(
        "norm",
        "The norm is of all parameters' gradients taken together, not of the one that has the largest.",
        (NORM, "        norm = max((float(g.double().norm()) for g in gradients), default=0.0)\n"),
    ),
    "weights alone": Edit(
        "norm",
        "Biases have gradients too: the norm is of all parameters', whatever their shape.",
        ("if p.grad is not None]", "if p.grad is not None and p.dim() > 1]"),
    ),
    "of the parameters": Edit(
        "norm",
        "This is the norm of the weights; what is asked for is that of their gradients, .grad.",
        ("p.grad.detach() for p", "p.detach() for p"),
    ),
    "matrix norm": Edit(
        "norm",
        "torch.linalg.norm(g, 2) of a matrix is its largest singular value; vector_norm takes all elements.",
        (
            NORM,
            "        norms = [float(torch.linalg.norm(g.double(), 2 if g.dim() == 2 else None)) for g in gradients]\n"
            "        norm = math.sqrt(sum(n * n for n in norms))\n",
        ),
    ),
    "a little more": Edit(
        "norm",
        "A small number added against division by zero belongs where something is divided: here it is logged.",
        ("for g in gradients))", "for g in gradients)) + 1e-6"),
    ),
    "generator kept": Edit(
        "many_records",
        "A generator is empty once it has been gone through, and the second record finds no parameters: keep a list.",
        (KEEP, "        self._parameters = parameters\n"),
    ),
    "gradients looked up once": Edit(
        "many_records",
        "The gradients are other tensors after each zero_grad(): look up p.grad at each record.",
        (
            GRADIENTS,
            "        if not hasattr(self, '_gradients'):\n"
            "            self._gradients = [p.grad.detach() for p in self._parameters if p.grad is not None]\n"
            "        gradients = self._gradients\n",
        ),
    ),
    "stops at the first without": Edit(
        "many_records",
        "A parameter without a gradient is passed over, and those after it still count: continue, not break.",
        (
            GRADIENTS,
            "        gradients = []\n"
            "        for p in self._parameters:\n"
            "            if p.grad is None:\n"
            "                break\n"
            "            gradients.append(p.grad.detach())\n",
        ),
    ),
    "parameters chosen once": Edit(
        "many_records",
        "Which parameters have a gradient can change from one record to the next: look at each of them each time.",
        (
            GRADIENTS,
            "        if not hasattr(self, '_chosen'):\n"
            "            self._chosen = [p for p in self._parameters if p.grad is not None]\n"
            "        gradients = [p.grad.detach() for p in self._chosen if p.grad is not None]\n",
        ),
    ),
    "equal norms once": Edit(
        "many_records",
        "Each record appends, also when the norm is the one before: there is one entry for each update.",
        (APPEND, "        if self.norms[-1:] != [norm]:\n            self.norms.append(norm)\n"),
    ),
    "no passing over": Edit(
        "many_records",
        "A parameter that no loss has reached has .grad None, and is passed over.",
        (" if p.grad is not None]", "]"),
    ),
    "an int for none": Edit(
        "many_records",
        "Without any gradient the norm is 0.0, a float like all the others, not the int 0.",
        (NORM, NORM + "        norm = norm if gradients else 0\n"),
    ),
    "shared list": Edit(
        "many_records",
        "A list in the class body is one for all loggers: make it in __init__.",
        ("    norms: list[float]\n", "    norms: list[float] = []\n"),
        ("        self.norms = []\n", ""),
    ),
    "only the last": Edit(
        "many_records",
        "norms holds every norm so far; here each record replaces those before it.",
        (APPEND, "        self.norms = [norm]\n"),
    ),
    "squared in place": Edit(
        "gradients_untouched",
        "Methods that end in an underscore write into the tensor: the optimizer would update with squared gradients.",
        (
            "    norm = math.sqrt(sum(float(g.double().square().sum())",
            "    norm = math.sqrt(sum(float(g.square_().double().sum())",
        ),
        (
            GRADIENTS,
            GRADIENTS.replace(
                "p.grad.detach()", "p.grad.detach() if p.grad.dtype != torch.float16 else p.grad.double()"
            ),
        ),
    ),
    "clipped": Edit(
        "gradients_untouched",
        "clip_grad_norm_ returns the norm, and scales the gradients down as well: a logger only looks.",
        (NORM, NORM + "        for g in gradients:\n            g.mul_(min(1.0, 1.0 / (norm + 1e-6)))\n"),
    ),
    "clipped when large": Edit(
        "gradients_untouched",
        "However high the bound, clip_grad_norm_ scales down what is beyond it. A bound of inf only looks.",
        (NORM, NORM + "        for g in gradients:\n            g.mul_(min(1.0, 1e4 / (norm + 1e-6)))\n"),
    ),
    "zeros for none": Edit(
        "gradients_untouched",
        "A parameter without a gradient stays without: zeros in its place would let weight decay reach it.",
        (
            GRADIENTS,
            "        for p in self._parameters:\n"
            "            if p.grad is None:\n"
            "                p.grad = torch.zeros_like(p)\n" + GRADIENTS,
        ),
    ),
    "squares in float16": Edit(
        "float16",
        "300² is more than float16 can hold, of an element or of a whole norm, and gives inf: convert before squaring.",
        ("g.double().square().sum()", "g.square().sum()"),
    ),
    "scaled by a constant": Edit(
        "float16",
        "Divided by a constant, large float16 numbers have squares, but those of small ones are lost: convert instead.",
        ("float(g.double().square().sum())", "256.0**2 * float((g / 256).square().sum())"),
    ),
    "children alone": Edit(
        "layers",
        "children() goes one level deep, and not to the model itself: modules() goes everywhere.",
        ("model.modules()", "model.children()"),
    ),
    "not the model itself": Edit(
        "layers",
        "The model may itself be a linear layer: modules() begins with it.",
        ("model.modules()", "list(model.modules())[1:]"),
    ),
    "exact type": Edit(
        "layers",
        "type(m) == nn.Linear leaves out subclasses: isinstance does not.",
        ("isinstance(layer, nn.Linear)", "type(layer) is nn.Linear"),
    ),
    "everything with a weight": Edit(
        "layers",
        "Only linear layers are set: a convolution has a weight as well, and a normalisation a bias.",
        (
            "isinstance(layer, nn.Linear)",
            "isinstance(getattr(layer, 'weight', None), Tensor) and layer.weight.dim() > 1",
        ),
        ("layer.bias is not None", "getattr(layer, 'bias', None) is not None"),
    ),
    "every matrix": Edit(
        "layers",
        "Only linear layers are set: an embedding's weight is a matrix as well, and its numbers stay.",
        (
            "isinstance(layer, nn.Linear)",
            "isinstance(getattr(layer, 'weight', None), Tensor) and layer.weight.dim() == 2",
        ),
        ("layer.bias is not None", "getattr(layer, 'bias', None) is not None"),
    ),
    "frozen layers left": Edit(
        "layers",
        "Every linear layer is set, also one that is frozen: training it later is another question.",
        ("isinstance(layer, nn.Linear)", "isinstance(layer, nn.Linear) and layer.weight.requires_grad"),
    ),
    "statistics reset": Edit(
        "layers",
        "Layers of other kinds keep their values, and the running statistics of a BatchNorm are such values.",
        (
            LINEAR,
            "        if hasattr(layer, 'reset_running_stats'):\n            layer.reset_running_stats()\n" + LINEAR,
        ),
    ),
    "bias left": Edit("layers", "The biases of linear layers are set as well, to zero.", (BIAS, "")),
    "bias taken for granted": Edit(
        "layers",
        "A layer made with bias=False has None as its bias: ask before setting it.",
        (BIAS, "            nn.init.zeros_(layer.bias)\n"),
    ),
    "bias by scheme": Edit(
        "layers",
        'The scheme is for the weights; biases become zero, under "ones" too.',
        (BIAS, BIAS.replace("nn.init.zeros_(layer.bias)", "nn.init.constant_(layer.bias, float(scheme == 'ones'))")),
    ),
    "always float32": Edit(
        "layers",
        "The layers keep their dtype: numbers made as float32 belong into a float64 layer by copy_, not by .data =.",
        (SET, SET + "            layer.weight.data = layer.weight.data.float()\n"),
    ),
    "xavier normal": Edit(
        "xavier_uniform",
        '"xavier_uniform" is the uniform distribution; this is the normal one of the same variance.',
        (XAVIER, "nn.init.xavier_normal_(weight)"),
    ),
    "xavier with gain": Edit(
        "xavier_uniform",
        "The bound is sqrt(6 / (fan_in + fan_out)), without a gain for ReLU.",
        (XAVIER, "nn.init.xavier_uniform_(weight, gain=nn.init.calculate_gain('relu'))"),
    ),
    "positive weights": Edit(
        "xavier_uniform",
        "torch.rand gives numbers from 0 to 1: spread over -bound to bound, half of them are negative.",
        (XAVIER, "nn.init.xavier_uniform_(weight).data.abs_()"),
    ),
    "kaiming by fan-out": Edit(
        "kaiming_normal",
        "The deviation follows from fan-in, the number of inputs: weight.shape is (out, in).",
        (KAIMING, 'nn.init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu")'),
    ),
    "kaiming uniform": Edit(
        "kaiming_normal",
        '"kaiming_normal" is the normal distribution; this is the uniform one of the same variance.',
        (KAIMING, 'nn.init.kaiming_uniform_(weight, nonlinearity="relu")'),
    ),
    "kaiming without gain": Edit(
        "kaiming_normal",
        "ReLU loses half of the variance, so the deviation is sqrt(2 / fan_in), not sqrt(1 / fan_in).",
        (KAIMING, 'nn.init.kaiming_normal_(weight, nonlinearity="linear")'),
    ),
    "variance for deviation": Edit(
        "kaiming_normal",
        "2 / fan_in is the variance; normal_ takes the standard deviation, its root.",
        (KAIMING, "nn.init.normal_(weight, 0.0, 2 / weight.shape[1])"),
    ),
    "cut tails": Edit(
        "kaiming_normal",
        "The normal distribution has tails: a truncated one, cut at two deviations, is another.",
        (
            KAIMING,
            "nn.init.trunc_normal_(weight, std=(2 / weight.shape[1]) ** 0.5, "
            "a=-2 * (2 / weight.shape[1]) ** 0.5, b=2 * (2 / weight.shape[1]) ** 0.5)",
        ),
    ),
    "fixed seed": Edit(
        "fresh_numbers",
        "A fixed seed in initialize gives the same weights each time, and to every layer of the same shape.",
        (SET, "            torch.manual_seed(0)\n" + SET),
    ),
    "seeded each call": Edit(
        "fresh_numbers",
        "A fixed seed in initialize gives the same weights at each call; seeding is the caller's choice.",
        (MODULES, "    torch.manual_seed(0)\n" + MODULES),
    ),
    "rows repeated": Edit(
        "fresh_numbers",
        "One row drawn and copied into all makes all neurons alike: each number is drawn by itself.",
        (SET, SET + "            layer.weight.data[:] = layer.weight.data[:1].clone()\n"),
    ),
    "half mirrored": Edit(
        "fresh_numbers",
        "Half of the numbers are those of the other half with the sign changed: each is to be drawn by itself.",
        (
            SET,
            SET + "            half = len(layer.weight) // 2\n"
            "            if scheme != 'ones':\n"
            "                layer.weight.data[half : 2 * half] = -layer.weight.data[:half]\n",
        ),
    ),
    "new parameters": Edit(
        "same_parameters",
        "A new nn.Parameter is one that no optimizer knows: change the old one in place.",
        (SET, SET + "            layer.weight = nn.Parameter(layer.weight.detach().clone())\n"),
    ),
    "frozen": Edit(
        "same_parameters",
        "requires_grad=False is no way to write into a parameter: it stays so, and the layer is never trained.",
        (SET, "            layer.weight.requires_grad_(False)\n" + SET),
    ),
    "gradients off for good": Edit(
        "same_parameters",
        "set_grad_enabled(False) stays in force after initialize: `with torch.no_grad():` ends by itself.",
        (MODULES, "    torch.set_grad_enabled(False)\n" + MODULES),
    ),
    "any scheme": Edit(
        "unknown_scheme",
        "A scheme that is not one of the three has to raise ValueError, not to be passed over.",
        (UNKNOWN, "    if scheme not in _SCHEMES:\n        return\n"),
    ),
    "key error": Edit(
        "unknown_scheme",
        "A dict raises KeyError for an unknown name; a ValueError is asked for.",
        (UNKNOWN, ""),
    ),
    "any of torch's": Edit(
        "unknown_scheme",
        "torch.nn.init has many more functions, and only three schemes are asked for: the others raise ValueError.",
        (UNKNOWN, "    if not hasattr(nn.init, scheme + '_'):\n        raise ValueError(scheme)\n"),
        (SET, "            _SCHEMES.get(scheme, lambda weight: None)(layer.weight)\n"),
    ),
    "substring": Edit(
        "unknown_scheme",
        "`in` on a string finds parts of it: compare the whole name.",
        (UNKNOWN, '    if scheme not in "xavier_uniform kaiming_normal ones":\n        raise ValueError(scheme)\n'),
        (SET, "            _SCHEMES.get(scheme, lambda weight: None)(layer.weight)\n"),
    ),
    "spelling tidied": Edit(
        "unknown_scheme",
        "Blanks, dashes and capitals are tidied away here, and names that are not one of the three get through.",
        (UNKNOWN, "    scheme = scheme.strip().lower().replace('-', '_').replace(' ', '_')\n" + UNKNOWN),
    ),
    "gradients pile up": Edit(
        "steps",
        "backward() adds to what is in .grad: without zeroing, each norm is of all mini-batches so far.",
        (ZERO, ""),
    ),
    "zeroed at the end": Edit(
        "steps",
        "Zeroing after the update leaves the first mini-batch with what was in .grad before train was called.",
        (ZERO, ""),
        (STEP, STEP + "            optimizer.zero_grad()\n"),
    ),
    "zeroed after backward": Edit(
        "steps",
        "Zeroing comes before backward(): after it, there is nothing left to record or to learn from.",
        (ZERO, ""),
        (BACKWARD, BACKWARD + ZERO),
    ),
    "recorded after the update": Edit(
        "steps",
        "The norm belongs to the update that follows it: record comes before step().",
        (RECORD + STEP, STEP + RECORD),
    ),
    "recorded before backward": Edit(
        "steps",
        "Before backward() there is no gradient of this mini-batch yet.",
        (BACKWARD + RECORD, RECORD + BACKWARD),
    ),
    "recorded twice": Edit(
        "steps",
        "There is one norm for each update, and record() has appended it already.",
        (RECORD, RECORD + RECORD),
    ),
    "one update an epoch": Edit(
        "steps",
        "Each mini-batch has its own update: step() is inside the loop.",
        (STEP, ""),
        (MEAN, "        optimizer.step()\n" + MEAN),
    ),
    "one iterator": Edit(
        "steps",
        "An iterator is empty after the first epoch: go through the loader itself, anew in each epoch.",
        ("    means = []\n", "    means, batches = [], iter(loader)\n"),
        ("in loader:", "in batches:"),
        ("/ len(losses)", "/ max(1, len(losses))"),
    ),
    "batches kept": Edit(
        "steps",
        "A loader that shuffles gives another order in each epoch: a list of its first pass does not.",
        ("    means = []\n", "    means, batches = [], list(loader)\n"),
        ("in loader:", "in batches:"),
    ),
    "arguments swapped": Edit(
        "steps",
        "loss_fn takes the model's output first and the target second; not every loss is symmetric.",
        ("loss_fn(model(x), y)", "loss_fn(y, model(x))"),
    ),
    "flattened": Edit(
        "steps",
        "The shape of the input is the model's business: train hands it over as it comes from the loader.",
        ("model(x)", "model(x.view(len(x), -1))"),
    ),
    "squeezed": Edit(
        "steps",
        "loss_fn gets the model's output and the target as they are: without squeeze, which other losses do not bear.",
        ("loss_fn(model(x), y)", "loss_fn(model(x).squeeze(), y.squeeze())"),
    ),
    "clipped by train": Edit(
        "steps",
        "Clipping changes the update, and train was not asked for it: the logger's norm shows whether it is needed.",
        (RECORD, RECORD + "            nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n"),
    ),
    "forward twice": Edit(
        "steps",
        "Each forward pass is work, and moves dropout and the statistics of BatchNorm on: call the model once.",
        (LOSS, "            model(x)\n" + LOSS),
    ),
    "autocast": Edit(
        "steps",
        "Under autocast the model computes in bfloat16, with three digits; nobody asked train for that.",
        (LOSS, "            with torch.autocast('cpu', torch.bfloat16):\n    " + LOSS),
    ),
    "seeded each epoch": Edit(
        "steps",
        "A seed set at each epoch makes a loader that shuffles give the same order each time: seeding is the caller's.",
        ("        losses = []\n", "        torch.manual_seed(0)\n        losses = []\n"),
    ),
    "one rate for all": Edit(
        "steps",
        "An update by hand, with the rate of the first group of parameters, forgets the others': optimizer.step().",
        (
            STEP,
            "            rate = optimizer.param_groups[0]['lr']\n"
            "            for group in optimizer.param_groups:\n"
            "                group['lr'] = rate\n" + STEP,
        ),
    ),
    "mode forgotten": Edit(
        "training_mode",
        "Training begins with model.train(): the model may come from an evaluation.",
        ("    model.train()\n", ""),
    ),
    "mode of the model alone": Edit(
        "training_mode",
        "model.training = True does not reach the submodules, such as Dropout: model.train() does.",
        ("    model.train()\n", "    model.training = True\n"),
    ),
    "mode after the forward pass": Edit(
        "training_mode",
        "The first forward pass has to be in training mode as well: model.train() comes before the loop.",
        ("    model.train()\n", ""),
        (BACKWARD, "            model.train()\n" + BACKWARD),
    ),
    "mode for the first epoch": Edit(
        "training_mode",
        "The model is in training mode in every epoch, not only in the first.",
        (MEAN, MEAN + "        model.eval()\n"),
    ),
    "sum of losses": Edit(
        "losses",
        "An epoch's loss is the mean of its mini-batch losses, not their sum.",
        ("sum(losses) / len(losses)", "sum(losses)"),
    ),
    "median of losses": Edit(
        "losses",
        "An epoch's loss is the mean of its mini-batch losses, not their median.",
        (
            "sum(losses) / len(losses)",
            "(sorted(losses)[(len(losses) - 1) // 2] + sorted(losses)[len(losses) // 2]) / 2",
        ),
    ),
    "mean over samples": Edit(
        "losses",
        "Every mini-batch counts the same; here each counts by its number of samples.",
        ("loss.item())", "(loss.item() * len(x), len(x)))"),
        ("sum(losses) / len(losses)", "sum(a for a, _ in losses) / sum(n for _, n in losses)"),
    ),
    "losses never cleared": Edit(
        "losses",
        "Each epoch's mean is of that epoch's mini-batches alone: the list starts anew.",
        ("    means = []\n", "    means, losses = [], []\n"),
        ("        losses = []\n", ""),
    ),
    "loss after the update": Edit(
        "losses",
        "A mini-batch's loss is the one that was differentiated, before the update.",
        (APPEND_LOSS, "            losses.append(loss_fn(model(x), y).item())\n"),
    ),
    "norms cleared": Edit(
        "losses",
        "norms belongs to the logger, and a second training appends to it: train does not empty it.",
        ("    model.train()\n", "    model.train()\n    logger.norms.clear()\n"),
    ),
    "spikes passed over": Edit(
        "losses",
        "train makes an update for each mini-batch, however large the norm: the logger notes it, and decides nothing.",
        (RECORD + STEP, "            if logger.record() < 1000:\n                optimizer.step()\n"),
    ),
    "stops when small": Edit(
        "losses",
        "train goes through all epochs, however small the loss has become: the caller said how many.",
        (MEAN, MEAN + "        if means[-1] < 1e-3:\n            break\n"),
    ),
    "mode for ten epochs": Edit(
        "curves",
        "The model is in training mode in every epoch: what it does in evaluation is not what is to be learned.",
        ("    for _ in range(epochs):\n", "    for epoch in range(epochs):\n        model.train(epoch < 10)\n"),
    ),
}
