"""Torch's own total norm for the gradients, own formulas with .data for the weights; prints as it trains."""

import math
import statistics

import torch as t


class UnknownScheme(ValueError):
    def __init__(self, scheme):
        super().__init__(f"no scheme is called {scheme}")


class GradNormLogger:
    def __init__(self, parameters):
        self._watched = tuple(parameters)
        self.norms: list[float] = []

    def record(self):
        norm = t.nn.utils.get_total_norm([p.grad for p in self._watched if p.grad is not None])
        self.norms.append(float(norm))
        return float(norm)


def xavier_uniform(w):
    fan_out, fan_in = w.size()
    a = math.sqrt(6.0) / math.sqrt(fan_in + fan_out)
    w.data = (2 * t.rand(fan_out, fan_in, dtype=w.dtype) - 1) * a


def kaiming_normal(w):
    w.data = t.randn_like(w.data) * math.sqrt(2 / w.size(1))


def ones(w):
    w.data = t.ones_like(w.data)


def initialize(model, scheme):
    fill = {f.__name__: f for f in (xavier_uniform, kaiming_normal, ones)}.get(scheme)
    if fill is None:
        raise UnknownScheme(scheme)
    for name, m in model.named_modules():
        if issubclass(type(m), t.nn.Linear):
            fill(m.weight)
            if m.bias is not None:
                m.bias.data.zero_()


def train(model, loss_fn, optimizer, loader, epochs, logger):
    model.train(True)

    def losses():
        for x, y in loader:
            for p in model.parameters():
                p.grad = None
            loss = loss_fn(model(x), y)
            loss.backward()
            logger.record()
            optimizer.step()
            yield loss.item()

    result = [statistics.fmean(losses()) for _ in range(epochs)]
    print("losses:", result)
    return result


if __name__ == "__main__":
    layer = t.nn.Linear(2, 1)
    initialize(layer, "kaiming_normal")
    data = [(t.randn(4, 2), t.randn(4, 1))]
    print(
        train(
            layer,
            t.nn.functional.mse_loss,
            t.optim.SGD(layer.parameters(), 0.1),
            data,
            3,
            GradNormLogger(layer.parameters()),
        )
    )
