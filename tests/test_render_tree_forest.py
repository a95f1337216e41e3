from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from agentstate.render.tree_forest import Forest, tree_nodes
from trees import chain, message, stored

if TYPE_CHECKING:
    from agentstate.records import MessageRecord


def test_nodes_of_a_stored_thread() -> None:
    owner, messages = stored("t-tree")
    branch = set(Forest(messages).path_to(owner.current_leaf_id))
    nodes = {node["id"]: node for node in tree_nodes(messages, branch, owner.current_leaf_id)}
    assert list(nodes) == [record.id for record in messages]
    assert nodes[16] == {
        "id": 16,
        "parent_entry_id": None,
        "role": "user",
        "content": "tree main 0: ",
        "created_at": 1795471288,
        "depth": 0,
        "on_active_branch": True,
        "is_leaf": False,
        "is_current_leaf": False,
    }
    assert nodes[38] | {"depth": 22, "is_leaf": False, "is_current_leaf": True} == nodes[38]
    assert nodes[39] | {"depth": 23, "is_leaf": True, "on_active_branch": False} == nodes[39]
    assert nodes[65]["depth"] == 16
    leaves = [entry for entry, node in nodes.items() if node["is_leaf"]]
    assert leaves == [39, 52, 56, 57, 58, 63, 64, 65]
    assert sum(node["on_active_branch"] for node in nodes.values()) == 23


def test_nodes_of_the_end_of_a_branch_know_their_depth_and_their_other_answers() -> None:
    messages = chain(10)[7:]
    nodes = list(tree_nodes(messages, {8, 9, 10}, 10, earlier=7, answered={10}))
    assert [node["depth"] for node in nodes] == [7, 8, 9]
    assert [node["is_leaf"] for node in nodes] == [False, False, False]


def test_depth_is_unknown_in_a_cycle_below_it_and_below_a_missing_parent() -> None:
    messages = [
        *chain(2),
        message(3, 4),
        message(4, 3),
        message(5, 4),
        message(6, 6),
        message(7, 99),
        message(8, 7),
        message(9, 2),
    ]
    nodes = {node["id"]: node["depth"] for node in tree_nodes(messages, set(), None)}
    assert nodes == {1: 0, 2: 1, 3: None, 4: None, 5: None, 6: None, 7: None, 8: None, 9: 2}


@given(st.data())
def test_depth_leaves_and_sizes_are_those_of_a_plain_count(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 30))
    entries = st.integers(1, size)
    messages = [
        message(entry, data.draw(st.none() | entries | st.just(99))) for entry in range(1, size + 1)
    ]
    parents = {record.id: record.parent_entry_id for record in messages}
    forest = Forest(messages)

    def ancestors(entry: int) -> list[int | None]:
        path: list[int | None] = []
        step: int | None = entry
        while step is not None and step in parents and step not in path:
            path.append(step)
            step = parents[step]
        return [*path, step]

    for node, record in zip(tree_nodes(messages, set(), None), messages, strict=True):
        path = ancestors(record.id)
        assert node["depth"] == (len(path) - 2 if path[-1] is None else None)
        assert node["is_leaf"] == (record.id not in parents.values())
        reachable = path[-1] is None or path[-1] not in parents
        assert (record.id in forest.size) == reachable
        if reachable:
            below = [m.id for m in messages if record.id in ancestors(m.id)]
            leaves = [entry for entry in below if entry not in parents.values()]
            assert forest.size[record.id] == len(below)
            assert forest.leaves[record.id] == len(leaves)
            assert forest.newest_leaf[record.id] == max(leaves)
            assert forest.path_to(record.id) == list(reversed(path[:-1]))


def test_30000_messages_make_nodes_and_a_forest() -> None:
    size = 30_000
    deep = chain(size)
    assert [node["depth"] for node in tree_nodes(deep, set(), size)] == list(range(size))
    assert Forest(deep).size[1] == size
    ring: list[MessageRecord] = [message(entry, entry % size + 1) for entry in range(1, size + 1)]
    assert {node["depth"] for node in tree_nodes(ring, set(), None)} == {None}
    assert len(Forest(ring).unreachable) == size
