"""Files → messages: shapes, places, and what happens to lines that cannot be read."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.errors import SourceError
from curation.read import Reading, find, read
from curation.recipe import Source

HEADER = "conversation,role,text\n"


def reading(folder: Path, content: str | bytes, name: str = "log.csv", **source: Any) -> Reading:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read([path], [Source(**source)])


def said(found: Reading) -> list[tuple[str, str, str, str]]:
    return list(found.messages.select("source", "conversation", "role", "raw").iter_rows())


def faults(found: Reading) -> list[tuple[int, str]]:
    return list(found.unreadable.select("line", "why").iter_rows())


# --- tables -----------------------------------------------------------------------------------------------------


def test_a_csv_with_header_is_read_by_common_names(tmp_path: Path) -> None:
    found = reading(tmp_path, "会话ID,时间,发送方,昵称,内容\nS1,2024-06-16 08:52,客户,小鱼,怎么退\nS1,,客服,艾,您好\n")
    assert said(found) == [("log.csv:2", "S1", "user", "怎么退"), ("log.csv:3", "S1", "assistant", "您好")]
    assert found.messages["time"].to_list() == ["2024-06-16 08:52", None]


def test_header_names_and_role_words_are_matched_without_case_and_space(tmp_path: Path) -> None:
    found = reading(tmp_path, " Session_ID ,SENDER,Message\na, Customer ,hi\nb,AGENT,hello\n")
    assert said(found) == [("log.csv:2", "a", "user", "hi"), ("log.csv:3", "b", "assistant", "hello")]


def test_a_csv_without_header_is_read_by_numbers(tmp_path: Path) -> None:
    columns = {"conversation": 0, "role": 2, "text": 1}
    found = reading(tmp_path, "a,hi,user\na,hello,agent\n", header=False, columns=columns)
    assert said(found) == [("log.csv:1", "a", "user", "hi"), ("log.csv:2", "a", "assistant", "hello")]


def test_without_header_the_width_of_most_rows_counts(tmp_path: Path) -> None:
    columns = {"conversation": 0, "role": 1, "text": 2}
    found = reading(tmp_path, "a,user,x,y\nb,user,hi\nc,user,hi\n", header=False, columns=columns)
    assert faults(found) == [(1, "4 fields where 3 are expected")]


def test_quotes_are_letters_in_a_tsv_and_marks_in_a_csv(tmp_path: Path) -> None:
    tsv = reading(tmp_path, 'conversation\trole\ttext\na\tuser\t"hi\n', "log.tsv")
    assert said(tsv) == [("log.tsv:2", "a", "user", '"hi')]
    csv = reading(tmp_path, HEADER + 'a,user,"one, ""two"""\n')
    assert said(csv) == [("log.csv:2", "a", "user", 'one, "two"')]


def test_a_recipe_can_turn_quoting_on_in_a_tsv(tmp_path: Path) -> None:
    found = reading(tmp_path, 'conversation\trole\ttext\na\tuser\t"x\ty"\n', "log.tsv", quote=True)
    assert said(found) == [("log.tsv:2", "a", "user", "x\ty")]


def test_a_quoted_line_break_belongs_to_the_text_and_later_lines_keep_their_numbers(tmp_path: Path) -> None:
    found = reading(tmp_path, HEADER + 'a,user,"one\n\ntwo"\na,agent,three\n')
    assert said(found) == [("log.csv:2", "a", "user", "one\n\ntwo"), ("log.csv:5", "a", "assistant", "three")]


def test_a_quote_that_is_never_closed_costs_only_its_own_line(tmp_path: Path) -> None:
    found = reading(tmp_path, HEADER + 'a,user,hi\na,user,"open\na,agent,"fine, this"\nb,user,bye\n')
    assert faults(found) == [(3, "a quote is opened and never closed")]
    assert [row[3] for row in said(found)] == ["hi", "fine, this", "bye"]
    assert found.unreadable["bytes"].to_list() == ['a,user,"open']


def test_a_quote_with_text_behind_it_is_bad_quoting(tmp_path: Path) -> None:
    found = reading(tmp_path, HEADER + 'a,user,"x" y\na,user,ok\n')
    assert [line for line, _ in faults(found)] == [2]
    assert faults(found)[0][1].startswith("bad quoting: ")


@pytest.mark.parametrize(("row", "fields"), [("a,user", 2), ("a,user,x,y", 4), (",", 2)])
def test_a_row_with_too_few_or_too_many_fields_is_set_aside(tmp_path: Path, row: str, fields: int) -> None:
    found = reading(tmp_path, f"{HEADER}a,user,hi\n{row}\nb,user,bye\n")
    assert faults(found) == [(3, f"{fields} fields where 3 are expected")]
    assert [text for *_, text in said(found)] == ["hi", "bye"]


def test_invalid_bytes_cost_only_their_line(tmp_path: Path) -> None:
    found = reading(tmp_path, HEADER.encode() + b"a,user,\xff\xfe!\na,user,ok\n")
    assert faults(found) == [(2, "not UTF-8: invalid byte at position 8")]
    assert found.unreadable["bytes"].to_list() == [r"a,user,\xff\xfe!"]
    assert [text for *_, text in said(found)] == ["ok"]


def test_invalid_bytes_inside_a_quoted_field_cost_only_their_record(tmp_path: Path) -> None:
    found = reading(tmp_path, HEADER.encode() + b'a,user,"one\n\xff\ntwo"\na,user,ok\n')
    assert faults(found) == [(2, "not UTF-8: invalid byte at position 1")]
    assert said(found) == [("log.csv:5", "a", "user", "ok")]
    assert found.inputs[0].records == 2


def test_a_byte_order_mark_and_crlf_are_no_part_of_the_text(tmp_path: Path) -> None:
    found = reading(
        tmp_path, b"\xef\xbb\xbf" + HEADER.replace("\n", "\r\n").encode() + b'a,user,hi\r\na,user,"x\r\ny"\r\n'
    )
    assert [text for *_, text in said(found)] == ["hi", "x\ny"]


def test_blank_lines_are_no_records_but_a_row_of_empty_fields_is_one(tmp_path: Path) -> None:
    found = reading(tmp_path, "conversation\trole\ttext\n\n  \na\tuser\thi\n\t\t\n\n", "log.tsv")
    assert (said(found), faults(found)) == ([("log.tsv:4", "a", "user", "hi")], [(5, "no conversation id")])


@pytest.mark.parametrize("window", [1 << 20, 32])
def test_a_header_that_comes_again_is_no_record(tmp_path: Path, window: int) -> None:
    (tmp_path / "log.csv").write_text(f"{HEADER}a,user,hi\n{HEADER}b,user,{HEADER[:-1].replace(',', ' ')}\n")
    found = read([tmp_path / "log.csv"], [Source()], window=window)
    assert [row[0] for row in said(found)] == ["log.csv:2", "log.csv:4"]
    assert (faults(found), found.inputs[0].records) == ([], 2)
    pairs = reading(tmp_path, "question,answer\nhi,hello\nquestion,answer\nquestion,answers\n", "pairs.csv")
    assert pairs.messages["raw"].to_list() == ["hi", "hello", "question", "answers"]


@pytest.mark.parametrize("row", ["合计,,2条", "Total:,,2", ",总计,", "总计：2 条,,", "小计,2,00:03:12", "Sum,,1.2%"])
def test_a_row_of_sums_is_no_record(tmp_path: Path, row: str) -> None:
    found = reading(tmp_path, f"{HEADER}a,user,合计\nTotal,user,hi\n{row}\n")
    assert [row[2] for row in said(found)] == ["user", "user"]
    assert (faults(found), found.inputs[0].records) == ([], 2)


def test_a_row_of_sums_with_words_in_it_says_what_it_is(tmp_path: Path) -> None:
    found = reading(tmp_path, f"{HEADER}a,user,hi\n合计,,客服小王最多\n")
    assert faults(found) == [(3, "a row of sums, no message")]


def test_ids_that_a_spreadsheet_has_rounded_tell_nothing_apart(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^log.csv: the ids in column 'conversation' were rounded"):
        reading(tmp_path, HEADER + "1.23457E+15,user,hi\n" * 3)
    assert len(said(reading(tmp_path, HEADER + "1.23457E+15,user,hi\n" + "A2,user,hi\n" * 3))) == 4


def test_unknown_roles_and_missing_ids_are_set_aside_with_the_reason(tmp_path: Path) -> None:
    found = reading(tmp_path, HEADER + "a,elf,hi\n ,user,hi\na,,hi\na,user,\n")
    assert faults(found) == [(2, "unknown role 'elf'"), (3, "no conversation id"), (4, "no role")]
    assert said(found) == [("log.csv:5", "a", "user", "")]


def test_a_recipe_s_role_words_win(tmp_path: Path) -> None:
    found = reading(tmp_path, HEADER + "a,bot,hi\na,1,yes\n", roles={"assistant": "bot", "user": 1})
    assert [role for _, _, role, _ in said(found)] == ["assistant", "user"]


def test_nul_bytes_are_kept(tmp_path: Path) -> None:
    assert said(reading(tmp_path, HEADER + 'a,user,x\0y\na,user,"x\0,"\n')) == [
        ("log.csv:2", "a", "user", "x\0y"),
        ("log.csv:3", "a", "user", "x\0,"),
    ]


def test_gb18030_is_read_where_the_recipe_says_so(tmp_path: Path) -> None:
    content = ("\ufeff" + HEADER + "a,user,退款𠮷\n").encode("gb18030")
    assert said(reading(tmp_path, content, encoding="gb18030")) == [("log.csv:2", "a", "user", "退款𠮷")]


def test_gb18030_is_found_out(tmp_path: Path) -> None:
    found = reading(tmp_path, "会话ID,发送方,内容\nS1,客户,退款\n".encode("gb18030"))
    assert said(found) == [("log.csv:2", "S1", "user", "退款")]
    assert found.inputs[0].encoding == "gb18030"


def test_a_header_in_another_encoding_is_an_error_with_its_cure(tmp_path: Path) -> None:
    content = "会话ID,发送方,内容\nS1,客户,退款\n".encode("gb18030")
    with pytest.raises(SourceError, match=r"log.csv:1: the header cannot be read: not UTF-8.*name the file's encoding"):
        reading(tmp_path, content, encoding="utf-8")


def test_a_file_without_known_names_shows_them_unless_they_may_be_a_record(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no column names that say what holds what; found: session_id, who, what"):
        reading(tmp_path, "session_id,who,what\na,b,c\n")
    with pytest.raises(SourceError) as caught:
        reading(tmp_path, "S1,客户,我的手机13800138000\nS1,客服,您好\n")
    assert "13800138000" not in str(caught.value)
    assert "is it a header at all?" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ({"columns": {"text": "body"}}, "the recipe's column 'body' is not there; found: conversation, role, text"),
        ({"columns": {"text": "txt"}}, r"'txt' is not there; found: .*, text; did you mean 'text'\?"),
        ({"columns": {"text": "a.b"}}, "the recipe's column 'a.b' is not there"),
        ({"columns": {"text": 3}}, r"the recipe's column text: 3 is beyond the last of 3 columns \(0 to 2\)"),
        ({"header": False, "columns": {"conversation": 0, "role": "role", "text": 2}}, "needs column numbers from 0"),
        ({"header": False}, r"no column.*columns: \{conversation: 0"),
        ({"shape": "records"}, "no column for question"),
        ({"shape": "conversations", "columns": {"messages": "text"}}, "a table holds no nested conversations"),
    ],
)
def test_a_mapping_that_does_not_fit_a_table_is_an_error(tmp_path: Path, source: dict[str, Any], fault: str) -> None:
    with pytest.raises(SourceError, match=fault):
        reading(tmp_path, HEADER + "a,user,hi\n", **source)


# --- JSON -------------------------------------------------------------------------------------------------------

LINE = '{"ticket": "T1", "from": "customer", "body": "hi"}\n'


def test_a_broken_json_line_costs_only_itself(tmp_path: Path) -> None:
    found = reading(tmp_path, LINE + '{"ticket": "T1", \n\n[1]\n' + LINE, "log.jsonl")
    assert said(found) == [("log.jsonl:1", "T1", "user", "hi"), ("log.jsonl:5", "T1", "user", "hi")]
    assert [line for line, _ in faults(found)] == [2, 4]
    assert faults(found)[0][1].startswith("not JSON: ")
    assert faults(found)[1] == (4, "expected an object, found list")


def test_the_first_line_may_be_broken_too(tmp_path: Path) -> None:
    found = reading(tmp_path, "oops\n{}\n" + LINE, "log.jsonl")
    assert (faults(found)[1:], said(found)) == ([(2, "no conversation id")], [("log.jsonl:3", "T1", "user", "hi")])


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 20000])
def test_json_that_python_refuses_costs_only_its_line(tmp_path: Path, value: str) -> None:
    found = reading(tmp_path, LINE + f'{{"ticket": {value}\n{{"x": {value}}}\n' + LINE, "log.jsonl")
    assert ([line for line, _ in faults(found)], len(said(found))) == ([2, 3], 2)


def test_half_surrogate_pairs_become_the_replacement_character(tmp_path: Path) -> None:
    found = reading(tmp_path, '{"ticket": "T", "from": "user", "body": "a\\ud83d b \\ud83d\\ude00"}\n', "log.jsonl")
    assert said(found)[0][3] == "a\ufffd b \U0001f600"


def test_half_surrogate_pairs_in_an_unreadable_line_do_not_stop_the_run(tmp_path: Path) -> None:
    found = reading(tmp_path, LINE + '{"ticket": "T", "from": "\\ud83d", "body": "x"}\n', "log.jsonl")
    assert [line for line, _ in faults(found)] == [2]


def test_a_key_that_only_later_records_have_is_read(tmp_path: Path) -> None:
    records = [{"question": "q1", "answer": "a1"}, {"question": "q2", "answer": "a2", "cot": "think"}]
    found = reading(tmp_path, "\n".join(map(json.dumps, records)), "log.jsonl")
    assert found.messages["cot"].to_list() == [None, "", None, "think"]  # the first lacks what others have
    many = [records[0]] * 1500 + [records[1]]
    found = reading(tmp_path, "\n".join(map(json.dumps, many)), "log.jsonl")
    assert found.messages["cot"].to_list()[-1] == "think"


def test_a_json_array_gives_every_item_the_line_it_begins_on(tmp_path: Path) -> None:
    found = reading(tmp_path, "\n[\n" + LINE + ",\n\n" + LINE + "]", "log.json")
    assert [row[0] for row in said(found)] == ["log.json:3", "log.json:6"]
    long = json.dumps(json.loads(LINE), indent=1)  # five lines
    found = reading(tmp_path, f"[{long},\n{long},\n{long}]", "log.json")
    assert [row[0] for row in said(found)] == ["log.json:1", "log.json:6", "log.json:11"]


def test_items_on_one_line_are_told_apart_by_their_column(tmp_path: Path) -> None:
    found = reading(tmp_path, '[{"question": "a", "answer": "b"}, {"question": "c", "answer": "d"}]', "log.json")
    assert found.messages["source"].to_list() == ["log.json:1", "log.json:1", "log.json:1:36", "log.json:1:36"]
    assert found.messages["conversation"].n_unique() == 2


def test_an_object_by_id_gives_every_entry_its_line_and_its_key_as_id(tmp_path: Path) -> None:
    content = (
        '{\n"S1": {"messages": [{"role": "user", "content": "hi"}]},\n\n"S2": [{"role": "agent", "content": "yo"}]}'
    )
    found = reading(tmp_path, content, "log.json")
    assert said(found) == [("log.json:2", "S1", "user", "hi"), ("log.json:4", "S2", "assistant", "yo")]


def test_an_id_given_twice_in_an_object_loses_nothing(tmp_path: Path) -> None:
    one = '"S1": {"messages": [{"role": "user", "content": "hi"}]}'
    assert len(said(reading(tmp_path, f"{{{one},\n{one}}}", "log.json"))) == 2


def test_an_object_around_one_list_is_unwrapped(tmp_path: Path) -> None:
    found = reading(tmp_path, '{"code": 0,\n"data": [\n' + LINE + "]}", "log.json")
    assert said(found) == [("log.json:3", "T1", "user", "hi")]


def test_an_object_that_is_one_conversation_is_one_record(tmp_path: Path) -> None:
    found = reading(tmp_path, '{"id": "C9", "messages": [{"role": "user", "content": "hi"}]}', "log.json")
    assert said(found) == [("log.json:1", "C9", "user", "hi")]


def test_conversations_with_nested_messages_are_read(tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "hi", "time": "8:00"}, {"from": "gpt", "value": "yo"}]
    found = reading(tmp_path, json.dumps({"id": 7, "conversations": turns}) + "\n", "log.jsonl")
    assert said(found) == [("log.jsonl:1", "7", "user", "hi"), ("log.jsonl:1", "7", "assistant", "yo")]
    assert found.messages["time"].to_list() == ["8:00", None]


def test_a_recipe_names_nested_keys_and_the_keys_inside_messages(tmp_path: Path) -> None:
    record = {"key": "K", "data": {"turns": [{"who": {"kind": "usr"}, "said": ["one", "two"]}]}}
    columns = {"conversation": "key", "messages": "data.turns", "role": "who.kind", "text": "said"}
    found = reading(tmp_path, json.dumps(record), "log.jsonl", columns=columns)
    assert [row[1:] for row in said(found)] == [("K", "user", "one"), ("K", "user", "two")]


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ('"x"', "no list of messages"),
        ('[{"role": "user", "content": []}]', "no message in it"),
        ('[{"role": "user", "content": "x"}, 3]', "a message is not an object"),
        ('[{"role": "tool", "content": "x"}]', "unknown role 'tool'"),
        ('[{"role": "user"}]', "a message has no text"),
        ('[{"content": "x"}]', "a message has no role"),
        ('[{"role": "user", "content": {"a": 1}}]', "the text is an object, not text"),
    ],
)
def test_one_bad_message_sets_its_whole_conversation_aside(tmp_path: Path, messages: str, why: str) -> None:
    good = '{"messages": [{"role": "user", "content": "hi"}]}'
    found = reading(tmp_path, f'{good}\n{{"messages": {messages}}}\n', "log.jsonl")
    assert (faults(found), len(said(found))) == ([(2, why)], 1)


def test_a_record_is_a_question_with_input_answer_and_reasoning(tmp_path: Path) -> None:
    record = {"instruction": "Translate", "input": "你好", "output": "hello", "cot": "easy"}
    found = reading(tmp_path, json.dumps(record) + '\n{"instruction": " ", "output": "x"}\n', "log.jsonl")
    assert said(found) == [
        ("log.jsonl:1", "log.jsonl:1", "user", "Translate\n你好"),
        ("log.jsonl:1", "log.jsonl:1", "assistant", "hello"),
    ]
    assert found.messages["cot"].to_list() == [None, "easy"]
    assert found.messages["record"].to_list() == [True, True]
    assert faults(found) == [(2, "no question")]


def test_numbers_and_booleans_are_text(tmp_path: Path) -> None:
    found = reading(
        tmp_path,
        '{"ticket": 12, "from": "user", "body": 3.5}\n{"ticket": 12, "from": "user", "body": true}',
        "log.jsonl",
    )
    assert [row[1:] for row in said(found)] == [("12", "user", "3.5"), ("12", "user", "true")]


# --- files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("log.csv", "", "the file holds no records"),
        ("log.csv", HEADER, "the file holds no records"),
        ("log.csv", 'a,"b\n', "log.csv:1: the header cannot be read: a quote is opened"),
        ("log.jsonl", "\n \n", "the file holds no records"),
        ("log.json", "[]", "the file holds no records"),
        ("log.json", "", "the file holds no records"),
        ("log.json", " ", "log.json:1: not JSON"),
        ("log.json", '[{"a": 1},\n oops]', "log.json:2: not JSON"),
        ("log.json", LINE + LINE, "name the file .jsonl"),
        ("log.json", "3", "expected a JSON array or object, found int"),
        ("log.json", '["\\ud83d", ' + "9" * 5000 + "]", "too many digits"),
        ("log.json", "[" * 100000 + "]" * 100000, "nested too deep"),
        ("log.md", "x", "cannot tell what kind of file this is; name its format in the recipe: .*'log.md'"),
        ("log.txt", "x", "follow no pattern that is known; say in the recipe how a line is built"),
        ("log.jsonl", '{"x": 1}', "no column names.*found: x"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_is_an_error(
    tmp_path: Path, name: str, content: str | bytes, fault: str
) -> None:
    with pytest.raises(SourceError, match=fault):
        reading(tmp_path, content, name)


def test_a_file_without_records_beside_others_is_passed_over_and_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("session_id,role,text\n1,user,hi\n")
    for name, content in (("b.csv", ""), ("c.jsonl", "\n"), ("d.csv", "session_id,role,text\n"), ("e.csv", "\n\n")):
        (tmp_path / name).write_text(content)
    told: list[str] = []
    files = sorted(tmp_path.iterdir())
    found = read(files, [Source(match="[acde].*")], progress=told.append)  # an empty file needs no source
    assert found.messages.height == 1
    assert [(i.name, i.records) for i in found.inputs] == [(path.name, int(path.name == "a.csv")) for path in files]
    assert [line for line in told if "passed over" in line] == [
        f"{name} holds no records, and is passed over" for name in ("b.csv", "c.jsonl", "d.csv", "e.csv")
    ]
    with pytest.raises(SourceError, match=r"^b\.csv: the file holds no records$"):
        read(files[1:], [Source()])


def test_lines_may_end_with_a_carriage_return_alone(tmp_path: Path) -> None:
    rows = "session_id,role,text\r1,user,你好\r1,agent,在的\r" + "1,user,x\r" * 30_000
    path = tmp_path / "old.csv"
    path.write_bytes(rows.encode("gb18030"))
    found = read([path], [Source()], window=1000)
    assert found.messages.height == 30_002
    assert found.messages["source"][1] == "old.csv:3"
    assert found.unreadable.is_empty()
    assert found.inputs[0].bytes == len(rows.encode("gb18030"))


@pytest.mark.parametrize(
    "answer",
    [
        '{"code": 0, "msg": "ok", "data": {"total": 2, "list": RECORDS}}',
        '{"data": {"list": RECORDS}}',
        '{"status": 1, "page": {"no": 1, "data": {"n": 2, "rows": RECORDS}}}',
    ],
)
def test_a_list_of_records_is_found_in_the_answer_around_it(tmp_path: Path, answer: str) -> None:
    records = '[{"sid": 1, "who": "user", "said": "hi"},\n{"sid": 2, "who": "agent", "said": "yes"}]'
    columns = {"conversation": "sid", "role": "who", "text": "said"}
    found = reading(tmp_path, answer.replace("RECORDS", records), "log.json", columns=columns)
    assert said(found) == [("log.json:1", "1", "user", "hi"), ("log.json:2", "2", "assistant", "yes")]


def test_an_object_by_id_is_not_taken_for_an_answer_around_a_list(tmp_path: Path) -> None:
    log = '{"T7": {"subject": "x", "notes": [{"who": "user", "said": "hi"}]}}'
    columns = {"messages": "notes", "role": "who", "text": "said"}
    assert said(reading(tmp_path, log, "log.json", columns=columns)) == [("log.json:1", "T7", "user", "hi")]


def test_the_format_of_the_recipe_wins_over_the_ending(tmp_path: Path) -> None:
    assert len(said(reading(tmp_path, LINE, "log.txt", format="jsonl"))) == 1


def test_a_folder_stands_for_its_readable_files_in_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.csv", "a.jsonl", "notes.md"):
        (tmp_path / name).write_text("x")
    assert [path.name for path in find([tmp_path])] == ["a.jsonl", "b.csv"]


def test_missing_empty_and_doubled_inputs_are_errors(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="there is no such file"):
        find([tmp_path / "b.csv"])
    with pytest.raises(SourceError, match="no file here that can be read"):
        find([tmp_path / "empty"])
    with pytest.raises(SourceError, match="given twice"):
        find([tmp_path, tmp_path / "empty" / ".." / "a.csv"])
    with pytest.raises(SourceError, match="no input files"):
        find([])


def test_files_of_one_name_are_told_apart_by_their_folder(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "log.csv").write_text(HEADER + "a,user,hi\n")
    found = read(find([tmp_path / "x", tmp_path / "y"]), [Source()])
    assert found.messages["source"].to_list() == ["x/log.csv:2", "y/log.csv:2"]


def test_a_file_takes_the_first_source_that_matches_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y,z\nuser,hi,1\n")
    sources = [Source(match="b*"), Source(match="a*", columns={"conversation": "z", "role": "x", "text": "y"})]  # type: ignore[arg-type]
    assert said(read([tmp_path / "a.csv"], sources)) == [("a.csv:2", "1", "user", "hi")]
    with pytest.raises(SourceError, match=r'no source of the recipe matches this file; add one with match: "a.csv"'):
        read([tmp_path / "a.csv"], sources[:1])


def test_inputs_are_listed_with_their_hash_and_size(tmp_path: Path) -> None:
    (found,) = reading(tmp_path, HEADER + "a,user,hi\nb\n").inputs
    assert (found.name, found.bytes, found.records, found.encoding) == ("log.csv", 35, 2, "utf-8")
    assert found.sha256 == hashlib.sha256(b"conversation,role,text\na,user,hi\nb\n").hexdigest()


def test_a_name_that_is_not_utf_8_is_no_obstacle(tmp_path: Path) -> None:
    found = reading(tmp_path, HEADER + "a,user,hi\n", "log\udcff.csv")
    assert said(found)[0][0] == "log\\xff.csv:2"


# --- conservation -----------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [b"a,user,hi", b"a,agent,\xe4\xbd\xa0", b'"', b'""', b",", b"\n", b"\r\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf",
     b"\t", b'a,user,"x\ny"\n', b"\xc2\x85", b"\xe2\x80\xa8"]
)  # fmt: skip
OBJECTS = st.sampled_from(
    [LINE.encode(), b'{"ticket": 1, "from": "agent", "body": "\\ud800"}\n', b"{", b"}", b"[]\n", b"null\n", b"\xff\n",
     b"\n", b"NaN\n", b'{"ticket": {}, "from": "user", "body": 1}\n', b'{"from": []}\n', b"\r", b"\0"]
)  # fmt: skip


def is_conserved(found: Reading, records: int) -> None:
    assert found.messages["source"].n_unique() + found.unreadable.height == records == found.inputs[0].records
    found.messages["raw"].str.len_bytes()


@given(st.lists(PIECES | st.binary(max_size=4), max_size=12).map(b"".join))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_line_of_a_hostile_tsv_is_a_message_or_unreadable(tmp_path: Path, body: bytes) -> None:
    """A table without quoting has as many records as lines that are not blank."""
    content = HEADER.encode() + b"a,user,hi\n" + body
    lines = [line.decode("utf-8", "replace") for line in content.split(b"\n")[1:]]
    found = reading(tmp_path, content, quote=False)
    is_conserved(found, sum(bool(line.strip()) or "," in line for line in lines))


@given(st.lists(PIECES | st.binary(max_size=4), max_size=12).map(b"".join))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_line_of_a_hostile_csv_is_a_message_or_unreadable(tmp_path: Path, body: bytes) -> None:
    """With quoting, lines stand in exactly one record: together the records' lines are those of the file."""
    content = HEADER.encode() + b"a,user,hi\n" + body
    found = reading(tmp_path, content)
    is_conserved(found, found.inputs[0].records)
    begins = sorted(
        {int(source.rsplit(":", 1)[1]) for source in found.messages["source"]} | set(found.unreadable["line"])
    )
    lines = [line.decode("utf-8", "replace") for line in content.split(b"\n")]
    for number, line in enumerate(lines, 1):
        if number > 1 and line.strip() and number not in begins:  # then it is the inside of a quoted field
            assert '"' in lines[max(b for b in begins if b < number) - 1]


@given(st.lists(OBJECTS | st.binary(max_size=4), max_size=12).map(b"".join))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_line_of_hostile_json_is_a_message_or_unreadable(tmp_path: Path, body: bytes) -> None:
    content = LINE.encode() + body
    lines = [line.decode("utf-8", "replace") for line in content.split(b"\n")]
    is_conserved(reading(tmp_path, content, "log.jsonl"), sum(bool(line.strip()) for line in lines))


def test_an_answer_in_parts_is_joined_by_lines(tmp_path: Path) -> None:
    rows = [{"question": "怎么退？", "answer": ["先申请。", "再寄回。"]}, {"question": "贵吗？", "answer": [{"x": 1}]}]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    found = reading(tmp_path, text, "log.jsonl")
    assert [row[-1] for row in said(found)] == ["怎么退？", "先申请。\n再寄回。"]
    assert faults(found) == [(2, "the answer is a list, not text")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("log.csv", "session,role,text\na,user,hi\n"),
        ("log.jsonl", '{"\ufeffsession": "a", "role": "user", "text": "hi"}\n'),
    ],
)
def test_a_file_with_two_byte_order_marks_is_read(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text("\ufeff\ufeff" + content if name == "log.csv" else content, encoding="utf-8")
    found = read([tmp_path / name], [Source()]).messages
    assert found.select("conversation", "role", "raw").rows() == [("a", "user", "hi")]


def test_a_document_may_be_one_line_that_is_longer_than_any_other_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curation.encodings.LONGEST_LINE", 1000)
    log = "[" + ",".join(f'{{"session_id": 1, "role": "user", "text": "{i}"}}' for i in range(100)) + "]"
    found = reading(tmp_path, log, "log.json")
    assert [row[3] for row in said(found)] == [str(i) for i in range(100)]
    places = [place for place, char in enumerate(log, 1) if char == "{"]
    assert found.messages["source"][2] == f"log.json:1:{places[2]}"


def test_tables_and_objects_of_many_thousand_columns_are_read(tmp_path: Path) -> None:
    more = 30_000
    head = "session_id,role,text," + ",".join(f"c{i}" for i in range(more))
    found = reading(tmp_path, f"{head}\nS1,user,hi{',x' * more}\nS1,agent,yes\n")
    assert [row[3] for row in said(found)] == ["hi"]
    assert faults(found) == [(3, f"3 fields where {more + 3} are expected")]
    keys = ", ".join(f'"c{i}": 1' for i in range(more))
    found = reading(tmp_path, f'{{"session_id": 1, "role": "user", "text": "hi", {keys}}}\n', "log.jsonl")
    assert [row[3] for row in said(found)] == ["hi"]


def test_a_header_that_holds_more_lines_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^log.csv:1: the header has carriage returns in it; [^:]*$"):
        reading(tmp_path, b"session_id,role,text\rS1,user,secret\r\nS1,agent,yes\n")


def test_of_many_files_every_hundredth_is_told(tmp_path: Path) -> None:
    files = []
    for n in range(1, 204):
        files.append(tmp_path / f"{n:03}.csv")
        files[-1].write_text(f"session_id,role,text\n{n},customer,hello\n")
    told: list[str] = []
    found = read(files, [Source()], progress=told.append)
    assert found.messages.height == 203
    assert told == [*(f"{n:03}.csv" for n in range(1, 21)), "100.csv (file 100)", "200.csv (file 200)"]
