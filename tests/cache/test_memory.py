"""Answers in memory: so many bytes, so many seconds."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.memory import ENTRY, AnswerMemory, PersonaAnswers

MOST = 10 * ENTRY


def test_the_least_recently_used_goes_first() -> None:
    answers = PersonaAnswers()
    size = b"x" * (3 * ENTRY - ENTRY)
    gone = [answers.put(key, size, 100, MOST) for key in ("a", "b", "c")]
    assert answers.get("a", 0) == size
    gone.append(answers.put("d", size, 100, MOST))
    assert gone == [0, 0, 0, 1]
    assert [answers.get(key, 0) is None for key in "abcd"] == [False, True, False, False]


def test_an_answer_whose_time_is_over_is_forgotten() -> None:
    answers = PersonaAnswers()
    answers.put("a", b"x", 100, MOST)
    assert (answers.get("a", 99.9), answers.get("a", 100), len(answers)) == (b"x", None, 0)
    assert answers.size == 0


def test_one_that_is_too_large_takes_nobodys_place_and_its_own_away() -> None:
    answers = PersonaAnswers()
    answers.put("a", b"x", 100, MOST)
    answers.put("b", b"y", 100, MOST)
    assert answers.put("b", b"x" * MOST, 100, MOST) == 0
    assert (answers.get("a", 0), answers.get("b", 0)) == (b"x", None)


def test_personas_do_not_take_each_others_room() -> None:
    memory = AnswerMemory()
    memory.of("p").put("a", b"x" * 100, 100, MOST)
    memory.of("q").put("a", b"y", 100, MOST)
    assert memory.sizes() == {"p": ENTRY + 100, "q": ENTRY + 1}
    assert memory.of("p").get("a", 0) == b"x" * 100
    memory.clear()
    assert memory.of("p").get("a", 0) is None


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.integers(0, 12 * ENTRY), st.integers(0, 20)),
        max_size=40,
    )
)
def test_the_bytes_are_counted_right_and_never_too_many(
    steps: list[tuple[str, int, int]],
) -> None:
    answers = PersonaAnswers()
    for now, (key, size, ttl) in enumerate(steps):
        answers.put(key, b"x" * size, now + ttl, MOST)
        answers.get("a", now)
        held = {each: answers.get(each, -1) for each in "abcdef"}
        assert answers.size == sum(ENTRY + len(text) for text in held.values() if text is not None)
        assert answers.size <= MOST
