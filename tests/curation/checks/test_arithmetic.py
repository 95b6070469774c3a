"""Calculations in text: what is right, what is wrong, and what is nobody's business."""

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.checks.arithmetic import equations, wrong
from curation.checks.numerals import han, number, numbers


def fault(text: str) -> str | None:
    return wrong(text, tolerance=0.005)


@pytest.mark.parametrize(
    "text",
    [
        "3 + 4 = 7",
        "12 apples × 3 = 36 apples",
        "She pays $4.50 * 3 = $13.50 in all.",
        "1,200 / 3 = 400",
        "满减后是 299 - 60 = 239 元",
        "40 × 120 ÷ 360 ≈ 13.33",
        "20 / 3 = 6.67 and 20 / 3 = 6.66",
        "13.33 × 3 = 40",
        "80 + 20% = 96",
        "80 × 20% = 16 and 16 / 80 = 20% and 3 / 4 × 100% = 75",
        "2 1/2 × 4 = 10",
        r"$$\frac{1}{2}\times 16=8$$（个）",
        r"$$4\frac{1}{2}\div 3=1.5$$",
        r"$$(12-3)\times \left[ 2+1 \right]=27$$",
        "100-97+94-91\n=(100-97)+(94-91)\n=6",
        "三百五十加五十等于四百",
        "1.5万 + 5000 = 2万",
        "17 ÷ 5 = 3 …… 2",
        "2 × 60 minutes = 2 hours",
        "75 cents × 4 = $3",
        "2^10 = 1024 and 5² = 25",
        "8 x 12 = <<8*12=96>>96 eggs",
        "1/4 of them is 12/48 = <<12/48=0.25>>25%",
        "5 plus 3 equals 8",
        "3 * 0.1 = 0.30000000000000004",
        "5 people need 5 / 2 = 3 taxis",
    ],
)
def test_right_calculations_are_left_alone(text: str) -> None:
    assert fault(text) is None


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("满减后是 299 - 60 = 249 元。", "299 - 60 = 249"),
        ("12 apples × 3 = 38 apples", "12 apples × 3 = 38"),
        ("1,200 / 3 = 40", "1,200 / 3 = 40"),
        ("80 + 20% = 98", "80 + 20% = 98"),
        ("3 + 4 = 7 = 2 × 4", "7 = 2 × 4"),
        (r"$$\frac{1}{2}\times 16=7$$", "=7"),
        ("三百五十加五十等于三百八十", "三百八十"),
        ("17 ÷ 5 = 3 …… 1", "17 ÷ 5 = 3 …… 1"),
        ("20 / 3 = 7.67", "20 / 3 = 7.67"),
        ("8 x 12 = <<8*12=96>>69 eggs", ">>69"),
        ("8 x 13 = <<8*12=96>>96 eggs", "8 x 13"),
        ("25 x .2 = <<23*.2=5>>5", "25 x .2"),
        ("100-97+94-91\n=(100-97)+(94-91)\n=7", "=7"),
        ("2 × 60 minutes = 3 hours", "60 minutes = 3"),
        ("841 / 7 = 121", "841 / 7 = 121"),
        ("The rent is 2000 * $1 = $6000", "$6000"),
    ],
)
def test_wrong_calculations_are_found_where_they_stand(text: str, evidence: str) -> None:
    found = fault(text)
    assert found is not None
    assert found in text
    assert evidence in found


@pytest.mark.parametrize(
    "text",
    [
        "2x + 3 = 7",
        "3x = 12 + 9",
        "f(2) = 3 + 4",
        "1 + 2 + … + 10 = 50",
        "2024-06-18 = day 3",
        "3:4 = 6:9",
        "9:30 + 2 = 11",
        "n + 3 = 8",
        "√16 + 1 = 6",
        "5% = 3 + 4 people",
        "1 box = 3 × 4 pens",
        "2⊕3 = 2 + 22",
        "ab - 3 = 9",
        r"$$\overline{ab}+5=20$$",
        r"$$9\div 11=0.\dot{8}\dot{1}$$",
        "3 hours 20 minutes × 2 = 400 minutes",
        "9**9**9 = 1",
        "2^99999999 = 1",
        "5 / 0 = 3",
        "= 5 = ( ) = + =",
    ],
)
def test_what_cannot_be_read_whole_is_not_judged(text: str) -> None:
    assert fault(text) is None


WHOLE = st.integers(1, 9999)


@given(WHOLE, WHOLE, WHOLE, st.sampled_from(["{} + {} × {} = {}", "（{}+{}*{}）元={}元", r"$${}+{}\times {}={}$$"]))
def test_an_integer_result_must_be_exact(a: int, b: int, c: int, form: str) -> None:
    assert fault(form.format(a, b, c, a + b * c)) is None
    assert fault(form.format(a, b, c, a + b * c + 1)) is not None


@given(WHOLE, WHOLE, st.integers(0, 4))
def test_a_quotient_may_be_rounded_to_the_digits_shown(a: int, b: int, digits: int) -> None:
    exact = Fraction(a, b)
    rounded = f"{float(round(exact, digits)):.{digits}f}"
    assert fault(f"{a} / {b} = {rounded}") is None
    assert fault(f"{a} / {b} = {float(exact) * 1.5 + 2:.{digits}f}") is not None


@given(st.text("0123456789+-*/()=^.<>x% ", max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    for equation in equations(text):
        assert 0 <= equation.start < equation.end <= len(text)
    fault(text)


@pytest.mark.parametrize(
    "text", ["(" * 5000, "1+" * 20_000 + "1=3", "9**" * 3000 + "9=1", "<<" * 5000, "=" * 20_000, "1=" * 9000]
)
def test_hostile_texts_take_no_time(text: str) -> None:
    begun = time.process_time()  # not the clock, which goes on while others have the processor
    fault(text)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("三百五十", 350),
        ("一万二千", 12000),
        ("二〇二四", 2024),
        ("十五", 15),
        ("两百零三", 203),
        ("三亿", 3 * 10**8),
        ("三点五", 3.5),
    ],
)
def test_numbers_in_chinese_are_read(text: str, value: float) -> None:
    assert han(text) == Fraction(value)


def test_a_number_says_how_exact_it_is() -> None:
    assert number("12.34").doubt == Fraction(5, 1000)  # type: ignore[union-attr]
    assert number("12.5").doubt == 0  # type: ignore[union-attr]
    assert number("20%").value == Fraction(1, 5)  # type: ignore[union-attr]
    assert number("1.5万").value == 15000  # type: ignore[union-attr]
    assert number("abc") is None


def test_numbers_in_prose_are_amounts_and_no_idioms() -> None:
    assert [v for v, _, _ in numbers("十分抱歉，一般三天内退，一共付了两百元，打八折")] == [3, 200, 8]
    assert [v for v, _, _ in numbers("twenty-five pens at $1,250.50, 3/4 of them red")] == [
        25,
        Fraction(2501, 2),
        Fraction(3, 4),
    ]


@pytest.mark.parametrize(
    "text", ["一" * 19_900, "万" * 19_900, "三点" + "一" * 19_900, "9" * 19_900, "9" * 9000 + "/7", "1." + "9" * 9000]
)
def test_a_number_without_end_is_none(text: str) -> None:
    assert number(text) is None
    list(numbers(text))  # nor is it an error in prose
