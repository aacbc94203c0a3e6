"""Trainings by the frameworks that people use, recorded as they are, against what each framework says of itself.

`make test-frameworks` runs them in an environment of their own; without a framework its test is skipped.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from lrdoctor.recording.settings import Recording

LONGEST = 180
Row = dict[str, float | None]


class Done:
    """A script that has run, recorded."""

    def __init__(self, folder: Path, stdout: str) -> None:
        self.folder, self.stdout = folder, stdout

    @property
    def facts(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / "recording.json").read_text("utf-8"))
        return document

    def column(self, name: str) -> list[float]:
        with open(self.folder / "steps.csv", encoding="ascii", newline="") as file:
            return [float(row[name]) for row in csv.DictReader(file)]

    @property
    def printed(self) -> Any:
        """The JSON on the last line of its standard output."""
        return json.loads(self.stdout.splitlines()[-1])


def record(tmp_path: Path, script: str, *arguments: str, launcher: tuple[str, ...] = (), **settings: Any) -> Done:
    """Runs the script in a folder of its own; it must end well unless the recording ends it."""
    (tmp_path / "train.py").write_text(script, encoding="utf-8")
    out = tmp_path / "out"
    out.mkdir()
    base = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "KERAS_BACKEND": "torch",
        "HF_HUB_OFFLINE": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    ran = subprocess.run(
        [sys.executable, *launcher, "train.py", *arguments],
        cwd=tmp_path, env=Recording(directory=str(out), **settings).environment(base), capture_output=True, text=True,
        timeout=LONGEST, check=False,
    )  # fmt: skip
    assert ran.returncode == (79 if "max_updates" in settings else 0), ran.stderr
    assert "lrdoctor:" not in ran.stderr
    return Done(out, ran.stdout)


def needs(*names: str) -> pytest.MarkDecorator:
    """Skips a test without these; looking for them imports none of them here."""
    missing = [name for name in names if find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}: pip install -e '.[frameworks]'")


DATA = """
import json, torch
from torch.nn.functional import mse_loss
X = torch.randn(64, 4, generator=torch.Generator().manual_seed(0)); Y = X.sum(1, keepdim=True)
"""

LIGHTNING = (
    DATA
    + """
import lightning as L
class Net(L.LightningModule):
    def __init__(self):
        super().__init__(); self.net = torch.nn.Linear(4, 1); self.seen = []; self.norms = []
    def training_step(self, batch, i):
        loss = mse_loss(self.net(batch[0]), batch[1]); self.seen.append(loss.item()); return loss
    def on_before_optimizer_step(self, optimizer):
        self.norms.append(torch.nn.utils.get_total_norm([p.grad for p in self.parameters()]).item())
    def configure_optimizers(self):
        o = torch.optim.SGD(self.parameters(), lr=0.05)
        return {"optimizer": o, "lr_scheduler": {"scheduler": torch.optim.lr_scheduler.ExponentialLR(o, 0.5),
                                                 "interval": "step"}}
L.seed_everything(0)
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), 16)
net = Net()
trainer = L.Trainer(max_steps=4, accelerator="cpu", gradient_clip_val=0.1, logger=False, enable_checkpointing=False,
                    enable_progress_bar=False, enable_model_summary=False, accumulate_grad_batches=2)
trainer.fit(net, loader)
print(json.dumps([net.seen, net.norms]))
"""
)


@needs("lightning")
def test_lightning(tmp_path: Path) -> None:
    done = record(tmp_path, LIGHTNING)
    seen, norms = done.printed
    assert done.column("train_loss") == pytest.approx([(a + b) / 2 for a, b in zip(seen[::2], seen[1::2], strict=True)])
    assert done.column("grad_norm") == norms
    assert done.column("learning_rate") == [0.05, 0.025, 0.0125, 0.00625]
    assert (done.facts["framework"], done.facts["backwards_per_update"]) == ("lightning", 2)
    assert done.facts["clipping"] == [{"max_norm": 0.1, "norm_type": 2.0}]


HF = """
import json, torch
from transformers import Trainer, TrainingArguments, set_seed
class Net(torch.nn.Module):
    def __init__(self): super().__init__(); self.net = torch.nn.Linear(4, 1)
    def forward(self, x, labels):
        loss = torch.nn.functional.mse_loss(self.net(x), labels); return {"loss": loss}
class Data(torch.utils.data.Dataset):
    def __init__(self): g = torch.Generator().manual_seed(0); self.x = torch.randn(64, 4, generator=g)
    def __len__(self): return 64
    def __getitem__(self, i): return {"x": self.x[i], "labels": self.x[i].sum(0, keepdim=True)}
set_seed(0)
args = TrainingArguments("hf", max_steps=5, logging_steps=1, per_device_train_batch_size=8, learning_rate=0.05,
                         gradient_accumulation_steps=2, max_grad_norm=0.1, use_cpu=True, report_to=[],
                         disable_tqdm=True, save_strategy="no")
trainer = Trainer(model=Net(), args=args, train_dataset=Data())
trainer.train()
print(json.dumps([row for row in trainer.state.log_history if "loss" in row]))
"""


@needs("transformers", "accelerate")
def test_hugging_face_trainer(tmp_path: Path) -> None:
    done = record(tmp_path, HF)
    said = [{key: float(value) for key, value in row.items()} for row in done.printed]
    assert done.column("train_loss") == pytest.approx([row["loss"] for row in said], rel=1e-3)
    assert done.column("grad_norm") == pytest.approx([row["grad_norm"] for row in said], rel=1e-3)
    assert done.column("learning_rate") == pytest.approx([row["learning_rate"] for row in said], rel=1e-3)
    assert (done.facts["framework"], done.facts["backwards_per_update"]) == ("hf", 2)


ACCELERATE = (
    DATA
    + """
from accelerate import Accelerator
accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
torch.manual_seed(0)
model = torch.nn.Linear(4, 1); optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), 16)
model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
rows, total = [], 0.0
for x, y in loader:
    with accelerator.accumulate(model):
        loss = mse_loss(model(x), y); accelerator.backward(loss); total += loss.item() / 2
        if accelerator.sync_gradients:
            rows.append([total, accelerator.clip_grad_norm_(model.parameters(), 0.1).item()]); total = 0.0
        optimizer.step(); optimizer.zero_grad()
print(json.dumps(rows))
"""
)


@needs("accelerate")
@pytest.mark.parametrize("launcher", [(), ("-m", "accelerate.commands.launch", "--num_processes=1", "--cpu")])
def test_accelerate(tmp_path: Path, launcher: tuple[str, ...]) -> None:
    done = record(tmp_path, ACCELERATE, launcher=launcher)
    losses, norms = zip(*done.printed, strict=True)
    assert done.column("train_loss") == pytest.approx(list(losses))
    assert done.column("grad_norm") == list(norms)
    assert done.facts["framework"] == "accelerate"


KERAS = """
import json, numpy as np, keras
keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32"); y = x.sum(1, keepdims=True)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(0.05, global_clipnorm=0.1), "mse")
means = []
each = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: means.append(float(logs["loss"])))
model.fit(x, y, batch_size=16, epochs=1, shuffle=False, verbose=0, callbacks=[each])
print(json.dumps([n * mean - sum(means[k] * (k + 1) - (means[k - 1] * k if k else 0) for k in range(n - 1))
                  for n, mean in enumerate(means, 1)]))
"""


@needs("keras")
def test_keras_on_torch(tmp_path: Path) -> None:
    done = record(tmp_path, KERAS)
    assert done.column("train_loss") == pytest.approx(done.printed, rel=1e-4)  # taken out of running means
    assert done.column("learning_rate") == pytest.approx([0.05] * 4)
    assert all(norm > 0.1 for norm in done.column("grad_norm"))
    assert done.facts["framework"] == "keras"
    assert done.facts["clipping"] == [{"global_clipnorm": 0.1}]


@needs("keras")
def test_keras_is_steered(tmp_path: Path) -> None:
    done = record(tmp_path, KERAS, learning_rate=0.01, warmup_steps=2, max_updates=3)
    assert done.column("learning_rate") == pytest.approx([0.0, 0.005, 0.01])


@needs("keras")
@pytest.mark.parametrize(
    ("steered", "rates"),
    [
        ({}, [0.0, 0.02, 0.04, 0.06]),
        ({"learning_rate": 0.6, "own_learning_rate": 0.06}, [0.0, 0.2, 0.4, 0.6]),
        ({"learning_rate": 0.6, "own_learning_rate": 0.06, "post_warmup_constant": True}, [0.6] * 4),
        ({"learning_rate": 0.0}, [0.0] * 4),
    ],
)
def test_a_schedule_of_keras_keeps_its_shape(tmp_path: Path, steered: dict[str, Any], rates: list[float]) -> None:
    rising = "keras.optimizers.schedules.PolynomialDecay(0.0, 4, 0.08)"
    done = record(tmp_path, KERAS.replace("SGD(0.05", f"SGD({rising}"), **steered)
    assert done.column("learning_rate") == pytest.approx(rates)
    assert done.facts["optimizers"][0]["highest_learning_rate"] == pytest.approx(0.06)
    assert done.facts["failure"] is None


PEFT = """
import json, torch
from datasets import Dataset
from peft import LoraConfig
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
from trl import SFTConfig, SFTTrainer
words = {"<unk>": 0, "<eos>": 1, **{chr(97 + k): k + 2 for k in range(26)}}
of = Tokenizer(models.WordLevel(words, unk_token="<unk>")); of.pre_tokenizer = pre_tokenizers.Split("", "isolated")
tokens = PreTrainedTokenizerFast(tokenizer_object=of, unk_token="<unk>", eos_token="<eos>", pad_token="<eos>")
torch.manual_seed(0)
model = GPT2LMHeadModel(GPT2Config(vocab_size=28, n_positions=32, n_embd=16, n_layer=1, n_head=2, bos_token_id=1,
                                   eos_token_id=1))
args = SFTConfig("sft", per_device_train_batch_size=4, max_steps=4, logging_steps=1, max_length=16, report_to=[],
                 use_cpu=True, save_strategy="no", disable_tqdm=True)
trainer = SFTTrainer(model=model, args=args, processing_class=tokens,
                     train_dataset=Dataset.from_dict({"text": ["abcdefgh" * 2] * 32}),
                     peft_config=LoraConfig(r=2, target_modules=["c_attn"], task_type="CAUSAL_LM"))
trainer.train()
print(json.dumps([row for row in trainer.state.log_history if "loss" in row]))
"""


@needs("trl", "peft", "datasets")
def test_lora_by_trl(tmp_path: Path) -> None:
    done = record(tmp_path, PEFT)
    said = [{key: float(row[key]) for key in ("loss", "grad_norm", "learning_rate")} for row in done.printed]
    assert done.column("train_loss") == pytest.approx([row["loss"] for row in said], rel=1e-3)
    assert done.column("grad_norm") == pytest.approx([row["grad_norm"] for row in said], rel=1e-3)
    assert done.facts["framework"] == "hf"


HYDRA = """
import hydra, json, torch
@hydra.main(version_base=None, config_path=None)
def main(cfg):
    torch.manual_seed(0)
    w = torch.zeros(1, requires_grad=True); o = torch.optim.SGD([w], lr=cfg.lr); losses = []
    for _ in range(3):
        o.zero_grad(); loss = (w - 1).square().sum(); loss.backward(); losses.append(loss.item()); o.step()
    print(json.dumps(losses))
main()
"""


@needs("hydra")
def test_hydra(tmp_path: Path) -> None:
    done = record(tmp_path, HYDRA, "+lr=0.25")
    assert done.column("train_loss") == done.printed
    assert done.column("learning_rate") == [0.25] * 3
