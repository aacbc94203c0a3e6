import event_writer as w
import numpy as np
import pytest

from lrdoctor.logs._crc32c import masked_crc32c


def test_the_check_value_of_the_standard():
    (crc,) = masked_crc32c(np.frombuffer(b"123456789", dtype=np.uint8), np.array([0]), np.array([9]))
    assert int(crc) == w.masked(0xE3069283)


@pytest.mark.parametrize("lengths", [range(140), [255, 256, 257, 511, 512, 513], [5000, 3, 64, 128]])
def test_pieces_of_any_length_agree_with_the_definition(lengths):
    rng = np.random.default_rng(0)
    data = rng.integers(0, 256, 6000, dtype=np.uint8)
    length = np.array(lengths)
    start = rng.integers(0, data.size - length.max(), length.size)
    expected = [w.masked(w.crc32c(bytes(data[s : s + n]))) for s, n in zip(start, length, strict=True)]
    assert masked_crc32c(data, start, length).tolist() == expected


def test_no_piece_has_no_checksum():
    assert (
        masked_crc32c(np.zeros(0, dtype=np.uint8), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)).size == 0
    )
