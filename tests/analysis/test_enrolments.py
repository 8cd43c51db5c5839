import numpy as np

from analysis.enrolments import read_enrolments


def test_order_of_the_rows_does_not_matter(simulate):
    study = simulate(24, n_items=2, strata=("b", "a"), multiples=(1, 2))
    straight = read_enrolments(study.table, study.design)
    study.rows.reverse()

    turned = read_enrolments(study.table, study.design)

    assert turned.subjects == straight.subjects
    np.testing.assert_array_equal(turned.allocation.arm, straight.allocation.arm)
    np.testing.assert_array_equal(turned.allocation.permuted_block, straight.allocation.permuted_block)


def test_people_stand_in_the_order_of_stratum_and_place(simulate):
    study = simulate(6, n_items=2, strata=("b", "a"))

    enrolments = read_enrolments(study.table, study.design)

    # Stratum "a" has the odd ones, "b" the even ones, each with a permuted block of its own.
    assert enrolments.subjects == ("p0001", "p0003", "p0005", "p0000", "p0002", "p0004")
    assert enrolments.allocation.permuted_block.tolist() == [0, 0, 0, 1, 1, 1]
    assert enrolments.allocation.block_sizes == (4, 4)
    assert enrolments.missing_places == 0


def test_an_erased_participant_leaves_a_counted_gap(simulate):
    study = simulate(8, n_items=2)
    study.without(study.where(subject_id="p0002"))

    assert read_enrolments(study.table, study.design).missing_places == 1


def test_rows_of_nobody_allocated_have_no_position(simulate):
    study = simulate(2, n_items=2, left_early=1)
    enrolments = read_enrolments(study.table, study.design)

    positions = enrolments.positions(study.table)

    owners = dict(zip(study.table.subject_id.tolist(), positions.tolist(), strict=True))
    assert owners == {"p0000": 0, "p0001": 1, "q0000": -1}


def test_where_blocks_are_not_known_the_counts_alone_are_held(simulate):
    study = simulate(9, n_items=2)
    study.tree["allocation"] = {"method": "complete"}

    allocation = read_enrolments(study.table, study.design).allocation

    counts = np.bincount(allocation.arm)
    assert allocation.block_sizes == (9,)
    assert allocation.content(9) == tuple(counts)
    for labels in allocation.redraws(50, seed=1):
        np.testing.assert_array_equal(np.apply_along_axis(np.bincount, 1, labels), np.tile(counts, (50, 1)))
