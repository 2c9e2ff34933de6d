"""Digits in PyTorch."""

import problem
import torch
from torch import nn

torch.manual_seed(problem.seed())
(x, y), (x_test, y_test) = (
    (torch.from_numpy(pictures).permute(0, 3, 1, 2), torch.from_numpy(targets).long())
    for pictures, targets in problem.rows()
)
net = nn.Sequential(
    *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
    *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
    *(nn.Flatten(), nn.Linear(2 * 2 * 64, 10)),
).to(memory_format=torch.channels_last)
optimizer = torch.optim.Adam(net.parameters(), lr=problem.RATE, fused=True)
epochs, accuracy = 0, 0.0
while epochs < problem.EPOCHS and accuracy < problem.GOAL:
    net.train()
    for rows in torch.randperm(len(x)).split(problem.BATCH):
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
        optimizer.step()
    net.eval()
    with torch.inference_mode():
        accuracy = (net(x_test).argmax(1) == y_test).float().mean().item()
    epochs += 1
problem.tell(epochs, accuracy)
