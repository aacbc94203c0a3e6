"""The callbacks in small real trainings of their frameworks, against the recorder of `lrdoctor run` on the same script.

`make test-frameworks` runs them in an environment of their own; without a framework its tests are skipped.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import lrdoctor
from lrdoctor.recording.settings import Recording

LONGEST = 180

DATA = """
import json, os, sys, torch
rank, n_ranks = (int(os.environ.get(name, default)) for name, default in (("RANK", "0"), ("WORLD_SIZE", "1")))
X = torch.randn(64, 4, generator=torch.Generator().manual_seed(0)); Y = X.sum(1, keepdim=True)
folder, rate, steps, on_unstable = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
def callbacks(made):
    return [] if folder == "none" else [made(folder, on_unstable=on_unstable)]
"""

HF = (
    DATA
    + """
from transformers import Trainer, TrainingArguments, set_seed
from lrdoctor.integrations.hf import LrdoctorCallback
class Net(torch.nn.Module):
    def __init__(self): super().__init__(); self.net = torch.nn.Linear(4, 1)
    def forward(self, x, labels): return {"loss": torch.nn.functional.mse_loss(self.net(x), labels)}
class Set(torch.utils.data.Dataset):
    def __len__(self): return 64
    def __getitem__(self, i): return {"x": X[i], "labels": Y[i]}
set_seed(0)
args = TrainingArguments("hf", max_steps=steps, logging_steps=1, per_device_train_batch_size=8, learning_rate=rate,
                         gradient_accumulation_steps=2, max_grad_norm=0.1 if rate < 1 else 0.0, use_cpu=True,
                         report_to=[], disable_tqdm=True, save_strategy="no", optim="sgd",
                         lr_scheduler_type="constant")
trainer = Trainer(model=Net(), args=args, train_dataset=Set(), callbacks=callbacks(LrdoctorCallback))
trainer.train()
logged = [row for row in trainer.state.log_history if "loss" in row]
norms = [float(row["grad_norm"]) for row in logged]
print(json.dumps({"rank": rank, "updates": trainer.state.global_step, "norms": norms}), flush=True)
"""
)

LIGHTNING = (
    DATA
    + """
import lightning as L
from lrdoctor.integrations.lightning import LrdoctorCallback
class Net(L.LightningModule):
    def __init__(self): super().__init__(); self.net = torch.nn.Linear(4, 1); self.norms = []
    def training_step(self, batch, i): return torch.nn.functional.mse_loss(self.net(batch[0]), batch[1])
    def validation_step(self, batch, i):
        self.log("val_loss", torch.nn.functional.mse_loss(self.net(batch[0]), batch[1]))
    def on_before_optimizer_step(self, optimizer):
        self.norms.append(torch.nn.utils.get_total_norm([p.grad for p in self.parameters()]).item())
    def configure_optimizers(self): return torch.optim.SGD(self.parameters(), lr=rate)
L.seed_everything(0, verbose=False)
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), 16)
net = Net()
trainer = L.Trainer(max_steps=steps, accelerator="cpu", devices=n_ranks, logger=False,
                    gradient_clip_val=0.1 if rate < 1 else None, enable_checkpointing=False,
                    enable_progress_bar=False, enable_model_summary=False,
                    accumulate_grad_batches=2, callbacks=callbacks(LrdoctorCallback))
trainer.fit(net, loader, loader)
print(json.dumps({"rank": rank, "updates": trainer.global_step, "norms": net.norms}), flush=True)
"""
)

KERAS = (
    DATA
    + """
import keras
from lrdoctor.integrations.keras import LrdoctorCallback
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
clip = {"global_clipnorm": 0.1} if rate < 1 else {}
model.compile(optimizer=keras.optimizers.SGD(rate, **clip), loss="mse")
model.fit(X.numpy(), Y.numpy(), batch_size=16, epochs=steps // 4, verbose=0, shuffle=False,
          validation_data=(X.numpy(), Y.numpy()), callbacks=callbacks(LrdoctorCallback))
print(json.dumps({"updates": int(model.optimizer.iterations), "norms": None}))
"""
)

ACCELERATE = (
    DATA
    + """
from accelerate import Accelerator
import lrdoctor
from contextlib import nullcontext
torch.manual_seed(0)
accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
net = torch.nn.Linear(4, 1)
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), 16)
net, optimizer, loader = accelerator.prepare(net, torch.optim.SGD(net.parameters(), lr=rate), loader)
recorder = None if folder == "none" else lrdoctor.Recorder(optimizer, folder=folder, on_unstable=on_unstable)
n, total, norms = 0, 0.0, []
while n < steps and not (recorder and recorder.should_stop):
    for x, y in loader:
        with accelerator.accumulate(net):
            loss = torch.nn.functional.mse_loss(net(x), y)
            accelerator.backward(loss)
            total += loss.item() / 2
            if accelerator.sync_gradients:
                norm = accelerator.clip_grad_norm_(net.parameters(), 0.1 if rate < 1 else 1e30)
                norms.append(norm.item())
                if recorder:
                    recorder.step(loss=total, gradient_norm=norm)
                n, total = n + 1, 0.0
            optimizer.step(); optimizer.zero_grad()
        if n >= steps or (recorder and recorder.should_stop):
            break
if recorder:
    recorder.finish()
print(json.dumps({"updates": n, "norms": norms}))
"""
)

SCRIPTS = {
    "hf": (HF, ("transformers", "accelerate")),
    "lightning": (LIGHTNING, ("lightning",)),
    "keras": (KERAS, ("keras",)),
    "accelerate": (ACCELERATE, ("accelerate",)),
}
HEALTHY, DIVERGES = "0.05", "1.5"


def ran(tmp_path: Path, framework: str, *arguments: str, out: Path | None = None) -> tuple[dict[str, Any], str]:
    """What the script printed, and its standard error; with `out` recorded from without, as `lrdoctor run` does."""
    stdout, stderr = launched(tmp_path, framework, ["train.py", *arguments], out)
    return json.loads(stdout.splitlines()[-1]), stderr


def launched(tmp_path: Path, framework: str, words: list[str], out: Path | None = None) -> tuple[str, str]:
    """Standard output and error of Python on these words, the script of the framework being `train.py`."""
    script, needed = SCRIPTS[framework]
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: pip install -e '.[frameworks]'")
    (tmp_path / "train.py").write_text(script, encoding="utf-8")
    env = {
        **os.environ, "OMP_NUM_THREADS": "1", "KERAS_BACKEND": "torch", "HF_HUB_OFFLINE": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONPATH": os.pathsep.join([str(Path(lrdoctor.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]),
    }  # fmt: skip
    if out is not None:
        out.mkdir()
        env = Recording(directory=str(out)).environment(env)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *words],
        cwd=tmp_path, env=env, capture_output=True, text=True, timeout=LONGEST, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def rows(folder: Path) -> list[list[float]]:
    lines = (folder / "steps.csv").read_text("ascii").splitlines()[1:]
    return [[float(cell) for cell in line.split(",")[:4]] for line in lines]


@pytest.mark.parametrize("framework", SCRIPTS)
def test_a_callback_records_what_the_recorder_does(framework: str, tmp_path: Path) -> None:
    ran(tmp_path, framework, "none", HEALTHY, "8", "warn", out=tmp_path / "run")
    printed, said = ran(tmp_path, framework, str(tmp_path / "callback"), HEALTHY, "8", "warn")
    assert printed["updates"] == 8
    assert "lrdoctor" not in said
    recorded, told = rows(tmp_path / "run"), rows(tmp_path / "callback")
    assert len(recorded) == 8
    if framework == "accelerate":  # whose loss the loop adds up itself
        assert [row[2] for row in told] == pytest.approx([row[2] for row in recorded], rel=1e-6)
        recorded, told = ([[*row[:2], row[3]] for row in of] for of in (recorded, told))
    assert told == recorded
    norms = [row[-1] for row in told]
    assert min(norms) > 0.1  # before clipping at 0.1
    if printed["norms"] is not None:
        assert norms == pytest.approx(printed["norms"], rel=1e-3)
    facts = json.loads((tmp_path / "callback" / "recording.json").read_text("utf-8"))
    assert facts["framework"] == framework if framework != "accelerate" else True


@pytest.mark.parametrize("framework", SCRIPTS)
def test_stop_stops_the_training(framework: str, tmp_path: Path) -> None:
    printed, said = ran(tmp_path, framework, str(tmp_path / "out"), DIVERGES, "400", "stop")
    assert 5 < printed["updates"] < 400
    assert "UNSTABLE at step" in said
    assert "the training is stopped; recorded in" in said
    assert lrdoctor.diagnose(tmp_path / "out").verdict == "unstable"


@pytest.mark.parametrize("framework", ["hf", "lightning"])
def test_stop_ends_two_ranks_after_the_same_update(framework: str, tmp_path: Path) -> None:
    """Else the one that goes on waits for the other in its next backward; the first one alone records and tells."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "train.py"]
    stdout, said = launched(tmp_path, framework, [*launcher, str(tmp_path / "out"), DIVERGES, "400", "stop"])
    # both write to one stream, and what one prints may stand in the line of the other
    starts = [found.start() for found in re.finditer('{"rank"', stdout)]
    printed = [json.JSONDecoder().raw_decode(stdout, start)[0] for start in starts]
    ends = {end["rank"]: end["updates"] for end in printed}
    assert set(ends) == {0, 1}
    assert 5 < ends[0] == ends[1] < 400
    assert said.count("UNSTABLE at step") == 1
    assert len(rows(tmp_path / "out")) == ends[0]


@pytest.mark.parametrize("framework", ["lightning", "keras"])
def test_validation_losses_are_kept(framework: str, tmp_path: Path) -> None:
    ran(tmp_path, framework, str(tmp_path / "out"), HEALTHY, "8", "warn")
    (run,) = lrdoctor.diagnose(tmp_path / "out").runs
    assert "val_loss" in run.curves
