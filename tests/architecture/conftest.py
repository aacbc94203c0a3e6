import torch

# as in a worker: one thread, so that sums are added in one order
torch.set_num_threads(1)
