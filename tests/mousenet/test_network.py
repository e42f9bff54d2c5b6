"""MouseNet as a network, against a plain version of itself and the numbers of the paper."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from mousenets import CHANNELS_32, SMALL, count, images, make
from torch.nn import functional as F

from dormouse.errors import InputError
from dormouse.mousenet.anatomy import Options, draw_masks, read_anatomy
from dormouse.mousenet.network import join_connections

READOUT = [29, 15, 19, 11, 18, 20, 32]  # channels of layer 5, from VISpor to VISp


def test_a_learned_mask_is_one_for_all_channels_and_learns():
    network = make(read_anatomy(replace(SMALL, mask="learned")))
    before = {name: convolution.mask.detach().clone() for name, convolution in network.projections.items()}
    shared = draw_masks(read_anatomy(replace(SMALL, mask="shared")), SMALL.mask_seed)
    for mask, expected in zip(before.values(), shared, strict=True):
        np.testing.assert_array_equal(mask, expected[0, 0])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    network(images(4, 16)).square().sum().backward()
    optimizer.step()
    assert any((convolution.mask != 0)[before[name] == 0].any() for name, convolution in network.projections.items())


def test_readouts_by_name(anatomy):
    network = make(read_anatomy(replace(SMALL, readout=["VISpor5", "VISp4"])))
    inputs = images(2, 16)
    active = network.activity(inputs)
    pooled = [F.adaptive_avg_pool2d(active[name], 4).flatten(1) for name in ("VISpor5", "VISp4")]
    torch.testing.assert_close(network.features(inputs), torch.cat(pooled, dim=1))
    assert network.classifier.in_features == 16 * (29 + 26)
    for name in ("VISpor6", "input"):
        with pytest.raises(InputError, match=rf"^MouseNet: no node '{name}' to read out"):
            read_anatomy(Options(readout=[name]))


def test_numbers_of_parameters(anatomy):
    thousand, ten = make(anatomy), make(anatomy, n_classes=10)
    assert (count(thousand.parameters()), count(ten.parameters())) == (4_457_969, 2_176_019)
    assert sum(convolution.weight.numel() for convolution in thousand.projections.values()) == 2_151_649
    assert sum(convolution.bias.numel() for convolution in thousand.projections.values()) == 558
    assert count(thousand.populations.parameters()) == 762
    assert thousand.classifier.in_features == 2304


def test_fused_convolutions_are_about_twenty(anatomy):
    groups = join_connections(anatomy)
    assert len(groups) == 20
    assert sorted(connection.source + connection.target for group in groups for connection in group.connections) == sorted(
        connection.source + connection.target for connection in anatomy.connections
    )
    largest = max(groups, key=lambda group: len(group.connections))
    assert (sum(largest.sources.values()), sum(largest.targets.values()), largest.kernel, largest.stride) == (100, 51, 21, 2)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-9)])
def test_fused_is_unfused(anatomy, dtype, tolerance):
    fused, plain = (make(anatomy, fused=fused).to(dtype).train() for fused in (True, False))
    inputs = images(1, 64).to(dtype)
    a, b = fused.activity(inputs), plain.activity(inputs)
    assert list(a) == list(b) == list(fused.populations)
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=tolerance, atol=tolerance * float(b[name].detach().abs().max()))


def test_half_precision(small):
    network, inputs, dtype = make(small).train(), images(4, 16), torch.bfloat16
    expected = network.features(inputs)
    with torch.autocast("cpu", dtype):
        found = network.features(inputs)
    assert found.dtype == dtype
    assert np.corrcoef(found.detach().float().flatten(), expected.detach().flatten())[0, 1] > 0.999
    with torch.no_grad():
        assert network.to(dtype)(inputs.to(dtype)).dtype == dtype


def test_activity_is_that_of_a_loop_over_the_equation(small):
    """Convolutions one by one, by the unfolded image and a matrix product, in float64."""
    network = make(small).double().eval()
    for norm in network.populations.values():
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    inputs = images(2, 16).double()
    active = {"input": inputs}
    places = (slice(None), None, None)
    for name, norm in network.populations.items():
        total = 0
        for connection in small.connections:
            if connection.target == name:
                convolution = network.projections[f"{connection.source}>{name}"]
                padded = F.pad(active[connection.source], connection.padding)
                columns = F.unfold(padded, connection.kernel, stride=connection.stride)
                weight = (convolution.weight * convolution.mask).flatten(1)
                total = total + (weight @ columns).unflatten(2, (connection.out_px,) * 2) + convolution.bias[places]
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        active[name] = ((total - norm.running_mean[:, None, None]) * scale[:, None, None] + norm.bias[:, None, None]).clip(
            min=0
        )
    found = network.activity(inputs)
    for name in found:
        torch.testing.assert_close(found[name], active[name], rtol=1e-9, atol=1e-12)
    assert [found[f"{area}5"].shape[1] for area in reversed(CHANNELS_32)] == READOUT
    pooled = [F.adaptive_avg_pool2d(active[f"{area}5"], 4).flatten(1) for area in reversed(CHANNELS_32)]
    torch.testing.assert_close(network(inputs), network.classifier(torch.cat(pooled, dim=1)))


def test_any_node_by_name_in_the_order_that_is_asked_for(small):
    network = make(small).eval()
    found = network.activity(images(1, 16), ["VISpor5", "VISp2/3"])
    assert {name: tuple(values.shape[1:]) for name, values in found.items()} == {
        "VISpor5": (29, 8, 8),
        "VISp2/3": (42, 16, 16),
    }
    with pytest.raises(InputError, match=r"no node 'VISx5'\. Did you mean"):
        network.activity(images(1, 16), ["VISx5"])


def test_what_is_no_connection_never_learns(small):
    network = make(small, n_classes=10)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    for step in range(3):
        optimizer.zero_grad()
        F.cross_entropy(network(images(4, 16, step)), torch.tensor([0, 1, 2, 3])).backward()
        for convolution in network.projections.values():
            assert not convolution.weight.grad[~convolution.mask].any()
        optimizer.step()
    for convolution in network.projections.values():
        assert not convolution.weight[~convolution.mask].any()
    assert any(convolution.weight.grad[convolution.mask].any() for convolution in network.projections.values())


def test_state_brings_masks_and_weights_back(small, tmp_path):
    from safetensors.torch import load_file, save_file

    first, second = make(small, seed=0).eval(), make(read_anatomy(replace(SMALL, mask_seed=None)), seed=5).eval()
    assert not torch.equal(first.projections["VISp4>VISp2/3"].mask, second.projections["VISp4>VISp2/3"].mask)
    save_file(first.state_dict(), tmp_path / "weights.safetensors")
    second.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(first(images(2, 16)), second(images(2, 16)))


def test_masks_of_ones_are_no_masks():
    without = make(read_anatomy(replace(SMALL, mask="none")))
    masked = make(read_anatomy(SMALL))
    for convolution, other in zip(masked.projections.values(), without.projections.values(), strict=True):
        convolution.mask.fill_(True)
        convolution.weight.data.copy_(other.weight)
        convolution.bias.data.copy_(other.bias)
    masked.classifier.load_state_dict(without.classifier.state_dict())
    torch.testing.assert_close(masked(images(2, 16)), without(images(2, 16)))


def test_masked_initialisation_gives_the_variance_of_a_dense_one():
    options = {name: Options(input_px=32, neuron_fraction=1 / 4, initialisation=name) for name in ("dense", "masked")}
    dense, masked = (make(read_anatomy(option)) for option in options.values())
    for convolution, other in zip(dense.projections.values(), masked.projections.values(), strict=True):
        assert torch.equal(convolution.mask, other.mask)
        share = convolution.mask.float().mean()
        torch.testing.assert_close(other.weight.square().sum() * share, convolution.weight.square().sum())


def test_linear_lgn_is_neither_normalised_nor_rectified():
    linear = make(read_anatomy(replace(SMALL, lgn="linear"))).eval()
    inputs = images(1, 16)
    active = linear.activity(inputs)["LGNd"]
    assert (active < 0).any()
    made = linear.projections["input>LGNd"]
    torch.testing.assert_close(active, F.conv2d(F.pad(inputs, (4,) * 4), made.weight * made.mask, made.bias))
    assert not (make(read_anatomy(SMALL)).eval().activity(inputs)["LGNd"] < 0).any()


def test_the_same_seeds_give_the_same_network(small):
    first, second, other = make(small), make(small), make(read_anatomy(replace(SMALL, mask_seed=5)))
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True))
    assert any((a.mask != b.mask).any() for a, b in zip(first.projections.values(), other.projections.values(), strict=True))
