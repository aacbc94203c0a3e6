"""What a loss means, by the names of the columns beside it, as loggers and people write them."""

from __future__ import annotations

from typing import Any

import pytest

from lrdoctor.core.curve import Curve
from lrdoctor.core.run import Run
from lrdoctor.measures import objective


def of(names: str, **provenance: Any) -> objective.Objective:
    """Of a run with these columns beside its training loss; names are parted by two blanks."""
    curves = {name: Curve.of([1.0]) for name in ("train_loss", *names.split("  ")) if name}
    return objective.of(Run("r", "log.csv", curves, provenance=provenance))


REINFORCEMENT = {
    "SB3 progress.csv": "rollout/ep_rew_mean  train/entropy_loss  train/policy_gradient_loss  train/approx_kl",
    "SB3 SAC": "train/actor_loss  train/critic_loss  train/ent_coef",
    "SB3 DQN, one tag": "rollout/exploration_rate",
    "CleanRL": "charts/episodic_return  losses/qf1_loss",
    "RLlib": "info/learner/default_policy/learner_stats/vf_loss  episode_reward_mean",
    "RLlib, new stack": "env_runners/episode_return_mean  num_env_steps_sampled_lifetime",
    "TRL GRPO": "reward  reward_std  kl  completions/mean_length  frac_reward_zero_std  rewards/acc/mean",
    "TRL PPO": "objective/kl  objective/rlhf_reward  policy/approxkl_avg  loss/value_avg  val/clipfrac_avg",
    "TRL online DPO": "rewards/chosen  rewards/margins  objective/rlhf_reward",
    "verl": "actor/pg_loss  critic/score/mean",
    "OpenRLHF": "policy_loss  return  response_length",
    "Spinning Up PPO": "LossPi  LossV  DeltaLossV",
    "Spinning Up": "AverageEpRet  TotalEnvInteracts",
    "rlzoo": "pi-loss  average-q-values  average-episode-return",
    "rlkit": "trainer/QF1 Loss  trainer/Policy Loss",
    "Garage": "Evaluation/AverageReturn",
    "dopamine": "Train/AverageReturns",
    "ML-Agents": "Environment/Cumulative Reward  Losses/Value Loss",
    "rsl_rl": "Loss/surrogate  Train/mean_reward",
    "a DQN script": "episode  score  epsilon",
    "a DQN script, two columns": "Episode  Avg Score",
    "return of an episode": "episode/Return",
    "actor and critic": "actor_loss  critic_loss",
    "critic alone": "critic_loss",
    "GAIL": "discriminator_loss  mean_reward",
    "baselines": "eprewmean",
    "DreamerV3-like": "reward_loss  policy_loss",
    "preferences beside a policy": "policy_loss  rewards/chosen",
}
ADVERSARIAL = {
    "Lightning GAN": "g_loss  d_loss",
    "bolts": "loss/gen_step  loss/disc_step",
    "DCGAN tutorial": "Loss_D  Loss_G  D(x)  D(G(z))",
    "errors": "errD  errG",
    "joined words": "lossG  lossD",
    "lower case": "gloss  dloss",
    "CycleGAN": "D_A  G_A  cycle_A  idt_A  D_B  G_B",
    "pix2pix": "G_GAN  G_L1  D_real  D_fake",
    "BasicSR": "l_g_pix  l_g_gan  l_d_real  out_d_fake",
    "StyleGAN": "Loss/G/loss  Loss/D/loss  Loss/scores/fake",
    "VITS": "loss/g/total  loss/d/total  loss/g/mel",
    "Coqui": "loss_disc  loss_gen  loss_feat",
    "HiFi-GAN": "training/gen_loss_total  training/mel_spec_error",
    "LDM autoencoder": "train/aeloss_disc_loss  train/g_loss  train/nll_loss",
    "SRGAN": "g_loss  adversarial_loss  content_loss",
    "bare words": "generator  discriminator",
    "generator alone": "train/generator_loss",
    "WGAN": "critic_loss  generator_loss",
    "networks": "netD  lr",
    "networks, joined": "netg_total",
}
MINIMIZED = {
    "nothing": "",
    "cross entropy, as a class": "CrossEntropyLoss",
    "cross entropy, spelled": "cross_entropy_loss  Cross Entropy Loss  binary_cross_entropy_loss",
    "cross entropy, short": "x_entropy_loss  softmax_entropy_loss",
    "entropy at test time": "entropy_loss",
    "VAE": "recon_loss  kl_loss  kl_weight  elbo  beta",
    "VQ-VAE": "vq_loss  commit_loss  q_loss  perplexity",
    "VQ with entropy": "entropy_loss  q_loss  quant_loss",
    "TRL SFT": "entropy  num_tokens  mean_token_accuracy  epoch",
    "TRL DPO": "rewards/chosen  rewards/rejected  rewards/accuracies  rewards/margins  logps/chosen  logits/rejected",
    "TRL KTO": "rewards/chosen  rewards/margins  kl",
    "TRL ORPO": "nll_loss  log_odds_ratio  log_odds_chosen  rewards/accuracies",
    "TRL reward model": "accuracy  margin  min_reward  mean_reward  max_reward",
    "reward model": "reward_loss  reward_model/accuracy",
    "LeRobot": "train/update_s  eval/avg_sum_reward  eval/avg_max_reward  eval/pc_success",
    "diffusion policy": "train_action_mse_error  test/sim_max_reward_100000  test_mean_score",
    "decision transformer": "evaluation/target_3600_return_mean  training/action_error",
    "first loss value": "loss_value  val_loss_value",
    "t and v": "t_loss  v_loss",
    "v alone": "loss_v  velocity_mse",
    "physics-informed": "pi_loss  bc_loss  ic_loss",
    "settings": "d_model  generator_seed  d_ff  n_heads  num_generators  data_generator_time  organ  critical_batch",
    "depth": "d_loss  ssim_loss",
    "gradient loss": "g_loss  l1_loss",
    "generated text": "gen_loss  und_loss",
    "optic disc": "disc_loss  cup_loss  disc_dice",
    "discriminative": "discriminative_loss  var_loss",
    "sign language": "gloss_wer  gloss  txt_bleu",
    "PGD": "adv_loss  adv_acc  clean_acc",
    "adversarial training": "adversarial_loss  natural_loss  robust_accuracy",
    "Sinkhorn": "wasserstein_loss  sinkhorn_iterations",
    "ELECTRA": "mlm_loss  disc_loss  gen_loss  generator_loss  discriminator_acc",
    "ELECTRA, rtd": "rtd_loss  generator_loss  discriminator_loss",
    "domain adversarial": "domain_loss  class_loss  lambda",
    "differential privacy": "epsilon  delta",
    "few shots": "episode  accuracy",
    "clipped gradients": "grad_clip_fraction  clip_fraction",
    "finance": "sharpe_ratio  cumulative_return  returns_mse",
    "scores": "bleu_score  score",
    "parts of words": "rewarded_tokens  criticality  organ_dice",
    "Hugging Face": "eval_runtime  eval_samples_per_second  grad_norm  learning_rate",
    "distillation": "distill_loss  kd_loss  student_loss  teacher_entropy",
    "Detectron": "loss_cls  loss_box_reg  loss_rpn_cls",
    "YOLO": "train/box_loss  train/cls_loss  train/dfl_loss  metrics/mAP50(B)",
    "DETR": "loss_ce  loss_giou  class_error  cardinality_error_unscaled",
    "MoE": "load_balancing_loss  router_z_loss  expert_entropy",
    "contrastive": "loss_q_to_d  temperature  logit_scale",
    "optimizer": "momentum  epsilon_adam  beta1",
}


def table() -> list[Any]:
    groups = {"reinforcement": REINFORCEMENT, "adversarial": ADVERSARIAL, "minimized": MINIMIZED}
    return [pytest.param(names, kind, id=what) for kind, group in groups.items() for what, names in group.items()]


@pytest.mark.parametrize(("names", "kind"), table())
def test_the_columns_show_it(names: str, kind: str) -> None:
    found = of(names)
    assert found.kind == kind, found.reason


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ("lr  rollout/ep_rew_mean", "column 'rollout/ep_rew_mean'"),
        ("G_loss  lr  D_loss", "columns 'G_loss' and 'D_loss'"),
        ("lr", ""),
    ],
)
def test_the_reason_names_the_columns(names: str, reason: str) -> None:
    assert of(names).reason == reason


@pytest.mark.parametrize("kind", ["minimized", "reinforcement", "adversarial"])
def test_what_the_user_says_wins(kind: str) -> None:
    given = {"objective": kind, "objective_reason": "given by --objective"}
    assert of("rollout/ep_rew_mean  discriminator_loss", **given) == objective.Objective(kind, "given by --objective")


def test_the_log_s_own_names_of_what_is_read_count_too() -> None:
    columns = {"train_loss": "train/critic_loss", "step": None}
    assert of("", columns=columns) == objective.Objective("reinforcement", "column 'train/critic_loss'")


def test_every_kind_has_its_why() -> None:
    kinds = {kind for kind, _ in (*objective.SIGNS, *objective.PAIRS)}
    assert set(objective.WHY) == {*kinds, "minimized"}
    assert all(objective.WHY[kind] for kind in kinds)
