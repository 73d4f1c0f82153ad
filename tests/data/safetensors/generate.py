"""Makes the fixtures of this folder: python generate.py (torch, safetensors 0.8).

The files are small and are committed; the tests of the module `data::safetensors` read them and write them again, bit for bit.
"""

import torch
from safetensors.torch import save_file

torch.manual_seed(0)
every_type = {
    "half": torch.tensor([[1.0, -0.5, 65504.0], [6e-8, float("inf"), 0.1]], dtype=torch.float16),
    "single": torch.tensor([[0.1], [1e-45], [-3e38]], dtype=torch.float32),
    "double": torch.tensor(0.1, dtype=torch.float64),
    "signed 8": torch.tensor([-128, 127], dtype=torch.int8),
    "signed 16": torch.tensor([-32768, 32767], dtype=torch.int16),
    "signed 32": torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32),
    "signed 64": torch.tensor([-(2**63), 2**63 - 1], dtype=torch.int64),
    "unsigned 8": torch.tensor([0, 255], dtype=torch.uint8),
    "unsigned 16": torch.tensor([0, 65535], dtype=torch.uint16),
    "unsigned 32": torch.tensor([0, 2**32 - 1], dtype=torch.uint32),
    "unsigned 64": torch.tensor([0, 2**64 - 1], dtype=torch.uint64),
    "flags": torch.tensor([True, False, True]),
    "empty": torch.zeros(0, 3),
    'na"me\\ \n é': torch.ones(2, 1, 2),
}
save_file(every_type, "every_type.safetensors", metadata={"made by": 'torch "and"\nsafetensors é'})
save_file({"brain": torch.tensor([1.0, -3.140625, 1e30, float("nan")], dtype=torch.bfloat16)}, "brain.safetensors")
save_file({"small": torch.tensor([1.0, -2.0]).to(torch.float8_e4m3fn)}, "refused_eight_bits.safetensors")

model = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2))
state = {f"layers.{index // 2}.{name}": tensor for index, layer in enumerate(model) for name, tensor in layer.state_dict().items()}
save_file(state, "model.safetensors")
x = torch.tensor([[0.5, -1.0, 2.0]])
print("model at", x.tolist(), "is", model(x).tolist())

# A chain with its outputs, gradients and three steps of Adam: tests/learning/sequential.rs.
chain = torch.nn.Sequential(
    torch.nn.Linear(2, 5), torch.nn.LayerNorm(5), torch.nn.SiLU(), torch.nn.Dropout(0.0), torch.nn.Linear(5, 1)
).double()
save_file(chain.state_dict(), "sequential.safetensors")
x = torch.tensor([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]], dtype=torch.float64, requires_grad=True)
target = torch.tensor([[1.0], [-0.5], [0.25]], dtype=torch.float64)
adam = torch.optim.Adam(chain.parameters(), lr=0.01)
for step in range(3):
    adam.zero_grad()
    x.grad = None
    y = chain(x)
    loss = torch.nn.functional.mse_loss(y, target)
    loss.backward()
    if step == 0:
        print("chain at", x.tolist(), "is", y.flatten().tolist())
        print("gradient in x:", x.grad.flatten().tolist())
        print("gradient in the parameters:", torch.cat([p.grad.flatten() for p in chain.parameters()]).tolist())
    adam.step()
save_file(chain.state_dict(), "sequential_trained.safetensors")
