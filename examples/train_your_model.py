"""Train your own PyTorch model with exactly a unit's rounding: train_your_model.py [DESIGN]."""

import sys

import torch
from sklearn.datasets import load_digits
from torch import nn

from esru.torch import Rounding, quantise

design = sys.argv[1] if len(sys.argv) > 1 else "8:7:select:lfsr13,leap=7,lanes=64"
torch.manual_seed(0)
torch.set_num_threads(1)
images, labels = load_digits(return_X_y=True)
inputs, labels = torch.tensor(images / 8 - 1).float(), torch.tensor(labels)

rounding = Rounding(activations="nearest", gradients="nearest", updates=design)
model = quantise(nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)), rounding)
optimizer = rounding.optimizer(torch.optim.SGD(model.parameters(), lr=2**-6))
for _ in range(1000):
    batch = torch.randint(0, 1400, (32,))
    loss = nn.functional.cross_entropy(model(inputs[batch]), labels[batch])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
correct = model(inputs[1400:]).argmax(1) == labels[1400:]
print(f"{design}: {100 * correct.float().mean():.1f} % of the test digits, weights in int8")
