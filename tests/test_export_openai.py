from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from agentstate import MessageRecord, blocks
from agentstate.jsontext import JsonText
from agentstate.render.export.openai import line
from examples import examples

CALL: Final = blocks.tool_call("grep", '{"pattern": "x"}')


def message(number: int, role: str, content: str, item: object = None) -> MessageRecord:
    text = None if item is None else JsonText(item if isinstance(item, str) else json.dumps(item))
    return MessageRecord(
        id=number, thread_id="t", role=role, content=content, item=text, created_at=number
    )


def chats(*messages: tuple[Any, ...], is_chat: bool = False) -> list[dict[str, Any]]:
    records = [message(number, *one) for number, one in enumerate(messages, start=1)]
    made = "".join(line(records, is_chat=is_chat))
    if not made:
        return []
    assert made.endswith("\n")
    assert made.count("\n") == 1
    found: list[dict[str, Any]] = json.loads(made)["messages"]
    return found


def require_valid(messages: list[dict[str, Any]]) -> None:
    """Require what a service does: each call is answered once, right after it."""
    waiting: list[str] = []
    for one in messages:
        if one["role"] == "tool":
            waiting.remove(one["tool_call_id"])
            assert isinstance(one["content"], str | list)
            continue
        assert not waiting
        assert one["role"] in {"system", "developer", "user", "assistant", "function"}
        assert one["role"] != "function" or one["name"]
        assert one["content"] or one["content"] == "" or one.get("tool_calls")
        assert one.get("tool_calls") != []
        for call in one.get("tool_calls", ()):
            assert isinstance(json.loads(call["function"]["arguments"]), dict)
            waiting.append(call["id"])
        assert len(set(waiting)) == len(waiting)
        assert one["role"] == "assistant" or not waiting
    assert not waiting


def test_what_came_as_chat_goes_out_as_it_came() -> None:
    items = [
        '{"role":"system","content":"Be  brief","x":1.10}',
        '{"role": "user", "content": [{"type": "text", "text": "Hi"}]}',
        '{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function"}]}',
        '{"role":"assistant","content":"again"}',
        '{"role":"tool","tool_call_id":"a","content":"1"}',
        '{"role":"tool","tool_call_id":"a","content":"2"}',
    ]
    records = [message(number, "user", "?", item) for number, item in enumerate(items, start=1)]
    assert "".join(line(records, is_chat=True)) == f'{{"messages": [{", ".join(items)}]}}\n'


def call_of(*ids: object, content: str | None = None) -> dict[str, object]:
    """Return a message of chat-completions that calls tools."""
    function = {"name": "f", "arguments": "{}"}
    calls = [{"id": one, "type": "function", "function": function} for one in ids]
    return {"role": "assistant", "content": content, "tool_calls": calls}


def result(call_id: str | None, content: object = "out") -> dict[str, object]:
    return {"role": "tool", "content": content} | ({"tool_call_id": call_id} if call_id else {})


def test_chat_that_needs_no_mending_goes_out_as_it_came() -> None:
    custom = {"id": "k", "type": "custom", "custom": {"name": "f", "input": "x"}}
    items = [
        '{"role":"system","content":"Be  brief","name":"s"}',
        '{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}',
        json.dumps(call_of("a", "b"), indent=0).replace("\n", " "),
        json.dumps(result("b", [{"type": "text", "text": "1.10"}])),
        json.dumps(result("a"), separators=(",", ":")),
        json.dumps({"role": "assistant", "content": None, "tool_calls": [custom]}),
        json.dumps(result("k")),
        '{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}}',
        '{"role":"function","name":"f","content":"1"}',
        '{"role":"assistant","content":null,"refusal":"No"}',
    ]
    records = [message(number, "user", "?", item) for number, item in enumerate(items, start=1)]
    assert "".join(line(records)) == f'{{"messages": [{", ".join(items)}]}}\n'


def test_calls_kept_as_chat_are_answered_where_nothing_did() -> None:
    found = chats(("assistant", "", call_of("a")))
    assert found == [call_of("a"), result("a", "(no result)")]
    found = chats(
        ("assistant", "", call_of("a", "b")),
        ("tool", "", result("b")),
        ("user", "Stop", {"role": "user", "content": "Stop"}),
        ("assistant", "", call_of("a")),
        ("user", "No"),
    )
    require_valid(found)
    assert [one.get("tool_call_id") for one in found] == [None, "b", "a", None, None, "a", None]


def test_answers_kept_as_chat_without_a_call_are_told_as_the_user() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    found = chats(
        ("tool", "", result("a")),
        ("assistant", "", call_of("a")),
        ("tool", "", result("a")),
        ("tool", "", result("a", parts)),
        ("assistant", "", call_of("call_Ab1")),
        ("tool", "", result("call_Zz9", "late")),
        ("function", "", {"role": "function", "content": "old"}),
    )
    require_valid(found)
    assert [one["content"] for one in found if one["role"] == "user"] == [
        "[tool result] out",
        "[tool result] one\n\ntwo",
        "[tool result] late",
        "[tool result] old",
    ]


def test_calls_kept_as_chat_get_ids_of_their_own_where_they_have_none() -> None:
    found = chats(
        ("assistant", "", call_of("a", "a", None, "call_1_1")),
        *[("tool", "", result("a", text)) for text in ("one", "two")],
        ("tool", "", result(None, "three")),
    )
    require_valid(found)
    ids = [call["id"] for call in found[0]["tool_calls"]]
    assert ids == ["a", "call_1_1", "call_1_2", "call_1_3"]
    assert [(one["tool_call_id"], one["content"]) for one in found[1:]] == [
        ("a", "one"),
        ("call_1_1", "two"),
        ("call_1_2", "three"),
        ("call_1_3", "(no result)"),
    ]


def test_what_only_looks_like_chat_is_made_of_its_text() -> None:
    none: list[object] = []
    for item in (
        {"role": "assistant", "content": None, "tool_calls": none},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "type": "function"}]},
        {"role": "assistant", "content": none},
        {"role": "user", "content": "x", "tool_calls": none},
        {"role": "system", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
        {"role": ["user"], "content": "x"},
        {"role": "user", "content": [{"type": ["text"]}]},
    ):
        assert chats(("assistant", "said", item)) == [{"role": "assistant", "content": "said"}]
    assert (
        chats(("assistant", "", {"role": "assistant", "content": None, "tool_calls": none})) == []
    )


def test_an_imported_chat_is_mended_only_where_the_tree_goes_on() -> None:
    last = call_of("a")
    assert chats(("assistant", "", last), is_chat=True) == [last]
    found = chats(("assistant", "", last), ("user", "Stop"), ("assistant", CALL), is_chat=True)
    require_valid(found)
    found = chats(("assistant", CALL), ("user", "", {"role": "user", "content": 1}), is_chat=True)
    assert [one["role"] for one in found] == ["assistant", "tool", "user"]


def test_without_a_name_a_function_is_a_tool() -> None:
    found = chats(("function", "first"), ("assistant", CALL), ("function", "second"))
    require_valid(found)
    assert [(one["role"], one["content"]) for one in found] == [
        ("user", "[tool result] first"),
        ("assistant", None),
        ("tool", "second"),
    ]


def test_an_item_of_another_agent_is_not_taken_for_chat() -> None:
    others = [
        {"role": "user", "content": [{"type": "input_text", "text": "x"}]},
        {"role": "user", "content": "x", "uuid": "1"},
        {"type": "user", "message": {"role": "user", "content": "x"}},
        {"role": "user"},
        ["role"],
        None,
    ]
    for item in others:
        assert chats(("user", "said", item)) == [{"role": "user", "content": "said"}]


def test_calls_of_one_reply_are_one_message_and_keep_their_ids() -> None:
    first = {"message": {"content": [{"type": "tool_use", "id": "c1", "input": {"id": "no"}}]}}
    second = {"payload": {"type": "function_call", "call_id": "c2", "id": "fc"}}
    found = chats(
        ("user", "Find x"),
        ("assistant", blocks.join([blocks.thinking("Hm"), "I look"]), {"x": 1}),
        ("assistant", CALL, first),
        ("assistant", blocks.tool_call("my tool!", "plain"), second),
        ("tool", "two", {"payload": {"type": "function_call_output", "call_id": "c2"}}),
        ("tool", "one", {"message": {"content": [{"tool_use_id": "c1"}]}}),
        ("assistant", "Done"),
    )
    require_valid(found)
    assert [one["role"] for one in found] == ["user", "assistant", "tool", "tool", "assistant"]
    assert found[1]["content"] == "I look"
    assert [call["function"] for call in found[1]["tool_calls"]] == [
        {"name": "grep", "arguments": '{"pattern": "x"}'},
        {"name": "my_tool_", "arguments": '{"input": "plain"}'},
    ]
    assert [(one["tool_call_id"], one["content"]) for one in found[2:4]] == [
        ("c2", "two"),
        ("c1", "one"),
    ]


def test_without_ids_results_answer_calls_in_turn() -> None:
    found = chats(("assistant", blocks.join([CALL, CALL])), ("tool", "one"), ("tool", "two"))
    require_valid(found)
    assert [one["tool_call_id"] for one in found[1:]] == ["call_1_0", "call_1_1"]


def test_a_call_that_nothing_answered_gets_an_answer_and_a_stray_result_is_told() -> None:
    found = chats(("assistant", CALL), ("user", "Stop"), ("tool", "late"), ("assistant", CALL))
    require_valid(found)
    assert [(one["role"], one["content"]) for one in found] == [
        ("assistant", None),
        ("tool", "(no result)"),
        ("user", "Stop"),
        ("user", "[tool result] late"),
        ("assistant", None),
        ("tool", "(no result)"),
    ]


def test_other_roles_and_empty_replies() -> None:
    assert chats(("developer", "a"), ("critic", "b"), ("assistant", blocks.thinking("c"))) == [
        {"role": "developer", "content": "a"},
        {"role": "user", "content": "b"},
    ]
    assert chats() == []


def test_a_branch_may_go_on_with_messages_of_another_kind() -> None:
    call = {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        ],
    }
    found = chats(("assistant", "", call), ("tool", "out"), ("assistant", CALL), ("tool", "more"))
    require_valid(found)
    assert found[0] == call
    assert found[1] == {"role": "tool", "tool_call_id": "a", "content": "out"}


PARTS: Final = st.sampled_from(["a", CALL, blocks.thinking("t"), blocks.tool_call("x", "[1]"), ""])
ITEMS: Final = st.sampled_from(
    [
        None,
        {"type": "tool_use", "id": "i"},
        {"tool_use_id": "i"},
        {"tool_use_id": "j"},
        {"type": "function_call", "call_id": "call_1_0"},
        {
            "type": "x",
            "message": [{"type": "tool_use", "id": "i"}, {"type": "tool_use", "id": "i"}],
        },
        *(call_of("i", "j"), call_of("i", "i"), call_of("call_1_0", "", content="a"), call_of()),
        *(result("i"), result("j", [{"type": "text", "text": "x"}]), result(None), result("k", "")),
        *({"role": "function", "content": "x"}, {"role": "function", "name": "f", "content": "x"}),
        *({"role": "user", "content": "x"}, {"role": "assistant", "content": None}),
    ]
)
MESSAGES: Final = st.tuples(
    st.sampled_from(["user", "assistant", "assistant", "tool", "tool", "function", "other"]),
    st.lists(PARTS, max_size=3).map(blocks.join),
    ITEMS,
)


@settings(max_examples=examples(200))
@given(st.lists(MESSAGES, max_size=8))
def test_whatever_the_tree_holds_the_calls_are_answered(
    messages: list[tuple[str, str, object]],
) -> None:
    require_valid(chats(*messages))
