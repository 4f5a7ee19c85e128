"""Which numbers a text names, in digits of any script or as words: to check a quantity by."""

import re
import unicodedata

#: Longer texts are read as far as here.
_MAX_TEXT = 20_000
_GROUPED = re.compile(r"(?<![\w.,])\d{1,3}(?:[.,'\u00a0\u202f ]\d{3})+(?![\w.,]\d|\d)")
#: Not a part of a price, a date, a telephone number or an article number; `2x` and `x2` are numbers.
_PLAIN = re.compile(
    r"(?<![A-WYZa-wyz\d_#/+.,:-])(?:[xX×]\s?)?(\d{1,6})(?![\d_/]|[.,:-]\d)"
)
#: Its groups are no numbers of anything.
_PHONE = re.compile(r"\+\d[\d\s()./-]{4,30}")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")

#: Number to its words: en de fr es it pt nl sv da no fi pl cs tr ru uk ar. Without those that are
#: everyday words of another of these languages (`to`, `on`, `ni`, `par`): any text would name them.
_WORDS = {
    1: "one a an single ein eine einen einer einem eins un une uno una um uma een één"
    " en ett et yksi yhden jeden jedna jedno jedną jednu bir один одна одно одну"
    " واحد واحدة",
    2: "two both couple pair twice zwei zwo beide paar deux paire dos ambos due paio"
    " dois duas twee två kaksi dwa dwie dwóch dvě dva iki два две дві пара اثنين"
    " اثنان اثنتين قطعتين",
    3: "three drei trois tres tre três drie tri trzy tři kolme üç три ثلاثة ثلاث",
    4: "four vier quatre cuatro quattro quatro fyra fire neljä cztery čtyři dört четыре"
    " чотири أربعة أربع اربعة",
    5: "five fünf cinq cinco cinque vijf fem viisi pięć pět beş пять п'ять خمسة خمس",
    6: "six sechs seis sei zes sex seks kuusi sześć šest altı шесть шість ستة ست",
    7: "seven sieben sept siete sette sete zeven sju syv seitsemän siedem sedm yedi семь"
    " сім سبعة سبع",
    8: "eight acht huit ocho otto oito åtta otte åtte kahdeksan osiem osm sekiz восемь"
    " вісім ثمانية ثمان",
    9: "nine neun neuf nueve nove negen nio yhdeksän dziewięć devět dokuz девять"
    " дев'ять تسعة تسع",
    10: "ten zehn dix diez dieci dez tien tio ti kymmenen dziesięć deset десять عشرة"
    " عشر",
    11: "eleven elf onze once undici elva elleve yksitoista jedenaście jedenáct",
    12: "twelve dozen zwölf dutzend douze douzaine doce docena dodici dozzina doze dúzia"
    " twaalf dozijn tolv dussin kaksitoista tusina dwanaście tuzin dvanáct tucet düzine"
    " двенадцать дюжина دزينة",
    15: "fifteen fünfzehn quinze quince quindici vijftien femton femten piętnaście",
    20: "twenty zwanzig vingt veinte venti vinte twintig tjugo tyve kaksikymmentä"
    " dwadzieścia dvacet yirmi двадцать عشرون عشرين",
}
_NUMBERS: dict[str, set[int]] = {}
for _number, _words in _WORDS.items():
    for _word in _words.split():
        _NUMBERS.setdefault(_word, set()).add(_number)
_HALF_DOZEN = re.compile(
    r"\bhalf (?:a )?dozen|\bhalbes dutzend|\bdemi-douzaine|\bmedia docena"
    r"|\bmezza dozzina|\bmeia dúzia"
)
#: Scripts that put no space between words: the number stands before a counter.
_CJK = {
    character: number
    for number, characters in {
        1: "一壹",
        2: "二两兩貳",
        3: "三",
        4: "四",
        5: "五",
        6: "六",
        7: "七",
        8: "八",
        9: "九",
        10: "十",
    }.items()
    for character in characters
}
_CJK_COUNTED = re.compile(f"([{''.join(_CJK)}])[个個件只杯本枚つ台套份箱瓶双雙]")
_KOREAN = {
    "하나": 1,
    "한 개": 1,
    "두 개": 2,
    "두개": 2,
    "세 개": 3,
    "세개": 3,
    "네 개": 4,
    "다섯 개": 5,
    "여섯 개": 6,
    "열 개": 10,
}


def numbers_in(text: str) -> set[int]:
    """Return the whole numbers that a text names. Never raises."""
    text = unicodedata.normalize("NFKC", text[:_MAX_TEXT]).lower()
    text = _PHONE.sub(" ", text)
    found = {
        int(re.sub(r"\D", "", match[0]))
        for match in _GROUPED.finditer(text)
        if len(match[0]) < 12
    }
    found |= {int(match[1]) for match in _PLAIN.finditer(text)}
    for word in _WORD.findall(text):
        found |= _NUMBERS.get(word, set())
    if _HALF_DOZEN.search(text):
        found.add(6)
    found |= {_CJK[match[1]] for match in _CJK_COUNTED.finditer(text)}
    return found | {number for word, number in _KOREAN.items() if word in text}
