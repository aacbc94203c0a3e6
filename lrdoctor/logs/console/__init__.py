"""Text logs: a small registry of named formats, told by a line that only they have, and a generic reader.

The order is that of the readers in turn: Megatron-DeepSpeed logs hold lines of both, and DeepSpeed's hold no loss, so
its reader comes after all that find one.
"""

from lrdoctor.logs.console.base import TextFormat
from lrdoctor.logs.console.boxes import BOXES
from lrdoctor.logs.console.build_nanogpt import BUILD_NANOGPT
from lrdoctor.logs.console.composer import COMPOSER
from lrdoctor.logs.console.coqui import COQUI
from lrdoctor.logs.console.cyclegan import CYCLEGAN
from lrdoctor.logs.console.deepspeed import DEEPSPEED
from lrdoctor.logs.console.fairseq import FAIRSEQ
from lrdoctor.logs.console.generic import Generic
from lrdoctor.logs.console.hf_console import HF_CONSOLE
from lrdoctor.logs.console.llmc import LLMC, LLMC_FILE
from lrdoctor.logs.console.megatron import MEGATRON
from lrdoctor.logs.console.nanogpt import MODDED_NANOGPT, NANOGPT
from lrdoctor.logs.console.nanotron import NANOTRON
from lrdoctor.logs.console.olmo import OLMO
from lrdoctor.logs.console.torchtitan import TORCHTITAN

NAMED: tuple[TextFormat, ...] = (
    MEGATRON,
    NANOTRON,
    TORCHTITAN,
    LLMC,
    LLMC_FILE,
    NANOGPT,
    MODDED_NANOGPT,
    FAIRSEQ,
    COMPOSER,
    OLMO,
    HF_CONSOLE,
    COQUI,
    CYCLEGAN,
    BUILD_NANOGPT,
    BOXES,
)
GUESSED: tuple[TextFormat | Generic, ...] = (Generic(NAMED), DEEPSPEED)
"""Told by guessing: after every format, of other readers too, that a signature tells."""

FORMATS = (*NAMED, *GUESSED)
"""The first whose `sniff` says yes reads the text."""
